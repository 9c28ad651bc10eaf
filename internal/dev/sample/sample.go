// Package sample builds the small disk images of the examples: stand-ins with the
// headers of real images. Every call returns the same bytes. They do not boot. The
// package does not know steps.
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

// An Archive is a tar archive of an example.
type Archive struct {
	Name  string // file name
	Files []File
}

// A File is a file in an archive or in the examples.
type File struct {
	Name    string
	Content []byte
}

// Archives returns the archives of the quick start.
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

// laterArchives returns the archives of director 17.1, which has only one disk image.
func laterArchives() []Archive {
	return []Archive{
		{"overcloud-hardened-uefi-full-latest.tar", []File{{"overcloud-hardened-uefi-full.qcow2", QCOW2()}}},
		{"ironic-python-agent-latest.tar", Archives()[1].Files},
	}
}

// servedFiles returns the files of a web server: an agent to boot and its checksums.
func servedFiles() []File {
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

// Examples returns the generated files of the examples. Their names are paths in
// the examples directory.
func Examples() ([]File, error) {
	var files []File
	for dir, archives := range map[string][]Archive{"quickstart": Archives(), "ci/archives": laterArchives()} {
		for _, a := range archives {
			b, err := a.Tar()
			if err != nil {
				return nil, err
			}
			files = append(files, File{path.Join(dir, a.Name), b})
		}
	}
	for _, f := range servedFiles() {
		files = append(files, File{path.Join("ci/www/openstack/ironic-python-agent/dib/files", f.Name), f.Content})
	}
	return files, nil
}

// Tar returns the bytes of the archive.
func (a Archive) Tar() ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range a.Files {
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
			return nil, fmt.Errorf("%s: %s: %w", a.Name, f.Name, err)
		}
		if _, err := w.Write(f.Content); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", a.Name, f.Name, err)
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
