package rehearse

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

// A gitFiles is the tree of files of a revision.
type gitFiles struct {
	dir  string // where the files were written
	top  string // the top directory of the repository
	file string // the plan, below dir
}

// gitTree writes the files of a revision into a directory: those of the repository in which
// a plan's file lies. Files of more than maxOwn are left out, and so are links: a rehearsal
// reads neither. It asks no other repository.
func gitTree(ctx context.Context, revision, file, into string) (gitFiles, error) {
	if _, err := exec.LookPath("git"); err != nil {
		return gitFiles{}, fault.WithHint(errors.New("this machine has no git"), "write the file of that revision out, and name it: --base FILE")
	}
	file, err := filepath.EvalSymlinks(file)
	if err != nil {
		return gitFiles{}, err
	}
	top, err := git(ctx, filepath.Dir(file), "rev-parse", "--show-toplevel")
	if err != nil {
		return gitFiles{}, err
	}
	commit, err := git(ctx, top, "rev-parse", "--verify", "--end-of-options", revision+"^{commit}")
	if err != nil {
		return gitFiles{}, fault.WithHint(fmt.Errorf("git knows no revision %s (%w)", revision, err), "in a CI job, fetch it first: git fetch origin BRANCH")
	}
	below, err := filepath.Rel(top, file)
	if err != nil {
		return gitFiles{}, err
	}
	cmd := gitCommand(ctx, top, "archive", "--format=tar", commit)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return gitFiles{}, err
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return gitFiles{}, err
	}
	if err = extract(out, into); err != nil {
		_ = out.Close() // git would wait for a reader
	}
	if ended := cmd.Wait(); err == nil && ended != nil {
		err = fmt.Errorf("git archive: %w: %s", ended, strings.TrimSpace(said.String()))
	}
	tree := gitFiles{dir: into, top: top, file: filepath.Join(into, below)}
	if _, there := os.Stat(tree.file); err == nil && there != nil {
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
func extract(from io.Reader, into string) error {
	for r := tar.NewReader(from); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			_, err = io.Copy(io.Discard, from) // what pads the archive
			return err
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || h.Size > maxOwn || !filepath.IsLocal(h.Name) {
			continue
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if err := write(filepath.Join(into, h.Name), content); err != nil {
			return err
		}
	}
}
