package durable

import "golang.org/x/sys/unix"

// renameExclusive renames within an open directory, unless the new name is taken.
func renameExclusive(dir int, from, to string) error {
	return unix.RenameatxNp(dir, from, dir, to, unix.RENAME_EXCL)
}
