package steptest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"testing"

	"github.com/bayplan/bayplan/runner"
)

// snapshot returns everything that the step works on: every file with mode, times, size
// and content, and what the fixture says of the rest.
func (f *Fixture) snapshot(t *testing.T) map[string]string {
	t.Helper()
	state := map[string]string{}
	f.walk(t, func(path string, fi fs.FileInfo) error {
		text := fmt.Sprintf("%v %v %d", fi.Mode(), fi.ModTime(), fi.Size())
		switch {
		case fi.Mode().IsRegular():
			sums, err := (&runner.Disk{}).Sum(t.Context(), path, runner.SHA256)
			if err != nil && !errors.Is(err, fs.ErrPermission) {
				return err
			}
			text += " " + sums[runner.SHA256]
		case fi.IsDir():
			// The size of a directory says nothing and depends on the file system.
			text = fmt.Sprintf("%v %v", fi.Mode(), fi.ModTime())
		}
		state[path] = text
		return nil
	})
	if f.Snapshot != nil {
		state["what is not on disk"] = f.Snapshot()
	}
	return state
}

// fileNames returns the names and modes of all files in the step's directories,
// relative to them.
func (f *Fixture) fileNames(t *testing.T) []string {
	t.Helper()
	var names []string
	f.walk(t, func(path string, fi fs.FileInfo) error {
		for i, dir := range f.Dirs {
			if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) {
				names = append(names, fmt.Sprintf("%d: %s %s", i, rel, fi.Mode()))
				break
			}
		}
		return nil
	})
	sort.Strings(names)
	return names
}

func (f *Fixture) walk(t *testing.T, visit func(path string, fi fs.FileInfo) error) {
	t.Helper()
	for _, dir := range f.Dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			var fi fs.FileInfo
			if err == nil {
				fi, err = d.Info()
			}
			if errors.Is(err, fs.ErrNotExist) { // it has gone while we looked
				return nil
			}
			if err != nil {
				return err
			}
			return visit(path, fi)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// readAll reads planned files, as the diff of a later step may.
func readAll(files []runner.File) {
	for _, file := range files {
		if file.Open == nil {
			continue
		}
		if r, err := file.Open(); err == nil {
			_, _ = io.Copy(io.Discard, r)
			r.Close()
		}
	}
}

// checkPlanned compares a planned file with what is there now.
func checkPlanned(ctx context.Context, file runner.File) error {
	fi, err := os.Stat(file.Path)
	if err != nil {
		return err
	}
	if !filepath.IsAbs(file.Path) {
		return errors.New("its path is not absolute")
	}
	if fi.IsDir() != file.Mode.IsDir() || fi.Mode().Perm() != file.Mode.Perm() {
		return fmt.Errorf("its mode is %v, planned was %v", fi.Mode(), file.Mode)
	}
	if fi.IsDir() {
		return nil
	}
	// If the content is known only when it is written, so is the size.
	if fi.Size() != file.Size && (file.Open != nil || file.Size != 0) {
		return fmt.Errorf("it has %d bytes, planned were %d", fi.Size(), file.Size)
	}
	disk := &runner.Disk{}
	for algo, planned := range file.Sums {
		sums, err := disk.Sum(ctx, file.Path, algo)
		if err != nil {
			return err
		}
		if sums[algo] != planned {
			return fmt.Errorf("its %s is %s, planned was %s", algo, sums[algo], planned)
		}
	}
	if file.Open == nil {
		return nil
	}
	file.Sums = nil
	planned, err := runner.Planned(disk, file).Sum(ctx, file.Path, runner.SHA256)
	if err != nil {
		return fmt.Errorf("open it as planned: %w", err)
	}
	sums, err := disk.Sum(ctx, file.Path, runner.SHA256)
	if err == nil && sums[runner.SHA256] != planned[runner.SHA256] {
		err = errors.New("its content is another than Open gave")
	}
	return err
}
