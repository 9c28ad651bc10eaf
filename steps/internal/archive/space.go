package archive

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/bayplan/bayplan/internal/fault"
)

// need gives how many bytes are to be written.
func (x *Extraction) need() int64 {
	var n int64
	for _, e := range x.Want {
		if x.Have == nil || !x.Have(e) {
			n += e.Size
		}
	}
	return n
}

// checkSpace tells beforehand when the files will not fit. Files that will be
// replaced count in full: until the end, both are there.
func (x *Extraction) checkSpace(root *os.Root) error {
	need := x.need()
	if need == 0 {
		return nil
	}
	free, err := freeSpace(root)
	if err != nil || free < 0 || need <= free {
		return nil // not known: then writing will tell
	}
	err = fmt.Errorf("%q has %d bytes free, the files take %d", root.Name(), free, need)
	return fault.WithHint(err, "make room, or unpack somewhere else")
}

// freeSpace gives the bytes that this user may still write, -1 when unknown.
func freeSpace(root *os.Root) (int64, error) {
	d, err := root.Open(".")
	if err != nil {
		return -1, err
	}
	defer d.Close()
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(d.Fd()), &st); err != nil {
		return -1, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}
