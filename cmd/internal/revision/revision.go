// Package revision reads files as they are in a revision of a git repository, by the paths
// that they have in the working tree. It asks git alone for objects that are there: it
// changes nothing in the repository, asks no other one, and runs no filter or hook of it.
package revision

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

// A Tree is the files of a revision. What Place is asked for is written below a directory,
// each file at its own absolute path there.
type Tree struct {
	top     string // of the working tree, as paths name it
	commit  string
	into    string
	entries map[string]entry  // by their paths below top, with slashes
	dirs    map[string]bool   // above an entry; "." is top
	links   map[string]string // where symbolic links lead, by their objects
	written map[string]bool   // paths for which Place has done its work
}

// An entry is a file, a symbolic link or a submodule of a revision.
type entry struct{ mode, object string }

const (
	linkMode      = "120000"
	submoduleMode = "160000"
)

// Open lists the files of a revision: those of the repository in which a file lies, which is
// a path of the working tree. REVISION... is what the working tree's commit and REVISION have
// in common, as in git diff. Files will be written below the absolute directory into.
func Open(ctx context.Context, revision, file, into string) (*Tree, error) {
	if _, err := exec.LookPath("git"); err != nil {
		return nil, fault.WithHint(errors.New("this machine has no git"), "write the file of that revision out, and name it: --base FILE")
	}
	file, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		return nil, err
	}
	top, err := text(ctx, filepath.Dir(real), "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	if err := checkLinks(ctx, file, top); err != nil {
		return nil, err
	}
	commit, err := find(ctx, top, revision)
	if err != nil {
		return nil, err
	}
	t := &Tree{top: top, commit: commit, into: into, entries: map[string]entry{}, dirs: map[string]bool{".": true}, written: map[string]bool{}}
	if err := git(ctx, top, nil, t.list, "ls-tree", "-r", "-z", "--full-tree", commit); err != nil {
		return nil, err
	}
	if err := t.readLinks(ctx); err != nil {
		return nil, err
	}
	if below, ok := strings.CutPrefix(real, top); ok { // the way to the repository may lead over links
		if shown, ok := strings.CutSuffix(file, below); ok {
			t.top = shown
		}
	}
	return t, nil
}

// longestLink is the longest path that a symbolic link of Linux holds, in bytes.
const longestLink = 4095

// readLinks finds out where symbolic links lead. Those that are not there lead nowhere.
func (t *Tree) readLinks(ctx context.Context) error {
	t.links = map[string]string{}
	for _, e := range t.entries {
		if e.mode == linkMode {
			t.links[e.object] = ""
		}
	}
	sizes, err := t.sizes(ctx, slices.Collect(maps.Keys(t.links)))
	if err != nil {
		return err
	}
	maps.DeleteFunc(sizes, func(_ string, size int64) bool { return size > longestLink })
	return t.contents(ctx, slices.Sorted(maps.Keys(sizes)), func(object string, content []byte) error {
		t.links[object] = string(content)
		return nil
	})
}

// find gives the commit that a text names.
func find(ctx context.Context, top, revision string) (string, error) {
	name, common := strings.CutSuffix(revision, "...")
	commit, err := text(ctx, top, "rev-parse", "--verify", "--end-of-options", name+"^{commit}")
	if err != nil {
		return "", fault.WithHint(fmt.Errorf("git knows no revision %s (%w)", name, err), "in a CI job, fetch it first: git fetch origin BRANCH")
	}
	if !common {
		return commit, nil
	}
	if commit, err = text(ctx, top, "merge-base", commit, "HEAD"); err != nil {
		return "", fault.WithHint(fmt.Errorf("HEAD and %s have no commit in common (%w)", name, err), "in a CI job, fetch the whole history: fetch-depth: 0, or GIT_DEPTH: 0")
	}
	return commit, nil
}

// mostListed is the largest size of a list of files, in bytes.
const mostListed = 1 << 30

// list reads what git ls-tree prints: MODE TYPE OBJECT, a tab, the path and a zero byte for
// each entry.
func (t *Tree) list(from io.Reader) error {
	limited := &io.LimitedReader{R: from, N: mostListed}
	for r := bufio.NewReader(limited); ; {
		line, err := r.ReadString(0)
		switch {
		case errors.Is(err, io.EOF) && line == "" && limited.N > 0:
			return nil
		case errors.Is(err, io.EOF):
			return errors.New("git lists too many files, or stopped in one")
		case err != nil:
			return err
		}
		about, name, _ := strings.Cut(strings.TrimSuffix(line, "\x00"), "\t")
		words := strings.Fields(about)
		if len(words) != 3 {
			return fmt.Errorf("git lists %q, which is not an entry of a tree", line)
		}
		if path.Clean(name) != name || !filepath.IsLocal(name) {
			continue // git checks no such name out
		}
		t.entries[name] = entry{mode: words[0], object: words[2]}
		for dir := path.Dir(name); !t.dirs[dir]; dir = path.Dir(dir) {
			t.dirs[dir] = true
		}
	}
}

// Has reports whether the revision decides what is at an absolute path: it lies in the
// working tree, and not in a submodule.
func (t *Tree) Has(file string) bool {
	name, inside := t.below(file)
	for ; inside && name != "."; name = path.Dir(name) {
		if t.entries[name].mode == submoduleMode {
			return false
		}
	}
	return inside
}

// below gives a path below the top of the working tree.
func (t *Tree) below(file string) (string, bool) {
	name, err := filepath.Rel(t.top, file)
	return filepath.ToSlash(name), err == nil && filepath.IsLocal(name)
}

// text runs git and gives what it prints, without the last line end.
func text(ctx context.Context, dir string, args ...string) (string, error) {
	var out bytes.Buffer
	err := git(ctx, dir, nil, func(r io.Reader) error {
		_, err := io.Copy(&out, io.LimitReader(r, 1<<20))
		return err
	}, args...)
	return strings.TrimSuffix(out.String(), "\n"), err
}

// wanted are the variables that git gets: how it is found, and which settings it reads. In a
// hook, others name another repository than the one of the plan, and many are secrets.
var wanted = []string{"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "SUDO_UID", "XDG_CONFIG_HOME"}

func unwanted(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return !slices.Contains(wanted, name)
}

// git runs git, and lets read read what it prints. What git says is wrong comes before an
// error of read. Files of the working tree can look like a repository of their own, without
// .git: git takes none of these.
func git(ctx context.Context, dir string, in io.Reader, read func(io.Reader) error, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir, "-c", "protocol.allow=never", "-c", "core.fsmonitor=", "-c", "safe.bareRepository=explicit"}, args...)...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), unwanted), "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_NO_REPLACE_OBJECTS=1")
	cmd.WaitDelay = 5 * time.Second
	var said bytes.Buffer
	cmd.Stdin, cmd.Stderr = in, &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	wrong := read(out)
	_ = out.Close() // what is left is not wanted, and git would wait for a reader
	ended := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case ended != nil && said.Len() > 0:
		return fmt.Errorf("git %s: %w: %s", args[0], ended, strings.TrimSpace(said.String()))
	case wrong != nil:
		return wrong
	case ended != nil:
		return fmt.Errorf("git %s: %w", args[0], ended)
	}
	return nil
}
