package registryserver

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path"

	"github.com/bayplan/bayplan/internal/storedgzip"
)

// layerCache makes each layer once.
type layerCache map[Layer]*blob

func (c layerCache) all(layers []Layer) ([]*blob, error) {
	var list []*blob
	for _, l := range layers {
		if c[l] == nil {
			b, err := l.build()
			if err != nil {
				return nil, fmt.Errorf("making layer %q: %w", l.Name, err)
			}
			c[l] = b
		}
		list = append(list, c[l])
	}
	return list, nil
}

// build makes the layer: a gzipped tar with one file in it.
func (l Layer) build() (*blob, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range l.headers() {
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
	}
	if _, err := w.Write(l.content()); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	b := newBlob("", storedgzip.Pack(buf.Bytes()))
	b.diffID = digestOf(buf.Bytes())
	return b, nil
}

// headers are those of the directories and of the file of a layer.
func (l Layer) headers() []*tar.Header {
	when := created()
	file := path.Join("usr/share/bayplan", l.Name)
	var list []*tar.Header
	for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
		list = append([]*tar.Header{{
			Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, ModTime: when, Format: tar.FormatUSTAR,
		}}, list...)
	}
	return append(list, &tar.Header{
		Typeflag: tar.TypeReg, Name: file, Mode: 0o644, Size: int64(l.Size), ModTime: when, Format: tar.FormatUSTAR,
	})
}

// content derives the bytes of the file from the name. No two layers share any,
// and nothing compresses them.
func (l Layer) content() []byte {
	data := make([]byte, 0, l.Size+sha256.Size)
	for n := uint64(0); len(data) < l.Size; n++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("layer "+l.Name+" "), n))
		data = append(data, sum[:]...)
	}
	return data[:l.Size]
}
