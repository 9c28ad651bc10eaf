package archive

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
)

// need returns the size of all files, or 0 if the archive was not listed.
func (x *Extraction) need() int64 {
	var n int64
	for _, e := range x.Want {
		n += e.Size
	}
	return n
}

// checkSpace returns an error if the files will not fit on the disk. left is the
// size of the files that exist already. Files to replace count in full: the old
// and the new one exist together until the end.
func (x *Extraction) checkSpace(root *os.Root, left int64) error {
	d, err := root.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	return CheckSpace(d, x.need()-left)
}

// CheckSpace returns an error if a directory has no room for need more bytes.
func CheckSpace(dir *os.File, need int64) error {
	free, ok := durable.FreeSpaceOf(dir)
	if !ok || need <= free {
		return nil // if the free space is unknown, writing finds out
	}
	err := fmt.Errorf("%q has %s free, the files take %s", dir.Name(), size(free), size(need))
	return fault.WithHint(err, roomHint)
}

const roomHint = "make room, or unpack somewhere else"

// checkRoom returns an error if there is no room for an entry. It is for
// archives that were not listed before.
func checkRoom(dir *os.File, e Entry) error {
	free, ok := durable.FreeSpaceOf(dir)
	if !ok || e.Size <= free {
		return nil
	}
	err := fmt.Errorf("entry %q takes %s, %s are free: %w", e.Name, size(e.Size), size(free), unix.ENOSPC)
	return fault.WithHint(err, roomHint)
}

// size writes a number of bytes exactly, and so that people can grasp it.
func size(n int64) string {
	if n < 1<<30 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%d bytes (%.1f GiB)", n, float64(n)/(1<<30))
}
