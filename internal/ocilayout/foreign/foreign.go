// Package foreign tells by its name what other tools write in place of OCI layouts. It knows
// nothing of what is in a layout.
package foreign

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/bayplan/bayplan/internal/fault"
)

// IsDockerEntry says whether an entry is one of the archives that docker save wrote
// before version 25.
func IsDockerEntry(name string) bool {
	base := path.Base(path.Clean(name))
	return base == "layer.tar" || path.Clean(name) == "manifest.json" || path.Clean(name) == "repositories"
}

// OldArchiveError tells an archive in docker's own format by its name.
func OldArchiveError(name string) error {
	return fault.WithHint(
		fmt.Errorf("%s: %w", name, errOldArchive),
		"docker save of version 25 or later, podman save --format oci-archive, crane pull --format oci and skopeo copy docker-archive:FILE oci-archive:FILE write layouts")
}

var errOldArchive = errors.New("it is an archive in the old format of docker save, which podman save and crane pull write, too, not an OCI layout")

// SkopeoDirError tells a directory that skopeo copy wrote to dir:.
func SkopeoDirError(name string) error {
	return fault.WithHint(fmt.Errorf("%s: it is in skopeo's own format of directories, not an OCI layout", name),
		fmt.Sprintf("skopeo copy dir:%s oci:NEW:NAME:TAG makes a layout of it", name))
}

// FileError tells a file that a layout's name takes for a directory.
func FileError(name string) error {
	return fault.WithHint(fmt.Errorf("%s is a file: the name of a layout in a tar archive ends in .tar", name), "if it is one, give it such a name")
}

// BelowError tells an archive in which the layout lies in a directory.
func BelowError(name, dir string) error {
	return fault.WithHint(fmt.Errorf("%s is not an OCI layout: it holds one in its directory %s", name, dir),
		fmt.Sprintf("unpack it, and name that directory; or pack what is inside: tar -C %s -cf NEW.tar .", dir))
}

// compressions are the first bytes of compressed files.
var compressions = map[string]string{"\x1f\x8b": "gzip", "\x28\xb5\x2f\xfd": "zstd", "\xfd7zXZ\x00": "xz", "BZh": "bzip2"}

// CompressedError tells an archive that is compressed, by its first bytes.
func CompressedError(name string, f io.ReaderAt) error {
	first := make([]byte, 6)
	n, _ := f.ReadAt(first, 0)
	for magic, program := range compressions {
		if bytes.HasPrefix(first[:n], []byte(magic)) {
			return fault.WithHint(fmt.Errorf("%s: it is compressed by %s, and a layout in a tar archive is not", name, program), "decompress it: layers are compressed already")
		}
	}
	return nil
}
