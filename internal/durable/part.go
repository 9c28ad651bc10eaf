package durable

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// PartPrefix begins the name of every temporary file and directory.
const PartPrefix = ".bayplan-part-"

// maxName is how long a file's name may be on all usual file systems.
const maxName = 255

// partName gives the name, without its random end, of the temporary files of
// a target: the prefix and the target's own name, so that a person who finds
// one knows what it was to be.
func partName(target string) string {
	name := filepath.Base(target)
	if len(PartPrefix)+len(name)+1+partRandom <= maxName {
		return PartPrefix + name
	}
	sum := sha256.Sum256([]byte(name))
	return PartPrefix + hex.EncodeToString(sum[:])
}

// partRandom is the length of the random end of a temporary file's name.
const partRandom = 26 // of rand.Text

// createPart makes a new temporary file for path and locks it.
func createPart(path string) (*os.File, error) {
	for {
		name := filepath.Join(filepath.Dir(path), partName(path)+"-"+rand.Text())
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, err
		}
		// Between creating and locking somebody may have taken it for a
		// leftover. Then it is gone, and another is made.
		if ours, err := lock(f); err != nil || ours {
			if err != nil {
				f.Close()
				os.Remove(name)
				return nil, err
			}
			if _, err := os.Lstat(name); err == nil {
				return f, nil
			}
		}
		f.Close()
	}
}

// lock locks f unless somebody else has. Where the file system knows no locks
// it is as if it had been locked: nobody removes what they cannot lock.
func lock(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case err == nil, noLocks(err):
		return true, nil
	case errors.Is(err, unix.EWOULDBLOCK):
		return false, nil
	}
	return false, &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
}

func noLocks(err error) bool {
	return errors.Is(err, unix.ENOLCK) || errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS)
}

// removeLeftovers removes the temporary files that killed writers of path
// left.
func removeLeftovers(path string) error {
	dir, prefix := filepath.Dir(path), partName(path)+"-"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), prefix)
		if !ok || len(rest) != partRandom || !e.Type().IsRegular() {
			continue
		}
		if err := removeDead(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// removeDead removes a temporary file unless its writer lives.
func removeDead(name string) error {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil // finished meanwhile, or somebody else's
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil // its writer lives, or there is no way to tell
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
