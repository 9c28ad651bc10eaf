package durable

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// FreeSpace gives the bytes that this user may still write to a directory, and
// whether that is known. A directory that is not there yet will be on the file
// system of its nearest parent that is.
func FreeSpace(dir string) (int64, bool) {
	st, known := statfs(dir)
	if !known {
		return 0, false
	}
	return available(st)
}

// FreeInodes gives the number of files that may still be made in a directory, as FreeSpace
// gives the bytes. A file system that makes inodes as they are needed does not tell.
func FreeInodes(dir string) (int64, bool) {
	st, known := statfs(dir)
	if !known {
		return 0, false
	}
	return int64(st.Ffree), st.Files > 0 // Ffree has other widths elsewhere
}

// statfs asks about the file system of a directory, or of its nearest parent that is there.
func statfs(dir string) (*unix.Statfs_t, bool) {
	for {
		var st unix.Statfs_t
		err := unix.Statfs(dir, &st)
		if err == nil {
			return &st, true
		}
		parent := filepath.Dir(dir)
		if !errors.Is(err, unix.ENOENT) || parent == dir {
			return nil, false
		}
		dir = parent
	}
}

// FreeSpaceOf is FreeSpace for a directory that is open.
func FreeSpaceOf(dir *os.File) (int64, bool) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(dir.Fd()), &st); err != nil {
		return 0, false
	}
	return available(&st)
}

// available counts the bytes. A file system without blocks, as some network
// file systems show themselves, does not tell how much room it has.
func available(st *unix.Statfs_t) (int64, bool) {
	return int64(st.Bavail) * int64(st.Bsize), st.Blocks > 0 // Bsize has other widths elsewhere
}
