package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A commit is what is released.
type commit struct {
	id       string
	time     time.Time // of the commit: all files of a release are dated with it
	describe string    // what git describe prints
}

// readCommit reads the commit that is checked out. A version in place of what git describe
// prints may be given.
func readCommit(ctx context.Context, source, version string) (commit, error) {
	line, err := git(ctx, source, "log", "-1", "--format=%H %ct")
	if err != nil {
		return commit{}, err
	}
	id, seconds, _ := strings.Cut(line, " ")
	epoch, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return commit{}, fmt.Errorf("time of commit %s: %w", id, err)
	}
	if version == "" {
		if version, err = git(ctx, source, "describe", "--tags", "--always", "--dirty"); err != nil {
			return commit{}, err
		}
	}
	return commit{id: id, time: time.Unix(epoch, 0).UTC(), describe: version}, nil
}

// tracked returns the files of a checkout that git tracks: with their text in the working
// tree, and with their modes in the index, which depend on no umask.
func tracked(ctx context.Context, source string) (tree, error) {
	list, err := git(ctx, source, "ls-files", "-z", "--stage")
	if err != nil {
		return nil, err
	}
	modes := map[string]fs.FileMode{"100644": 0o644, "100755": 0o755}
	var all tree
	for entry := range strings.SplitSeq(strings.TrimRight(list, "\x00"), "\x00") {
		about, name, _ := strings.Cut(entry, "\t")
		bits, _, _ := strings.Cut(about, " ")
		mode, ok := modes[bits]
		if !ok || !strings.HasSuffix(about, " 0") {
			return nil, fmt.Errorf("git says %q: it is not a file, or its conflict is not resolved", entry)
		}
		text, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return nil, err
		}
		all = append(all, file{name: name, mode: mode, data: text})
	}
	return all, nil
}

// git runs git in a repository, whoever owns it, and returns what it prints.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "safe.directory=*", "-C", dir}, args...)...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("git %s: %s", strings.Join(args, " "), strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.TrimRight(string(out), "\n"), err
}

// fileVersion is the version in names of files, and the tag of the image.
func (c commit) fileVersion() string {
	name := c.describe
	if described.MatchString(name) {
		name = name[1:]
	}
	return strings.ReplaceAll(name, "+", "_") // no tag of an image may have it
}

// described matches what git describe prints where there is a tag: the version, a
// pre-release, what else the tag says, and how many commits were made since.
var described = regexp.MustCompile(`^v(\d+(?:\.\d+)*)(?:-([0-9A-Za-z.-]+?))??(?:\+([0-9A-Za-z.-]+?))??(?:-(\d+)-(g[0-9a-f]+))?(-dirty)?$`)

// packageVersion is the version that dpkg and rpm order as git does: a pre-release comes
// before its version, commits made since a version after it. A commit without a tag comes
// before all versions, and after older commits.
func (c commit) packageVersion() string {
	m := described.FindStringSubmatch(c.describe)
	if m == nil {
		return "0~" + c.time.Format("20060102150405") + "." + notInVersions.ReplaceAllString(c.describe, ".")
	}
	version := m[1]
	if m[2] != "" {
		version += "~" + notInVersions.ReplaceAllString(m[2], ".")
	}
	if m[3] != "" {
		version += "+" + notInVersions.ReplaceAllString(m[3], ".")
	}
	if m[4] != "" {
		version += "+" + m[4] + "." + m[5]
	}
	if m[6] != "" {
		version += "+dirty"
	}
	return version
}

var notInVersions = regexp.MustCompile(`[^0-9A-Za-z]+`)
