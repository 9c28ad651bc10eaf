// Package sample builds the small disk images of the examples: those of
// internal/standin under the names that they have there. The package does not know steps.
package sample

import (
	"crypto/sha256"
	"fmt"
	"path"

	"github.com/bayplan/bayplan/internal/standin"
)

//go:generate go run ./write ../../../examples

// An Archive is a tar archive of an example.
type Archive struct {
	Name  string // file name
	Files []File
}

// A File is a file in an archive or in the examples.
type File = standin.File

// Tar returns the bytes of the archive.
func (a Archive) Tar() ([]byte, error) { return standin.Tar(a.Files) }

// Archives returns the archives of the quick start.
func Archives() []Archive {
	return []Archive{
		{"overcloud-full.tar", []File{
			{Name: "overcloud-full.qcow2", Content: standin.QCOW2()},
			{Name: "overcloud-full.vmlinuz", Content: standin.Kernel("3.10.0-957.el7.x86_64", 24<<10)},
			{Name: "overcloud-full.initrd", Content: standin.Initramfs("overcloud-full", 32<<10)},
		}},
		{"ironic-python-agent.tar", []File{
			{Name: "ironic-python-agent.kernel", Content: standin.Kernel("3.10.0-957.1.3.el7.x86_64", 20<<10)},
			{Name: "ironic-python-agent.initramfs", Content: standin.Initramfs("ironic-python-agent", 48<<10)},
		}},
	}
}

// laterArchives returns the archives of director 17.1, which has only one disk image.
func laterArchives() []Archive {
	return []Archive{
		{"overcloud-hardened-uefi-full-latest.tar", []File{{Name: "overcloud-hardened-uefi-full.qcow2", Content: standin.QCOW2()}}},
		{Name: "ironic-python-agent-latest.tar", Files: Archives()[1].Files},
	}
}

// servedFiles returns the files of a web server: an agent to boot and its checksums.
func servedFiles() []File {
	var files []File
	for _, f := range []File{
		{Name: "ipa-centos9-master.kernel", Content: standin.Kernel("5.14.0-503.el9.x86_64", 20<<10)},
		{Name: "ipa-centos9-master.initramfs", Content: standin.Initramfs("ipa-centos9-master", 24<<10)},
	} {
		sum := fmt.Sprintf("%x  %s\n", sha256.Sum256(f.Content), f.Name)
		files = append(files, f, File{Name: f.Name + ".sha256", Content: []byte(sum)})
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
			files = append(files, File{Name: path.Join(dir, a.Name), Content: b})
		}
	}
	for _, f := range servedFiles() {
		files = append(files, File{Name: path.Join("ci/www/openstack/ironic-python-agent/dib/files", f.Name), Content: f.Content})
	}
	return files, nil
}
