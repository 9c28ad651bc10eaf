// Package sample builds the small disk images that the examples unpack and
// fetch: stand-ins with the genuine headers of what is shipped, the same bytes at
// every call. None of it boots. It knows nothing of steps.
package sample

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"path"
	"time"
)

//go:generate go run ./write ../../../examples

// An Archive is one archive of an example.
type Archive struct {
	Name  string // of the archive's file
	Files []File
}

// A File is one file in an archive, or of the examples.
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

// later are the archives of a later director, which has but one disk image.
func later() []Archive {
	return []Archive{
		{"overcloud-hardened-uefi-full-latest.tar", []File{{"overcloud-hardened-uefi-full.qcow2", QCOW2()}}},
		{"ironic-python-agent-latest.tar", Archives()[1].Files},
	}
}

// served are the files of a web server that has an agent to boot, with their
// checksums.
func served() []File {
	var files []File
	for _, f := range []File{
		{"ipa-centos9-master.kernel", Kernel("5.14.0-503.el9.x86_64", 20<<10)},
		{"ipa-centos9-master.initramfs", Initramfs("ipa-centos9-master", 24<<10)},
	} {
		sum := fmt.Sprintf("%x  %s\n", sha256.Sum256(f.Content), f.Name)
		files = append(files, f, File{f.Name + ".sha256", []byte(sum)})
	}
	return files
}

// Examples gives the files that the examples need, by their paths there.
func Examples() ([]File, error) {
	var files []File
	for dir, archives := range map[string][]Archive{"quickstart": Archives(), "ci/archives": later()} {
		for _, a := range archives {
			b, err := a.Tar()
			if err != nil {
				return nil, err
			}
			files = append(files, File{path.Join(dir, a.Name), b})
		}
	}
	for _, f := range served() {
		files = append(files, File{path.Join("ci/www/openstack/ironic-python-agent/dib/files", f.Name), f.Content})
	}
	return files, nil
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
