package steps

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// missingDirs gives the directories that making path would make, outermost
// first. That something else is in the way, or that they may not be made, is
// an error: told in a diff, not half-way through an apply.
func missingDirs(w runner.World, path string) ([]string, error) {
	fi, err := w.Stat(path)
	switch {
	case err == nil && fi.IsDir():
		return nil, nil
	case err == nil:
		return nil, fmt.Errorf("%s is there and is not a directory", path)
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(path); err == nil {
			return nil, fmt.Errorf("%s is a symbolic link that leads nowhere", path)
		}
	case !errors.Is(err, syscall.ENOTDIR): // then a parent tells which it is
		return nil, err
	}
	parent := filepath.Dir(path)
	dirs, err := missingDirs(w, parent)
	if err != nil {
		return nil, err
	}
	if len(dirs) == 0 {
		if err := checkWritable(parent); err != nil {
			return nil, err
		}
	}
	return append(dirs, path), nil
}

// checkWritable tells that nothing can be made in a directory. One that is
// only planned will belong to whoever makes it.
func checkWritable(dir string) error {
	err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	err = fmt.Errorf("no permission to write into %s: %w", dir, err)
	return fault.WithHint(err, "bayplan never calls sudo; give the user that runs it the right to write there")
}

// plannedDir is a directory as a Change announces it.
func plannedDir(path string, mode fs.FileMode) runner.File {
	return runner.File{Path: path, Mode: fs.ModeDir | mode}
}

// texts gives paths as clean text, leaving out what is not known yet.
func texts(paths []plan.Path) []string {
	var out []string
	for _, p := range paths {
		if p != "" {
			out = append(out, filepath.Clean(string(p)))
		}
	}
	return out
}
