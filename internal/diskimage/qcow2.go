package diskimage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Values of the qcow2 header that matter here, and their limits.
const (
	qcow2Magic    = "QFI\xfb"
	headerV2      = 72  // bytes of a version 2 header
	headerV3      = 104 // least bytes of a version 3 header
	headerZstd    = 112 // least bytes of a header that names its compression
	dirtyBit      = 1 << 0
	corruptBit    = 1 << 1
	dataFileBit   = 1 << 2
	compressBit   = 1 << 3
	extendedL2Bit = 1 << 4

	dataFileExtension = 0x44415441

	// MaxVirtualSize is the largest disk that an image may have: a file of a
	// megabyte can claim to be a disk of terabytes.
	MaxVirtualSize = 2 << 40
	// maxL1 is the largest L1 table in bytes that readers accept.
	maxL1 = 32 << 20
)

// CheckUnpacked is Check for a qcow2 image that only OpenQCOW2 will read.
// OpenQCOW2 supports more of the format than other readers do.
func CheckUnpacked(r io.Reader, size int64) error {
	f, err := newFile(r, size)
	if err != nil {
		return err
	}
	if err := f.checkMagic("qcow2"); err != nil {
		return err
	}
	return f.checkUnpacked()
}

func (f file) checkQCOW2() error {
	h, err := f.header()
	if err != nil {
		return err
	}
	if h.extendedL2() {
		return errors.New("it has extended L2 entries, which the image service does not support; convert: raw unpacks it")
	}
	return f.checkUnpacked()
}

func (f file) checkUnpacked() error {
	h, err := f.header()
	if err != nil || f.readerAt == nil {
		return err
	}
	return newTables(f.readerAt, f.size, h).check()
}

// header checks the header and returns it.
func (f file) header() (header, error) {
	n := len(f.head)
	if n < headerV2 {
		return header{}, fmt.Errorf("its qcow2 header is truncated after %d bytes", n)
	}
	h := header{f.head}
	if err := h.checkFeatures(); err != nil {
		return header{}, err
	}
	return h, h.checkLayout(f.size)
}

// A header is the start of a qcow2 image. Its numbers are big-endian.
type header struct{ b []byte }

func (h header) u32(at int) uint32 { return binary.BigEndian.Uint32(h.b[at:]) }
func (h header) u64(at int) uint64 { return binary.BigEndian.Uint64(h.b[at:]) }

func (h header) version() uint32     { return h.u32(4) }
func (h header) clusterBits() uint32 { return h.u32(20) }
func (h header) clusterSize() int64  { return 1 << h.clusterBits() }
func (h header) virtualSize() int64  { return int64(h.u64(24)) } //nolint:gosec // layout has bounded it
func (h header) l1Entries() int64    { return int64(h.u32(36)) }
func (h header) l1Offset() int64     { return int64(h.u64(40)) } //nolint:gosec // layout has bounded it

// incompatibleFeatures returns the bits of features that a reader must support.
func (h header) incompatibleFeatures() uint64 {
	if h.version() == 2 {
		return 0
	}
	return h.u64(72)
}

func (h header) extendedL2() bool { return h.incompatibleFeatures()&extendedL2Bit != 0 }

// zstd reports whether compressed clusters are zstd rather than deflate.
func (h header) zstd() bool {
	return h.incompatibleFeatures()&compressBit != 0 && h.u32(100) >= headerZstd && h.b[104] == 1
}

// checkFeatures refuses features that refer to other files, and unknown ones.
func (h header) checkFeatures() error {
	if v := h.version(); v != 2 && v != 3 {
		return fmt.Errorf("its qcow2 version is %d; 2 and 3 are known", v)
	}
	if h.u64(8) != 0 {
		return errors.New("it names a backing file, which readers of the image would read")
	}
	if h.u32(32) != 0 {
		return errors.New("it is encrypted")
	}
	if h.version() == 2 {
		return nil
	}
	if len(h.b) < headerV3 || int64(len(h.b)) < int64(h.u32(100)) {
		return fmt.Errorf("its qcow2 header is truncated after %d bytes", len(h.b))
	}
	if n := h.u32(100); n < headerV3 || n%8 != 0 {
		return fmt.Errorf("its qcow2 header says that it has %d bytes", n)
	}
	switch bits := h.incompatibleFeatures(); {
	case bits&dataFileBit != 0:
		return errDataFile
	case bits&corruptBit != 0:
		return errors.New("it is marked as corrupt")
	case bits&^(dirtyBit|compressBit|extendedL2Bit) != 0:
		return fmt.Errorf("it needs unknown qcow2 features (%#x)", bits)
	case bits&compressBit != 0 && h.u32(100) >= headerZstd && h.b[104] > 1:
		return fmt.Errorf("its clusters have an unknown compression (%d)", h.b[104])
	}
	return h.checkExtensions()
}

var errDataFile = errors.New("its data are in an external file, which readers of the image would open")

// checkExtensions refuses a header extension that names a data file, even an
// unused one.
func (h header) checkExtensions() error {
	for at := int(h.u32(100)); at+8 <= len(h.b); {
		kind, n := h.u32(at), h.u32(at+4)
		if kind == 0 {
			return nil
		}
		if kind == dataFileExtension {
			return errDataFile
		}
		if uint64(n) > uint64(len(h.b)) {
			return nil // the rest is not an extension
		}
		at += 8 + int(n+7)&^7
	}
	return nil
}

// checkLayout refuses an image with impossible sizes or offsets in its header.
func (h header) checkLayout(size int64) error {
	if virtual := h.u64(24); virtual == 0 || virtual > MaxVirtualSize {
		return fmt.Errorf("it claims to be a disk of %d bytes", virtual)
	}
	if bits := h.clusterBits(); bits < 9 || bits > 21 {
		return fmt.Errorf("its cluster size is 2^%d bytes; 2^9 to 2^21 are known", bits)
	}
	if order := h.refcountOrder(); order > 6 {
		return fmt.Errorf("its refcounts have 2^%d bits; up to 2^6 are known", order)
	}
	for _, table := range []struct {
		name   string
		at     uint64
		length uint64
	}{
		{"L1 table", h.u64(40), 8 * uint64(h.u32(36))},
		{"refcount table", h.u64(48), uint64(h.u32(56)) << h.clusterBits()},
		{"snapshot table", h.u64(64), 40 * uint64(h.u32(60))},
	} {
		switch {
		case table.length == 0:
		case table.at > uint64(size) || table.length > uint64(size)-table.at:
			return fmt.Errorf("its %s ends beyond its %d bytes; it seems to be truncated", table.name, size)
		case table.at%uint64(h.clusterSize()) != 0:
			return fmt.Errorf("its %s is not aligned to a cluster", table.name)
		case table.at == 0:
			return fmt.Errorf("its %s overlaps its header", table.name)
		}
	}
	return h.checkL1Size()
}

func (h header) refcountOrder() uint32 {
	if h.version() == 2 {
		return 4
	}
	return h.u32(96)
}

// checkL1Size refuses an L1 table that is too short for the disk, or longer than
// readers accept.
func (h header) checkL1Size() error {
	perTable := h.clusterSize() / h.entrySize() * h.clusterSize()
	need := (h.virtualSize() + perTable - 1) / perTable
	switch {
	case h.l1Entries() < need:
		return fmt.Errorf("its L1 table has %d entries, a disk of %d bytes needs %d", h.l1Entries(), h.virtualSize(), need)
	case 8*h.l1Entries() > maxL1:
		return fmt.Errorf("its L1 table has %d entries", h.l1Entries())
	}
	return nil
}

func (h header) entrySize() int64 {
	if h.extendedL2() {
		return 16
	}
	return 8
}

// VirtualSize checks the header of a qcow2 image and returns the size of its disk.
func VirtualSize(r io.Reader, size int64) (int64, error) {
	f, err := newFile(r, size)
	if err != nil {
		return 0, err
	}
	if err := f.checkMagic("qcow2"); err != nil {
		return 0, err
	}
	h, err := f.header()
	if err != nil {
		return 0, err
	}
	return h.virtualSize(), nil
}
