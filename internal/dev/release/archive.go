package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// The parts of what all archives and packages share.
const (
	manualDir     = "man/man1"
	completionDir = "completion"
	unitDir       = "examples/systemd"
)

// isDocument reports whether users get a file of the repository as it is. What one of them
// links to is another one.
func isDocument(name string) bool {
	top, _, below := strings.Cut(name, "/")
	switch {
	case !below:
		return top == "LICENSE" || top == "action.yml" || path.Ext(top) == ".md"
	case top == "schemas":
		return path.Ext(name) == ".json"
	}
	return top == "docs" || top == "examples" || top == "templates"
}

// generate returns what a program writes for a release: the manual pages, and the
// completion of shells.
func (r *release) generate(ctx context.Context, of program) (tree, error) {
	pages := filepath.Join(r.dir, "man", of.name)
	if _, err := r.runProgram(ctx, of, "man", pages); err != nil {
		return nil, err
	}
	names, err := os.ReadDir(pages)
	if err != nil {
		return nil, err
	}
	var all tree
	for _, page := range names {
		text, err := os.ReadFile(filepath.Join(pages, page.Name()))
		if err != nil {
			return nil, err
		}
		all.add(path.Join(manualDir, page.Name()), text)
	}
	if !of.completes {
		return all, nil
	}
	for shell, name := range map[string]string{"bash": "bayplan.bash", "zsh": "_bayplan", "fish": "bayplan.fish"} {
		script, err := r.runProgram(ctx, of, "completion", shell)
		if err != nil {
			return nil, err
		}
		all.add(path.Join(completionDir, name), script)
	}
	return all, nil
}

// documentsOf returns the files of the repository that users of a program get. All of them are in
// the archives and packages of bayplan.
func (r *release) documentsOf(of program) tree {
	if of.name == bayplan.name {
		return r.documents
	}
	var own tree
	for _, f := range r.documents {
		if f.name == "LICENSE" || slices.Contains(of.units, f.name) {
			own = append(own, f)
		}
	}
	return own
}

// writeArchive writes the archive for a platform. All of it is in one directory.
func (r *release) writeArchive(name string, b built) error {
	files := slices.Concat(b.licences.below("licenses"), r.documentsOf(b.program), b.generated)
	files = append(files, file{name: b.name, mode: 0o755, data: b.binary})
	packed, err := files.below(r.baseName(b)).tar(r.commit.time)
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
