package rehearse

import (
	"os"
	"path/filepath"

	"github.com/bayplan/bayplan/cmd/internal/revision"
	"github.com/bayplan/bayplan/internal/pathindex"
)

// A folder is where the files of a plan lie. Those of a plan of an earlier revision lie at
// another place than its paths mean. The zero folder is for a plan that is where it belongs.
type folder struct {
	disk  string // absolute: where the files are
	means string // absolute: where they are meant to be

	revision *revision.Files // or nil
}

// real gives the path that is meant by a path on the disk.
func (f folder) real(path string) string {
	if f.disk == "" || !pathindex.Within(path, f.disk) {
		return path
	}
	return filepath.Join(f.means, path[len(f.disk):])
}

// onDisk gives where the file is that a path means. One that is not there has its place among
// the plan's present files.
func (f folder) onDisk(real string) string {
	switch {
	case f.revision != nil:
		return f.revision.Place(real)
	case f.disk == "" || !pathindex.Within(real, f.means):
		return real
	}
	at := filepath.Join(f.disk, real[len(f.means):])
	if _, err := os.Stat(at); err != nil {
		return real
	}
	return at
}

// locate gives where the file is that a path means which a command line or a plan names.
func (f folder) locate(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil || f.disk == "" {
		return path
	}
	return f.onDisk(f.real(abs))
}
