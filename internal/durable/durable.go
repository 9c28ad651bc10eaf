// Package durable writes files so that a reader sees the old content or the
// new, never a part, and so that written content survives a power loss. It
// writes a temporary file beside the target, syncs it, renames it and syncs the
// directory. It also says how much room a disk has. It does not know what it
// writes, nor any step.
//
// The temporary file is locked while its writer lives. The next write of the
// same target removes the temporary files that a killed process left, and only
// those.
package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	_ "github.com/bayplan/bayplan/internal/platform" // first, so that its sentence is the error of a build elsewhere
)

// WriteFile makes the bytes of write the content of path. The file gets exactly
// this mode; the umask has no effect. After an error path is unchanged and no
// temporary file is left, with one exception: when only the sync of the
// directory fails, path may already have its new content. A symbolic link at
// path is replaced, not followed.
func WriteFile(path string, mode fs.FileMode, write func(io.Writer) error) error {
	return WriteFileAs(path, Attributes{Mode: mode}, write)
}

// Attributes are the mode and the owner of a new file.
type Attributes struct {
	Mode  fs.FileMode // the umask has no effect on it
	Owner *Owner      // nil: the user who writes the file
}

// An Owner is a user and a group by number; -1 leaves one unchanged.
type Owner struct{ UID, GID int }

// WriteFileAs is WriteFile with an owner. The file gets its owner before it
// gets its name.
func WriteFileAs(path string, attrs Attributes, write func(io.Writer) error) error {
	if fi, err := os.Lstat(path); err == nil && fi.IsDir() {
		return fmt.Errorf("write %s: %w", path, syscall.EISDIR)
	}
	if err := removeLeftovers(path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	f, err := Create(path)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer f.Abort()
	if err := write(f.File); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := f.Commit(path, attrs); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// A File is a temporary file that becomes lasting with Commit. It is locked
// while it is open.
type File struct {
	*os.File
	ended bool
}

// Create makes a temporary file beside path. It is called after path, so that a
// person who finds it knows what it was to be.
func Create(path string) (*File, error) {
	f, err := createPart(path)
	if err != nil {
		return nil, err
	}
	return &File{File: f}, nil
}

// Commit gives the file its attributes, makes its content last and renames it
// to path, which must be on the same file system.
func (f *File) Commit(path string, attrs Attributes) error {
	if o := attrs.Owner; o != nil {
		if err := f.Chown(o.UID, o.GID); err != nil {
			return err
		}
	}
	if err := SetMode(f.File, attrs.Mode); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	f.ended = true
	f.Close() // after the rename: closing ends the lock
	return SyncDir(filepath.Dir(path))
}

// Abort removes the file, unless it has been committed.
func (f *File) Abort() {
	if f.ended {
		return
	}
	f.ended = true
	f.Close()
	os.Remove(f.Name()) // the error that matters is the one that led here
}

// WriteBytes is WriteFile for content in memory.
func WriteBytes(path string, mode fs.FileMode, content []byte) error {
	return WriteFile(path, mode, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// Rename renames a file and makes the new name durable. It does not sync the
// content of the file.
func Rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	if err := SyncDir(filepath.Dir(to)); err != nil {
		return err
	}
	if filepath.Dir(from) == filepath.Dir(to) {
		return nil
	}
	return SyncDir(filepath.Dir(from))
}

// SetMode sets exactly this mode on an open file or directory; the umask has no
// effect. An inherited setgid bit and a sticky bit stay.
func SetMode(f *os.File, mode fs.FileMode) error {
	fi, err := f.Stat()
	if err != nil || fi.Mode().Perm() == mode.Perm() {
		return err
	}
	return f.Chmod(fi.Mode()&(fs.ModeSetgid|fs.ModeSticky) | mode.Perm())
}

// SyncDir makes the names in a directory durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return SyncOpenDir(d)
}

// SyncOpenDir is SyncDir for an open directory.
func SyncOpenDir(d *os.File) error {
	err := d.Sync()
	// Some network file systems cannot sync a directory. Nothing better can be
	// done there, and an error would only stop useful work.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}
