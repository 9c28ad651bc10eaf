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

// PartPrefix is how the name of every temporary file and directory begins.
const PartPrefix = ".bayplan-part-"

// maxName is the longest file name on all usual file systems, in bytes.
const maxName = 255

// partName returns the name of a target's temporary files without the random
// end: the prefix and the name of the target, so that a person who finds such a
// file knows its target. A target whose name is too long for that is named by
// its digest.
func partName(target string) string {
	name := filepath.Base(target)
	if len(PartPrefix)+len(name)+1+partRandomLen <= maxName {
		return PartPrefix + name
	}
	sum := sha256.Sum256([]byte(name))
	return PartPrefix + hex.EncodeToString(sum[:])
}

// partRandomLen is the length of the random end of a temporary file's name, a
// rand.Text.
const partRandomLen = 26

// createPart makes a new temporary file for path and locks it.
func createPart(path string) (*os.File, error) {
	for range mostTries {
		name := filepath.Join(filepath.Dir(path), partName(path)+"-"+rand.Text())
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, err
		}
		// Between creating and locking, another process may have removed the
		// file as a leftover. Then the loop makes another one.
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
	return nil, errors.New("the file system does not keep a new file")
}

// lock locks f and reports whether it could; false means that another process
// holds the lock. On a file system without locks it returns true: a file that
// cannot be locked is never removed as a leftover.
func lock(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case err == nil, locksUnsupported(err):
		return true, nil
	case errors.Is(err, unix.EWOULDBLOCK):
		return false, nil
	}
	return false, &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
}

func locksUnsupported(err error) bool {
	return errors.Is(err, unix.ENOLCK) || errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS)
}

// removeLeftovers removes the temporary files that killed writers of path left
// behind.
func removeLeftovers(path string) error {
	prefix := partName(path) + "-"
	return removeParts(filepath.Dir(path), func(name string) bool {
		return strings.HasPrefix(name, prefix) && len(name) == len(prefix)+partRandomLen
	})
}

// RemoveLeftovers removes the temporary files that killed writers of any file
// left in a directory. A directory that has gone has none: it may have been a temporary
// one, which its writer has just renamed.
func RemoveLeftovers(dir string) error {
	err := removeParts(dir, func(name string) bool {
		return strings.HasPrefix(name, PartPrefix) && strings.LastIndexByte(name, '-') == len(name)-partRandomLen-1
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// removeParts removes the temporary files of a directory that no living writer
// has.
func removeParts(dir string, isPart func(name string) bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !isPart(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		if err := removeUnlocked(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// removeUnlocked removes a temporary file unless its writer holds the lock.
func removeUnlocked(name string) error {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil // renamed meanwhile, or owned by another user
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil // its writer lives, or the file system has no locks
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
