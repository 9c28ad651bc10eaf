package rehearse

import (
	"os"
	"path/filepath"
)

// A folder is where the files of a plan lie. Those of a plan of an earlier revision lie at
// another place than its paths mean. The zero folder is for a plan that is where it belongs.
type folder struct {
	disk  string // absolute: where the files are
	means string // absolute: where they are meant to be
	// whole says that a file which is not at disk is not there. Otherwise the one that
	// is meant counts.
	whole bool
}

// real gives the path that is meant by a path on the disk.
func (f folder) real(path string) string {
	if f.disk == "" || !within(path, f.disk) {
		return path
	}
	return filepath.Join(f.means, path[len(f.disk):])
}

// onDisk gives where the file is that a path means.
func (f folder) onDisk(real string) string {
	if f.disk == "" || !within(real, f.means) {
		return real
	}
	at := filepath.Join(f.disk, real[len(f.means):])
	if _, err := os.Stat(at); err != nil && !f.whole {
		return real
	}
	return at
}
