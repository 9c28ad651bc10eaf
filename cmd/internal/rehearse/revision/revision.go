// Package revision reads the files of a revision of a git repository. It asks no other repository.
package revision

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
)

// A Tree is the files of a revision.
type Tree struct {
	Dir  string // where the files were written
	Top  string // the top directory of the repository
	File string // the plan, below Dir
}

// Read writes the files of a revision into a directory: those of the repository in which
// a plan's file lies. Files of more than most bytes are left out, and so are links: a rehearsal
// reads neither. It asks no other repository.
func Read(ctx context.Context, revision, file, into string, most int64) (Tree, error) {
	if _, err := exec.LookPath("git"); err != nil {
		return Tree{}, fault.WithHint(errors.New("this machine has no git"), "write the file of that revision out, and name it: --base FILE")
	}
	file, err := filepath.EvalSymlinks(file)
	if err != nil {
		return Tree{}, err
	}
	top, err := git(ctx, filepath.Dir(file), "rev-parse", "--show-toplevel")
	if err != nil {
		return Tree{}, err
	}
	commit, err := git(ctx, top, "rev-parse", "--verify", "--end-of-options", revision+"^{commit}")
	if err != nil {
		return Tree{}, fault.WithHint(fmt.Errorf("git knows no revision %s (%w)", revision, err), "in a CI job, fetch it first: git fetch origin BRANCH")
	}
	below, err := filepath.Rel(top, file)
	if err != nil {
		return Tree{}, err
	}
	cmd := gitCommand(ctx, top, "archive", "--format=tar", commit)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return Tree{}, err
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return Tree{}, err
	}
	if err = extract(out, into, most); err != nil {
		_ = out.Close() // git would wait for a reader
	}
	if ended := cmd.Wait(); err == nil && ended != nil {
		err = fmt.Errorf("git archive: %w: %s", ended, strings.TrimSpace(said.String()))
	}
	tree := Tree{Dir: into, Top: top, File: filepath.Join(into, below)}
	if _, there := os.Stat(tree.File); err == nil && there != nil {
		err = fmt.Errorf("the revision has no file %s", below)
	}
	return tree, err
}

// git runs git and gives what it prints.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	var out, said bytes.Buffer
	cmd := gitCommand(ctx, dir, args...)
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(said.String()))
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

func gitCommand(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GIT_NO_LAZY_FETCH=1", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0")
	return cmd
}

// extract writes the files of an archive of git.
func extract(from io.Reader, into string, most int64) error {
	for r := tar.NewReader(from); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			_, err = io.Copy(io.Discard, from) // what pads the archive
			return err
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || h.Size > most || !filepath.IsLocal(h.Name) {
			continue
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		file := filepath.Join(into, h.Name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, content, 0o644)); err != nil {
			return err
		}
	}
}
