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

// tables are the two levels of tables of an image: where each cluster of the
// disk is in the file.
type tables struct {
	h    header
	r    io.ReaderAt
	size int64 // of the file
}

func newTables(r io.ReaderAt, size int64, h header) *tables { return &tables{h, r, size} }

// l1 reads the L1 table, as far as the disk reaches.
func (t *tables) l1() ([]uint64, error) {
	per := t.h.cluster() / t.h.entrySize() * t.h.cluster()
	b := make([]byte, 8*((t.h.virtual()+per-1)/per))
	if _, err := t.r.ReadAt(b, t.h.l1At()); err != nil {
		return nil, fmt.Errorf("read its L1 table: %w", err)
	}
	entries := make([]uint64, len(b)/8)
	for i := range entries {
		entries[i] = binary.BigEndian.Uint64(b[8*i:])
	}
	return entries, nil
}

// check goes through all entries: what they name must lie in the file. That a
// file was cut off shows here, wherever it was cut: data are mostly in the
// order of the disk, so the last cluster that an entry names is the last of the
// file. A table that is named twice is damage, or made to keep readers busy.
func (t *tables) check() error {
	entries, err := t.l1()
	if err != nil {
		return err
	}
	table := make([]byte, t.h.cluster())
	seen := make([]uint64, t.size/t.h.cluster()/64+1)
	for i, e := range entries {
		at := int64(e & offsetMask)
		if at == 0 {
			continue
		}
		n := at / t.h.cluster()
		switch {
		case at%t.h.cluster() != 0:
			return fmt.Errorf("its L2 table %d is not where a cluster begins", i)
		case at > t.size-t.h.cluster():
			return fmt.Errorf("its L2 table %d ends beyond its %d bytes; it seems to be cut off", i, t.size)
		case seen[n/64]&(1<<(n%64)) != 0:
			return fmt.Errorf("its L2 table %d is another one, too", i)
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
	per := t.h.cluster() / width
	for k := range per {
		place := (index*per + k) * t.h.cluster()
		if place >= t.h.virtual() {
			return nil
		}
		p := t.piece(table[k*width:])
		if p.n == 0 {
			continue
		}
		if p.at > t.size || p.n > t.size-p.at {
			return fmt.Errorf("its data for byte %d of the disk end beyond its %d bytes; it seems to be cut off", place, t.size)
		}
		if p.short && t.unpacks(p) != nil {
			return fmt.Errorf("its data for byte %d of the disk cannot be unpacked; it seems to be cut off", place)
		}
		if !p.packed && p.at%t.h.cluster() != 0 {
			return fmt.Errorf("its data for byte %d of the disk are not where a cluster begins", place)
		}
	}
	return nil
}

// A piece is where in the file one cluster of the disk is.
type piece struct {
	at     int64
	n      int64  // bytes there; 0: nowhere, it is all zeros
	packed bool   // they are compressed
	short  bool   // packed, and the last sector that it touches ends beyond the file
	parts  uint32 // of an extended entry: the 32nds of the cluster that hold data
}

func (t *tables) piece(entry []byte) piece {
	e := binary.BigEndian.Uint64(entry)
	if e&compressedBit != 0 {
		return t.packedPiece(e)
	}
	p := piece{at: int64(e & offsetMask), n: t.h.cluster(), parts: 1<<32 - 1}
	switch {
	case p.at == 0, t.h.version() == 3 && !t.h.extended() && e&zeroBit != 0:
		return piece{}
	case t.h.extended():
		p.parts = uint32(binary.BigEndian.Uint64(entry[8:])) //nolint:gosec // the lower half, the upper one names zeros
		if p.parts == 0 {
			return piece{}
		}
		// Behind the last part that holds data the file may end.
		p.n = t.h.cluster() / 32 * int64(bits.Len32(p.parts))
	}
	return p
}

// packedPiece is a cluster that is compressed: it begins anywhere, and its
// length is counted in the sectors that it touches, of which the last may be
// more than there is.
func (t *tables) packedPiece(e uint64) piece {
	shift := 62 - (t.h.clusterBits() - 8)
	at := int64(e & (1<<shift - 1))
	sectors := int64(e>>shift&(1<<(62-shift)-1)) + 1
	n := sectors*512 - at%512
	over := at + n - t.size
	if over <= 0 || over >= 512 {
		return piece{at: at, n: n, packed: true}
	}
	return piece{at: at, n: max(n-over, 1), packed: true, short: true}
}

// unpacks tries to unpack a cluster, which says whether it is all there.
func (t *tables) unpacks(p piece) error {
	d := &Disk{t: t}
	if err := d.open(); err != nil {
		return err
	}
	defer d.Close()
	_, err := d.unpack(0, p)
	return err
}
