package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"testing"
)

func TestMakeSet(t *testing.T) {
	const mebibyte = 1 << 20
	var references int
	var logical, unique int64
	layers, repositories := map[int]int64{}, map[string]bool{}
	for _, r := range makeSet(mebibyte) {
		repositories[r.repository] = true
		references += 1 + len(r.layers) // and the configuration
		for _, l := range r.layers {
			logical += l.size
			if size, seen := layers[l.number]; seen && size != l.size {
				t.Errorf("layer %d has the sizes %d and %d", l.number, size, l.size)
			} else if !seen {
				layers[l.number] = l.size
				unique += l.size
			}
		}
	}
	if len(repositories) != 45 || len(layers)+45 != 132 || references != 289 {
		t.Errorf("%d repositories, %d blobs, %d references; want 45, 132, 289", len(repositories), len(layers)+45, references)
	}
	if got := unique / mebibyte; got < 590 || got > 605 {
		t.Errorf("%d MiB unique, want about 598", got)
	}
	if got := logical / mebibyte; got < 4900 || got > 4970 {
		t.Errorf("%d MiB logical, want about 4934", got)
	}
}

func TestLayerIsAnArchive(t *testing.T) {
	l := layer{number: 7, size: 100_000}
	var blob, again bytes.Buffer
	diffID, err := l.write(&blob)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.write(&again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(blob.Bytes(), again.Bytes()) {
		t.Error("the same layer has other bytes when it is made again")
	}
	z, err := gzip.NewReader(&blob)
	if err != nil {
		t.Fatal(err)
	}
	inside := newDigester()
	archive := tar.NewReader(io.TeeReader(z, inside))
	h, err := archive.Next()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, archive); n != h.Size || n != l.size || err != nil {
		t.Errorf("read %d of %d bytes: %v", n, l.size, err)
	}
	if _, err := archive.Next(); err != io.EOF {
		t.Errorf("after the only file: %v, want EOF", err)
	}
	if _, err := io.Copy(inside, z); err != nil {
		t.Error(err)
	}
	if got := inside.digest(); got != diffID {
		t.Errorf("the archive is %s, said to be %s", got, diffID)
	}
}
