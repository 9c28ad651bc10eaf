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
	for {
		var st unix.Statfs_t
		err := unix.Statfs(dir, &st)
		if err == nil {
			return available(&st)
		}
		parent := filepath.Dir(dir)
		if !errors.Is(err, unix.ENOENT) || parent == dir {
			return 0, false
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
