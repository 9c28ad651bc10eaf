// Package standin makes small disk images, kernels, ramdisks and archives that stand in
// for real ones: with the headers of real ones, so that what reads them takes them, and
// without what would make them boot. Every call returns the same bytes. It does not know
// what they are for.
package standin

import (
	"archive/tar"
	"bytes"
	"fmt"
	"time"
)

// A File is a file of an archive.
type File struct {
	Name    string
	Content []byte
}

// Tar returns a tar archive of files.
func Tar(files []File) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{
			Typeflag: tar.TypeReg,
			Name:     f.Name,
			Size:     int64(len(f.Content)),
			Mode:     0o644,
			ModTime:  time.Date(2019, 1, 10, 0, 0, 0, 0, time.UTC), // the time of RHOSP 13's fourth maintenance release
			Uname:    "root",
			Gname:    "root",
			Format:   tar.FormatUSTAR,
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		if _, err := w.Write(f.Content); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

// filler returns n incompressible bytes that depend only on the seed.
func filler(seed string, n int) []byte {
	state := uint64(14695981039346656037)
	for _, c := range []byte(seed) {
		state = (state ^ uint64(c)) * 1099511628211
	}
	b := make([]byte, n)
	for i := range b {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		b[i] = byte(state >> 32)
	}
	return b
}
