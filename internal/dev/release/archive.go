package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// The parts of what all archives and packages share.
const (
	manualDir     = "man/man1"
	completionDir = "completion"
	unitDir       = "examples/systemd"
)

// sharedFiles returns the documents, examples and schemas of the commit, the manual pages,
// and the completion of shells.
func (r *release) sharedFiles(ctx context.Context) (tree, error) {
	list, err := git(ctx, r.source, "ls-files", "-z", "README.md", "CHANGELOG.md", "LICENSE", "SECURITY.md", "docs", "examples", "schemas/*.json")
	if err != nil {
		return nil, err
	}
	var all tree
	for _, name := range strings.Split(strings.TrimRight(list, "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(r.source, name))
		if err != nil {
			return nil, err
		}
		all.add(name, text)
	}
	pages := filepath.Join(r.dir, "man")
	if _, err := r.bayplan(ctx, "man", pages); err != nil {
		return nil, err
	}
	names, err := os.ReadDir(pages)
	if err != nil {
		return nil, err
	}
	for _, page := range names {
		text, err := os.ReadFile(filepath.Join(pages, page.Name()))
		if err != nil {
			return nil, err
		}
		all.add(path.Join(manualDir, page.Name()), text)
	}
	for shell, name := range map[string]string{"bash": "bayplan.bash", "zsh": "_bayplan", "fish": "bayplan.fish"} {
		script, err := r.bayplan(ctx, "completion", shell)
		if err != nil {
			return nil, err
		}
		all.add(path.Join(completionDir, name), script)
	}
	return all, nil
}

// writeArchive writes the archive for a platform. All of it is in one directory.
func (r *release) writeArchive(name string, b built) error {
	files := append(b.licences.below("licenses"), r.shared...)
	files = append(files, file{name: "bayplan", mode: 0o755, data: b.binary})
	packed, err := files.below(r.baseName(b.platform)).tar(r.commit.time)
	if err != nil {
		return err
	}
	data, err := gzipped(packed)
	if err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o644)
}

// writeSums writes SHA256SUMS for all files of a directory.
func writeSums(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var sums strings.Builder
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(data), e.Name())
	}
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(sums.String()), 0o644)
}
