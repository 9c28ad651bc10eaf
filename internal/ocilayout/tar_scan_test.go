package ocilayout

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/pieces"
)

// Whatever an archive holds, what is found in it lies within it.
func FuzzTarList(f *testing.F) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, entry := range [][2]string{{layoutFile, layoutVersion}, {blobEntry(digest.FromString("")), "x"}, {indexFile, "{}"}} {
		name, text := entry[0], entry[1]
		err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(text)), Mode: 0o644})
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	good := b.Bytes()
	f.Add(good)
	f.Add(good[:700])
	f.Add(append(good[:512:512], good...))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "media.tar")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		row, err := pieces.Look(path)
		if err != nil {
			t.Fatal(err)
		}
		file, err := row.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		l, _ := list(file, 0, int64(len(text)))
		for d, s := range l.blobs {
			if s.at < s.header+tarBlock || s.following < s.at+s.size || s.following > int64(len(text)) || d.Validate() != nil {
				t.Errorf("%s is at %+v of %d bytes", d, s, len(text))
			}
		}
		_, _, _ = readArchive(file, path)
	})
}
