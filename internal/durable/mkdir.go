package durable

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// MkdirAll makes a directory and its missing parents and makes their names
// durable. Each gets exactly this mode; the umask has no effect. It returns the
// directories that it made, outermost first, also together with an error.
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
	d, err := os.Open(parent)
	if err != nil {
		return made, err
	}
	defer d.Close()
	switch err := MkdirIn(d, filepath.Base(path), mode); {
	case err == nil:
		return append(made, path), SyncOpenDir(d)
	case errors.Is(err, fs.ErrExist):
		// Another process made it in between. A directory is fine; a dangling
		// link or a file is not.
		if fi, statErr := os.Stat(path); statErr == nil && fi.IsDir() {
			return made, nil
		}
		return made, err
	default:
		return made, err
	}
}

// MkdirIn makes a directory in an open one. It gets exactly this mode before it
// gets its name: the umask changes the mode of a new directory, and nobody looks
// at the mode again if the process is killed in between. The error is
// fs.ErrExist if the name is taken.
func MkdirIn(parent *os.File, name string, mode fs.FileMode) error {
	var err error
	part := partName(name) + "-new"
	for range mostTries {
		var again bool
		if again, err = mkdirOnce(parent, part, name, mode); err == nil {
			return nil
		}
		if !again {
			return &fs.PathError{Op: "mkdir", Path: filepath.Join(parent.Name(), name), Err: err}
		}
		part = partName(name) + "-" + rand.Text()
	}
	// Others take a name away once or twice. A file system such as /proc has always the
	// same answer.
	err = fmt.Errorf("the file system takes no new directory (%v)", err)
	return &fs.PathError{Op: "mkdir", Path: filepath.Join(parent.Name(), name), Err: err}
}

// mostTries is how often MkdirIn tries a name that is taken away from it.
const mostTries = 100

// mkdirOnce makes a directory under the name part, and renames it. It reports whether
// another name may help.
func mkdirOnce(parent *os.File, part, name string, mode fs.FileMode) (again bool, err error) {
	fd := int(parent.Fd())
	err = makeDir(fd, part, mode)
	if errors.Is(err, unix.EEXIST) {
		// A killed process left it, or a living one is at work, which will make
		// another one.
		_ = unix.Unlinkat(fd, part, unix.AT_REMOVEDIR)
		return true, err
	}
	if err == nil {
		if err = renameExclusive(fd, part, name); err != nil {
			_ = unix.Unlinkat(fd, part, unix.AT_REMOVEDIR)
		}
	}
	switch {
	case errors.Is(err, unix.ENOENT) && exists(parent):
		return true, err // another process took it for a leftover
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.ENOTSUP):
		// Some network file systems cannot rename without replacing.
		err = makeDir(fd, name, mode)
	}
	return false, err
}

// exists reports whether an open directory has not been removed.
func exists(dir *os.File) bool {
	var st unix.Stat_t
	return unix.Fstat(int(dir.Fd()), &st) == nil && st.Nlink > 0
}

// makeDir makes a directory and sets its mode. It does not follow a link that has
// replaced the directory in between.
func makeDir(parent int, name string, mode fs.FileMode) error {
	if err := unix.Mkdirat(parent, name, uint32(mode.Perm())); err != nil {
		return err
	}
	fd, err := unix.Openat(parent, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EACCES) { // the umask took the owner's own rights
		if err = unix.Fchmodat(parent, name, uint32(mode.Perm()), 0); err == nil {
			return nil
		}
	}
	if err != nil {
		return err
	}
	d := os.NewFile(uintptr(fd), name)
	defer d.Close()
	return SetMode(d, mode)
}
