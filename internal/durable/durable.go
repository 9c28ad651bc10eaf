// Package durable writes files so that whoever looks sees the old content or
// the new, never a part, and so that what was written survives a power loss:
// a temporary file beside the target, write, fsync, rename, fsync of the
// directory. It also tells how much room there is. It knows nothing of what it
// writes, nor of steps.
//
// The temporary file is locked while its writer lives. A later write of the
// same target removes those that a killed process left, and only those.
package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// WriteFile makes write's bytes the content of path, with exactly this mode
// whatever the umask is. When anything goes wrong, path is as it was and no
// temporary file is left; only when the directory cannot be synced path may be
// the new one already. A symbolic link at path is replaced, not followed.
func WriteFile(path string, mode fs.FileMode, write func(io.Writer) error) error {
	return WriteFileAs(path, Attributes{Mode: mode}, write)
}

// Attributes are what a file gets besides its content.
type Attributes struct {
	Mode  fs.FileMode // exactly this, whatever the umask is
	Owner *Owner      // nil: whoever writes it
}

// An Owner is a user and a group by number; -1 is whoever it is now.
type Owner struct{ UID, GID int }

// WriteFileAs is WriteFile for a file that somebody else is to own. It has its
// owner before it has its name.
func WriteFileAs(path string, attrs Attributes, write func(io.Writer) error) error {
	if fi, err := os.Lstat(path); err == nil && fi.IsDir() {
		return fmt.Errorf("write %s: %w", path, syscall.EISDIR)
	}
	if err := removeLeftovers(path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	f, err := createPart(path)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := finish(f, path, attrs, write); err != nil {
		os.Remove(f.Name()) // the error that matters is the first one
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// finish fills f and gives it its name. It closes f in any case.
func finish(f *os.File, path string, attrs Attributes, write func(io.Writer) error) error {
	defer f.Close() // after the rename: closing ends the lock
	if err := write(f); err != nil {
		return err
	}
	if o := attrs.Owner; o != nil {
		if err := f.Chown(o.UID, o.GID); err != nil {
			return err
		}
	}
	if err := SetMode(f, attrs.Mode); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return Rename(f.Name(), path)
}

// WriteBytes is WriteFile for content that is at hand.
func WriteBytes(path string, mode fs.FileMode, content []byte) error {
	return WriteFile(path, mode, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// Rename renames a file and makes the new name last. It does not sync the
// file's content.
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

// MkdirAll makes a directory and its missing parents, each with exactly this
// mode whatever the umask is, and makes their names last. It gives the
// directories that it made, outermost first, also along with an error.
func MkdirAll(path string, mode fs.FileMode) (made []string, err error) {
	fi, err := os.Stat(path)
	switch {
	case err == nil && fi.IsDir():
		return nil, nil
	case err == nil:
		return nil, &fs.PathError{Op: "mkdir", Path: path, Err: syscall.ENOTDIR}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	parent := filepath.Dir(path)
	if made, err = MkdirAll(parent, mode); err != nil {
		return made, err
	}
	switch err := os.Mkdir(path, mode.Perm()); {
	case err == nil:
		return append(made, path), errors.Join(setMode(path, mode), SyncDir(parent))
	case errors.Is(err, fs.ErrExist):
		// Somebody made it in between. That is fine for a directory; for a
		// dangling link or a file Stat tells.
		if fi, statErr := os.Stat(path); statErr == nil && fi.IsDir() {
			return made, nil
		}
		return made, err
	default:
		return made, err
	}
}

// setMode gives a new directory its mode. A link that took its place in
// between is not followed.
func setMode(path string, mode fs.FileMode) error {
	d, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer d.Close()
	return SetMode(d, mode)
}

// SetMode gives an open file or directory exactly this mode, whatever the
// umask made of it. What a directory inherits besides (setgid) it keeps.
func SetMode(f *os.File, mode fs.FileMode) error {
	fi, err := f.Stat()
	if err != nil || fi.Mode().Perm() == mode.Perm() {
		return err
	}
	return f.Chmod(fi.Mode()&(fs.ModeSetgid|fs.ModeSticky) | mode.Perm())
}

// SyncDir makes the names in a directory last.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return SyncOpenDir(d)
}

// SyncOpenDir is SyncDir for a directory that is open.
func SyncOpenDir(d *os.File) error {
	err := d.Sync()
	// Some network file systems cannot sync a directory. There is nothing
	// better to do there, and refusing to work would help nobody.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}
