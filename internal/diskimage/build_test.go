package diskimage_test

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// A builder makes qcow2 images of small clusters.
type builder struct {
	version  uint32
	zstd     bool
	extended bool
	virtual  int64
	bits     uint32
	file     []byte
	l1       int // where it is
}

const smallBits = 12

func newBuilder(version uint32, virtual int64) *builder {
	b := &builder{version: version, virtual: virtual, bits: smallBits}
	b.file = make([]byte, 4<<b.bits) // header, refcount table, refcount block, L1 table
	b.l1 = 3 << b.bits
	return b
}

func (b *builder) cluster() int { return 1 << b.bits }

func (b *builder) entry() int {
	if b.extended {
		return 16
	}
	return 8
}

// table returns the offset of the L2 entry for a cluster of the disk.
func (b *builder) table(n int) int {
	per := b.cluster() / b.entry()
	at := b.l1 + 8*(n/per)
	l2 := int(binary.BigEndian.Uint64(b.file[at:]) & 0x00fffffffffffe00)
	if l2 == 0 {
		l2 = b.grow(make([]byte, b.cluster()))
		binary.BigEndian.PutUint64(b.file[at:], uint64(l2)|1<<63)
	}
	return l2 + n%per*b.entry()
}

// grow adds clusters at the end of the file.
func (b *builder) grow(data []byte) int {
	for len(b.file)%b.cluster() != 0 {
		b.file = append(b.file, 0)
	}
	at := len(b.file)
	b.file = append(b.file, data...)
	return at
}

// data adds an uncompressed cluster of the disk to the file.
func (b *builder) data(n int, data []byte) {
	at := b.table(n)
	where := b.grow(data)
	binary.BigEndian.PutUint64(b.file[at:], uint64(where)|1<<63)
	if b.extended {
		binary.BigEndian.PutUint64(b.file[at+8:], 1<<32-1)
	}
}

// parts adds only some 32nds of a cluster of the disk to the file.
func (b *builder) parts(n int, data []byte, bitmap uint32) {
	b.data(n, data)
	binary.BigEndian.PutUint64(b.file[b.table(n)+8:], uint64(bitmap))
}

// zero marks a cluster of the disk as all zeros, whatever the file has for it.
func (b *builder) zero(n int, data []byte) {
	b.data(n, data)
	b.file[b.table(n)+7] |= 1
}

// packed adds a compressed cluster of the disk at the end of the file.
func (b *builder) packed(t *testing.T, n int, data []byte) {
	t.Helper()
	at := b.table(n)
	var packed bytes.Buffer
	if b.zstd {
		w, err := zstd.NewWriter(&packed)
		if err != nil {
			t.Fatal(err)
		}
		finish(t, w.Write, w.Close, data)
	} else {
		w, err := flate.NewWriter(&packed, flate.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		finish(t, w.Write, w.Close, data)
	}
	where := len(b.file) + 3 // it begins anywhere
	b.file = append(append(b.file, 'x', 'y', 'z'), packed.Bytes()...)
	sectors := (where+packed.Len()-1)/512 - where/512
	shift := 62 - (b.bits - 8)
	binary.BigEndian.PutUint64(b.file[at:], 1<<62|uint64(sectors)<<shift|uint64(where))
}

func finish(t *testing.T, write func([]byte) (int, error), end func() error, data []byte) {
	t.Helper()
	if _, err := write(data); err != nil {
		t.Fatal(err)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
}

// image writes the header and returns the file.
func (b *builder) image() []byte {
	be := binary.BigEndian
	per := int64(b.cluster()/b.entry()) * int64(b.cluster())
	copy(b.file, "QFI\xfb")
	be.PutUint32(b.file[4:], b.version)
	be.PutUint32(b.file[20:], b.bits)
	be.PutUint64(b.file[24:], uint64(b.virtual))
	be.PutUint32(b.file[36:], uint32((b.virtual+per-1)/per))
	be.PutUint64(b.file[40:], uint64(b.l1))
	be.PutUint64(b.file[48:], 1<<b.bits)
	be.PutUint32(b.file[56:], 1)
	if b.version == 2 {
		return b.file
	}
	be.PutUint32(b.file[96:], 4)
	be.PutUint32(b.file[100:], 112)
	var features uint64
	if b.zstd {
		features |= 8
		b.file[104] = 1
	}
	if b.extended {
		features |= 16
	}
	be.PutUint64(b.file[72:], features)
	return b.file
}

// pattern returns n bytes that are different at each offset.
func pattern(seed byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = seed ^ byte(i>>3)
	}
	return b
}
