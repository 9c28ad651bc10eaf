package diskimage

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// A Disk reads the disk in a qcow2 image.
type Disk struct {
	t    *tables
	l1   []uint64
	zstd *zstd.Decoder // nil: clusters are compressed by deflate

	// The mutex guards the caches below: an abandoned reader may still be
	// reading.
	mu      sync.Mutex
	index   int64  // of the L2 table in table
	table   []byte // nil: no table is cached
	cluster int64  // number of the unpacked cluster in data
	data    []byte // nil: no cluster is cached
}

// OpenQCOW2 checks an image and its tables, and returns its disk.
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
	if d.l1, err = d.t.readL1(); err != nil {
		return nil, err
	}
	return d, d.openDecoder()
}

// openDecoder opens the decoder of compressed clusters.
func (d *Disk) openDecoder() (err error) {
	if d.t.h.zstd() {
		d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	}
	return err
}

// Size returns the size of the disk.
func (d *Disk) Size() int64 { return d.t.h.virtualSize() }

// ReadAt implements io.ReaderAt.
func (d *Disk) ReadAt(p []byte, at int64) (n int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for n < len(p) {
		left := d.Size() - at
		if left <= 0 {
			return n, io.EOF
		}
		within := at % d.t.h.clusterSize()
		part := p[n:min(int64(len(p)), int64(n)+min(left, d.t.h.clusterSize()-within))]
		if err := d.readCluster(part, at/d.t.h.clusterSize(), within); err != nil {
			return n, fmt.Errorf("read byte %d of the disk: %w", at, err)
		}
		n += len(part)
		at += int64(len(part))
	}
	return n, nil
}

// readCluster reads p from one cluster of the disk, at the offset within.
func (d *Disk) readCluster(p []byte, cluster, within int64) error {
	ext, err := d.locate(cluster)
	switch {
	case err != nil:
		return err
	case ext.length == 0:
		clear(p)
		return nil
	case ext.compressed:
		data, err := d.decompress(cluster, ext)
		if err != nil {
			return err
		}
		copy(p, data[within:])
		return nil
	case ext.subclusters != 1<<32-1:
		return d.readSubclusters(p, ext, within)
	}
	_, err = d.t.r.ReadAt(p, ext.offset+within)
	return err
}

// readSubclusters reads from a cluster with data in only some of its parts.
func (d *Disk) readSubclusters(p []byte, whole extent, within int64) error {
	size := d.t.h.clusterSize() / 32
	for len(p) > 0 {
		n := min(int64(len(p)), size-within%size)
		if whole.subclusters&(1<<(within/size)) == 0 {
			clear(p[:n])
		} else if _, err := d.t.r.ReadAt(p[:n], whole.offset+within); err != nil {
			return err
		}
		p, within = p[n:], within+n
	}
	return nil
}

// locate returns where a cluster of the disk is in the file.
func (d *Disk) locate(cluster int64) (extent, error) {
	width := d.t.h.entrySize()
	per := d.t.h.clusterSize() / width
	index := cluster / per
	at := int64(d.l1[index] & offsetMask)
	if at == 0 {
		return extent{}, nil
	}
	if d.table == nil || d.index != index {
		table := make([]byte, d.t.h.clusterSize())
		if _, err := d.t.r.ReadAt(table, at); err != nil {
			return extent{}, err
		}
		d.index, d.table = index, table
	}
	return d.t.extentOf(d.table[cluster%per*width:]), nil
}

// decompress returns the content of a compressed cluster.
func (d *Disk) decompress(cluster int64, p extent) ([]byte, error) {
	if d.data != nil && d.cluster == cluster {
		return d.data, nil
	}
	packed := make([]byte, p.length)
	if _, err := d.t.r.ReadAt(packed, p.offset); err != nil {
		return nil, err
	}
	data := make([]byte, d.t.h.clusterSize())
	if err := d.inflate(data, packed); err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	d.cluster, d.data = cluster, data
	return data, nil
}

// inflate fills into. There may be other data after the compressed ones.
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

// Close releases the decoder. It does not close the image.
func (d *Disk) Close() error {
	if d.zstd != nil {
		d.zstd.Close()
	}
	return nil
}
