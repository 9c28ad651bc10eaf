package diskimage

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
)

// Bits of the entries of L1 and L2 tables.
const (
	offsetMask    = 0x00fffffffffffe00
	compressedBit = 1 << 62
	zeroBit       = 1 << 0 // since version 3
)

// tables are the two levels of tables of an image. They say where each cluster of
// the disk is in the file.
type tables struct {
	h    header
	r    io.ReaderAt
	size int64 // of the file
}

func newTables(r io.ReaderAt, size int64, h header) *tables { return &tables{h, r, size} }

// readL1 reads the entries of the L1 table that the disk needs.
func (t *tables) readL1() ([]uint64, error) {
	per := t.h.clusterSize() / t.h.entrySize() * t.h.clusterSize()
	b := make([]byte, 8*((t.h.virtualSize()+per-1)/per))
	if _, err := t.r.ReadAt(b, t.h.l1Offset()); err != nil {
		return nil, fmt.Errorf("read its L1 table: %w", err)
	}
	entries := make([]uint64, len(b)/8)
	for i := range entries {
		entries[i] = binary.BigEndian.Uint64(b[8*i:])
	}
	return entries, nil
}

// check checks that all entries refer to places inside the file. This detects
// any truncated file: data are mostly in the order of the disk, so the last
// cluster that an entry names is the last of the file. Two entries for one table
// are damage, or an attempt to keep readers busy.
func (t *tables) check() error {
	entries, err := t.readL1()
	if err != nil {
		return err
	}
	table := make([]byte, t.h.clusterSize())
	seen := make([]uint64, t.size/t.h.clusterSize()/64+1)
	for i, e := range entries {
		at := int64(e & offsetMask)
		if at == 0 {
			continue
		}
		n := at / t.h.clusterSize()
		switch {
		case at%t.h.clusterSize() != 0:
			return fmt.Errorf("its L2 table %d is not aligned to a cluster", i)
		case at > t.size-t.h.clusterSize():
			return fmt.Errorf("its L2 table %d ends beyond its %d bytes; it seems to be truncated", i, t.size)
		case seen[n/64]&(1<<(n%64)) != 0:
			return fmt.Errorf("its L2 table %d is also another L2 table", i)
		}
		seen[n/64] |= 1 << (n % 64)
		if _, err := t.r.ReadAt(table, at); err != nil {
			return fmt.Errorf("read its L2 table %d: %w", i, err)
		}
		if err := t.checkL2(int64(i), table); err != nil {
			return err
		}
	}
	return nil
}

func (t *tables) checkL2(index int64, table []byte) error {
	width := t.h.entrySize()
	per := t.h.clusterSize() / width
	for k := range per {
		diskOffset := (index*per + k) * t.h.clusterSize()
		if diskOffset >= t.h.virtualSize() {
			return nil
		}
		p := t.extentOf(table[k*width:])
		if p.length == 0 {
			continue
		}
		if p.offset > t.size || p.length > t.size-p.offset {
			return fmt.Errorf("its data for byte %d of the disk end beyond its %d bytes; it seems to be truncated", diskOffset, t.size)
		}
		if p.truncated && t.tryDecompress(p) != nil {
			return fmt.Errorf("its data for byte %d of the disk cannot be unpacked; it seems to be truncated", diskOffset)
		}
		if !p.compressed && p.offset%t.h.clusterSize() != 0 {
			return fmt.Errorf("its data for byte %d of the disk are not aligned to a cluster", diskOffset)
		}
	}
	return nil
}

// An extent is where one cluster of the disk is in the file.
type extent struct {
	offset      int64
	length      int64 // in bytes; 0: not in the file, the cluster is all zeros
	compressed  bool
	truncated   bool   // compressed, and its last sector ends beyond the file
	subclusters uint32 // of an extended entry: a bit for each 32nd of the cluster with data
}

func (t *tables) extentOf(entry []byte) extent {
	e := binary.BigEndian.Uint64(entry)
	if e&compressedBit != 0 {
		return t.compressedExtent(e)
	}
	p := extent{offset: int64(e & offsetMask), length: t.h.clusterSize(), subclusters: 1<<32 - 1}
	switch {
	case p.offset == 0, t.h.version() == 3 && !t.h.extendedL2() && e&zeroBit != 0:
		return extent{}
	case t.h.extendedL2():
		p.subclusters = uint32(binary.BigEndian.Uint64(entry[8:])) //nolint:gosec // the lower half, the upper one names zeros
		if p.subclusters == 0 {
			return extent{}
		}
		// The file may end after the last part with data.
		p.length = t.h.clusterSize() / 32 * int64(bits.Len32(p.subclusters))
	}
	return p
}

// compressedExtent returns the extent of a compressed cluster. It can begin at any
// byte. Its length is the number of sectors that it touches, and the file may end
// within the last one.
func (t *tables) compressedExtent(e uint64) extent {
	shift := 62 - (t.h.clusterBits() - 8)
	at := int64(e & (1<<shift - 1))
	sectors := int64(e>>shift&(1<<(62-shift)-1)) + 1
	n := sectors*512 - at%512
	over := at + n - t.size
	if over <= 0 || over >= 512 {
		return extent{offset: at, length: n, compressed: true}
	}
	return extent{offset: at, length: max(n-over, 1), compressed: true, truncated: true}
}

// tryDecompress unpacks a cluster to find out whether it is complete.
func (t *tables) tryDecompress(p extent) error {
	d := &Disk{t: t}
	if err := d.openDecoder(); err != nil {
		return err
	}
	defer d.Close()
	_, err := d.decompress(0, p)
	return err
}
