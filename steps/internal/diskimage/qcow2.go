// Package diskimage looks at disk images before anybody else does: the image
// service takes whatever it is given, and the machines that unpack the image
// later follow what its header says, even to files of their own. It knows
// nothing of clouds, and reads headers only.
package diskimage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The parts of a qcow2 header that matter here, and what they may say.
const (
	qcow2Magic    = "QFI\xfb"
	headerV2      = 72  // bytes of a version 2 header
	headerV3      = 104 // the least of a version 3 header
	dirtyBit      = 1 << 0
	corruptBit    = 1 << 1
	dataFileBit   = 1 << 2
	compressBit   = 1 << 3
	extendedL2Bit = 1 << 4

	// MaxVirtualSize bounds the size of the disk that an image may stand for:
	// a file of a megabyte can claim to be one of terabytes.
	MaxVirtualSize = 2 << 40
)

// CheckQCOW2 refuses an image that is no qcow2, or whose header reaches for
// other files: a backing file or an external data file. r gives the image from
// its start; size is the size of the whole. No more than the header is read.
func CheckQCOW2(r io.Reader, size int64) error {
	head := make([]byte, headerV3)
	n, err := io.ReadFull(r, head)
	switch {
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF):
		return err
	case n == 0:
		return errors.New("it is empty")
	case !bytes.HasPrefix(head, []byte(qcow2Magic)):
		return fmt.Errorf("it is no qcow2 image: it starts with %q", head[:min(n, 4)])
	case n < headerV2:
		return fmt.Errorf("its qcow2 header is cut off after %d bytes", n)
	}
	h := header{head[:n]}
	if err := h.features(); err != nil {
		return err
	}
	return h.layout(size)
}

// A header is the start of a qcow2 image, numbers in big-endian order.
type header struct{ b []byte }

func (h header) u32(at int) uint32 { return binary.BigEndian.Uint32(h.b[at:]) }
func (h header) u64(at int) uint64 { return binary.BigEndian.Uint64(h.b[at:]) }

// features refuses what makes a reader look outside the image, and what no
// reader can know how to read.
func (h header) features() error {
	version := h.u32(4)
	if version != 2 && version != 3 {
		return fmt.Errorf("its qcow2 version is %d; 2 and 3 are known", version)
	}
	if h.u64(8) != 0 {
		return errors.New("it names a backing file, from which whoever reads the image would read on")
	}
	if version == 2 {
		return nil
	}
	if len(h.b) < headerV3 {
		return fmt.Errorf("its qcow2 header is cut off after %d bytes", len(h.b))
	}
	switch bits := h.u64(72); {
	case bits&dataFileBit != 0:
		return errors.New("its data are in an external file, which whoever reads the image would open")
	case bits&corruptBit != 0:
		return errors.New("it is marked as corrupt")
	case bits&^(dirtyBit|compressBit|extendedL2Bit) != 0:
		return fmt.Errorf("it needs qcow2 features that are not known (%#x)", bits)
	}
	return nil
}

// layout refuses an image whose tables cannot be where its header says.
func (h header) layout(size int64) error {
	if virtual := h.u64(24); virtual == 0 || virtual > MaxVirtualSize {
		return fmt.Errorf("it claims to be a disk of %d bytes", virtual)
	}
	if bits := h.u32(20); bits < 9 || bits > 21 {
		return fmt.Errorf("its cluster size is 2^%d bytes; 2^9 to 2^21 are known", bits)
	}
	for _, table := range []struct {
		name   string
		at     uint64
		length uint64
	}{
		{"L1 table", h.u64(40), 8 * uint64(h.u32(36))},
		{"refcount table", h.u64(48), uint64(h.u32(56)) << h.u32(20)},
	} {
		if table.at > uint64(size) || table.length > uint64(size)-table.at {
			return fmt.Errorf("its %s ends beyond its %d bytes; it seems to be cut off", table.name, size)
		}
	}
	return nil
}
