// Package hostfiles holds what step types do with files of the host: directories
// that are missing, copies, digests, and errors that name a file of the plan. It
// sees the disk as steps see it, through a runner.World. Code that only one type
// needs stays with that type. How bytes reach the disk is in internal/durable.
package hostfiles

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner"
)

// MissingDirs gives the directories that have to be made for path, outermost
// first. It gives an error when something else is in the way or when this user may
// not make them. So a diff reports it, and no apply stops half-way.
func MissingDirs(w runner.World, path string) ([]string, error) {
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
	case !errors.Is(err, syscall.ENOTDIR): // for ENOTDIR the check of a parent names the file in the way
		return nil, err
	}
	parent := filepath.Dir(path)
	dirs, err := MissingDirs(w, parent)
	if err != nil {
		return nil, err
	}
	if len(dirs) == 0 {
		if err := CheckWritable(parent); err != nil {
			return nil, err
		}
	}
	return append(dirs, path), nil
}

// CheckWritable gives an error when no file can be made in a directory. A
// directory that is only planned passes: it will belong to the user that makes it.
func CheckWritable(dir string) error {
	err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	err = fmt.Errorf("no permission to write into %s: %w", dir, err)
	return fault.WithHint(err, "bayplan never calls sudo; give the user that runs it the right to write there")
}

// PlannedDir gives a directory as a Change announces it.
func PlannedDir(path string, mode fs.FileMode) runner.File {
	return runner.File{Path: path, Mode: fs.ModeDir | mode}
}
