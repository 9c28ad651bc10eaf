package archive

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
)

// need gives how many bytes all files have, as far as they are known.
func (x *Extraction) need() int64 {
	var n int64
	for _, e := range x.Want {
		n += e.Size
	}
	return n
}

// checkSpace tells beforehand when the files will not fit. Files that will be
// replaced count in full: until the end, both are there.
func (x *Extraction) checkSpace(root *os.Root, left int64) error {
	d, err := root.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	return CheckSpace(d, x.need()-left)
}

// CheckSpace tells when there is no room for so many more bytes in a directory.
func CheckSpace(dir *os.File, need int64) error {
	free, ok := durable.FreeSpaceOf(dir)
	if !ok || need <= free {
		return nil // where it is not known, writing will tell
	}
	err := fmt.Errorf("%q has %s free, the files take %s", dir.Name(), size(free), size(need))
	return fault.WithHint(err, roomHint)
}

const roomHint = "make room, or unpack somewhere else"

// checkRoom tells when there is no room for an entry of which nothing was
// known before.
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
