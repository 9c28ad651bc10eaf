package diskimage

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// A Disk reads a qcow2 image as the disk that it stands for.
type Disk struct {
	t    *tables
	l1   []uint64
	zstd *zstd.Decoder // nil: clusters are deflated

	mu      sync.Mutex // of all that follows; a reader that was given up may still be reading
	index   int64      // of the L2 table that is held
	table   []byte     // nil: none is
	cluster int64      // of the disk that was unpacked last
	data    []byte     // nil: none was
}

// OpenQCOW2 checks an image and its tables, and gives its disk.
func OpenQCOW2(r io.ReaderAt, size int64) (*Disk, error) {
	whole := io.NewSectionReader(r, 0, size)
	if err := CheckUnpacked(whole, size); err != nil {
		return nil, err
	}
	f, err := newFile(io.NewSectionReader(r, 0, size), size)
	if err != nil {
		return nil, err
	}
	h, err := f.header()
	if err != nil {
		return nil, err
	}
	d := &Disk{t: newTables(r, size, h)}
	if d.l1, err = d.t.l1(); err != nil {
		return nil, err
	}
	return d, d.open()
}

// open gets what unpacking takes.
func (d *Disk) open() (err error) {
	if d.t.h.zstd() {
		d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	}
	return err
}

// Size is the size of the disk.
func (d *Disk) Size() int64 { return d.t.h.virtual() }

// ReadAt implements io.ReaderAt.
func (d *Disk) ReadAt(p []byte, at int64) (n int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for n < len(p) {
		left := d.Size() - at
		if left <= 0 {
			return n, io.EOF
		}
		within := at % d.t.h.cluster()
		part := p[n:min(int64(len(p)), int64(n)+min(left, d.t.h.cluster()-within))]
		if err := d.read(part, at/d.t.h.cluster(), within); err != nil {
			return n, fmt.Errorf("read byte %d of the disk: %w", at, err)
		}
		n += len(part)
		at += int64(len(part))
	}
	return n, nil
}

// read fills p from within one cluster of the disk.
func (d *Disk) read(p []byte, cluster, within int64) error {
	piece, err := d.find(cluster)
	switch {
	case err != nil:
		return err
	case piece.n == 0:
		clear(p)
		return nil
	case piece.packed:
		data, err := d.unpack(cluster, piece)
		if err != nil {
			return err
		}
		copy(p, data[within:])
		return nil
	case piece.parts != 1<<32-1:
		return d.readParts(p, piece, within)
	}
	_, err = d.t.r.ReadAt(p, piece.at+within)
	return err
}

// readParts reads a cluster of which only parts hold data.
func (d *Disk) readParts(p []byte, whole piece, within int64) error {
	size := d.t.h.cluster() / 32
	for len(p) > 0 {
		n := min(int64(len(p)), size-within%size)
		if whole.parts&(1<<(within/size)) == 0 {
			clear(p[:n])
		} else if _, err := d.t.r.ReadAt(p[:n], whole.at+within); err != nil {
			return err
		}
		p, within = p[n:], within+n
	}
	return nil
}

// find says where a cluster of the disk is.
func (d *Disk) find(cluster int64) (piece, error) {
	width := d.t.h.entrySize()
	per := d.t.h.cluster() / width
	index := cluster / per
	at := int64(d.l1[index] & offsetMask)
	if at == 0 {
		return piece{}, nil
	}
	if d.table == nil || d.index != index {
		table := make([]byte, d.t.h.cluster())
		if _, err := d.t.r.ReadAt(table, at); err != nil {
			return piece{}, err
		}
		d.index, d.table = index, table
	}
	return d.t.piece(d.table[cluster%per*width:]), nil
}

// unpack gives a cluster that is compressed.
func (d *Disk) unpack(cluster int64, p piece) ([]byte, error) {
	if d.data != nil && d.cluster == cluster {
		return d.data, nil
	}
	packed := make([]byte, p.n)
	if _, err := d.t.r.ReadAt(packed, p.at); err != nil {
		return nil, err
	}
	data := make([]byte, d.t.h.cluster())
	if err := d.inflate(data, packed); err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	d.cluster, d.data = cluster, data
	return data, nil
}

// inflate fills into. Behind what is packed there may be something else.
func (d *Disk) inflate(into, packed []byte) error {
	if d.zstd == nil {
		r := flate.NewReader(bytes.NewReader(packed))
		defer r.Close()
		_, err := io.ReadFull(r, into)
		return err
	}
	if err := d.zstd.Reset(bytes.NewReader(packed)); err != nil {
		return err
	}
	_, err := io.ReadFull(d.zstd, into)
	return err
}

// Close gives free what reading takes. The image itself stays open.
func (d *Disk) Close() error {
	if d.zstd != nil {
		d.zstd.Close()
	}
	return nil
}
