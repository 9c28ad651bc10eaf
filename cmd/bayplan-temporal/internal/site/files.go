package site

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/request"
	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
)

// digestFile holds the digest of the run whose files lie in a plan's folder, and then their names.
const digestFile = ".run"

// write makes the files of a run those of the plan's folder, and returns the plan file. Files of
// an earlier run that are not in this one are deleted. Within one run nothing is written again:
// the lock file may hold what steps of this site have looked up.
func (s *Site) write(run *request.Bundle) (string, error) {
	dir := s.dir(run.Plan)
	file := filepath.Join(dir, filepath.FromSlash(run.File))
	if err := run.Check(); err != nil {
		return "", err
	}
	old := strings.Split(strings.TrimSpace(read(filepath.Join(dir, digestFile))), "\n")
	if old[0] == run.Digest {
		return file, nil
	}
	if _, err := durable.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the folder of the plan: %w", err)
	}
	lines := []string{run.Digest}
	for _, name := range slices.Sorted(maps.Keys(run.Files)) {
		lines = append(lines, name)
		if err := put(filepath.Join(dir, filepath.FromSlash(name)), run.Files[name]); err != nil {
			return "", fmt.Errorf("write the files of the plan: %w", err)
		}
	}
	for _, name := range old[1:] {
		if run.Files[name] == nil && filepath.IsLocal(name) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", fmt.Errorf("delete a file of the plan of before: %w", err)
			}
		}
	}
	return file, durable.WriteBytes(filepath.Join(dir, digestFile), 0o600, []byte(strings.Join(lines, "\n")+"\n"))
}

func read(file string) string {
	b, _ := os.ReadFile(file) // without it all files are written
	return string(b)
}

// put writes a file whose content is another.
func put(file string, data []byte) error {
	if there, err := os.ReadFile(file); err == nil && bytes.Equal(there, data) {
		return nil
	}
	if _, err := durable.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return durable.WriteBytes(file, 0o600, data)
}

// lock takes the lock of a file, or returns an error that says what holds it.
func lock(file, held string) (*os.File, error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fault.WithHint(errors.New(held), "stop it, or give this one another folder with --dir")
		}
		return nil, err
	}
	return f, nil
}
