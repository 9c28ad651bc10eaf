// Package sample builds the two small archives of disk images that the quick
// start unpacks: stand-ins with the genuine headers of what RHOSP ships, the
// same bytes at every call. None of it boots. It knows nothing of steps.
package sample

import (
	"archive/tar"
	"bytes"
	"fmt"
	"time"
)

//go:generate go run ./write ../../examples/quickstart

// An Archive is one archive of the quick start.
type Archive struct {
	Name  string // of the archive's file
	Files []File
}

// A File is one file in an archive.
type File struct {
	Name    string
	Content []byte
}

// Archives gives the archives of the quick start.
func Archives() []Archive {
	return []Archive{
		{"overcloud-full.tar", []File{
			{"overcloud-full.qcow2", QCOW2()},
			{"overcloud-full.vmlinuz", Kernel("3.10.0-957.el7.x86_64", 24<<10)},
			{"overcloud-full.initrd", Initramfs("overcloud-full", 32<<10)},
		}},
		{"ironic-python-agent.tar", []File{
			{"ironic-python-agent.kernel", Kernel("3.10.0-957.1.3.el7.x86_64", 20<<10)},
			{"ironic-python-agent.initramfs", Initramfs("ironic-python-agent", 48<<10)},
		}},
	}
}

// Tar gives the archive's bytes.
func (a Archive) Tar() ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range a.Files {
		h := &tar.Header{
			Typeflag: tar.TypeReg,
			Name:     f.Name,
			Size:     int64(len(f.Content)),
			Mode:     0o644,
			ModTime:  time.Date(2019, 1, 10, 0, 0, 0, 0, time.UTC), // when RHOSP 13 was in its fourth maintenance release
			Uname:    "root",
			Gname:    "root",
			Format:   tar.FormatUSTAR,
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", a.Name, f.Name, err)
		}
		if _, err := w.Write(f.Content); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", a.Name, f.Name, err)
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

// filler gives n bytes that no compressor makes smaller, the same for the
// same seed.
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
