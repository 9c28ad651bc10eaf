package places

import (
	"os"
	"path/filepath"

	"github.com/bayplan/bayplan/cmd/internal/revision"
	"github.com/bayplan/bayplan/internal/pathindex"
)

// A Folder is where the files of a plan lie. Those of a plan of an earlier revision lie at
// another place than its paths mean. The zero Folder is for a plan that is where it belongs.
type Folder struct {
	Disk  string // absolute: where the files are
	Means string // absolute: where they are meant to be

	Revision *revision.Files // or nil
}

// Real gives the path that is meant by a path on the disk.
func (f Folder) Real(path string) string {
	if f.Disk == "" || !pathindex.Within(path, f.Disk) {
		return path
	}
	return filepath.Join(f.Means, path[len(f.Disk):])
}

// OnDisk gives where the file is that a path means. One that is not there has its place among
// the plan's present files.
func (f Folder) OnDisk(real string) string {
	switch {
	case f.Revision != nil:
		return f.Revision.Place(real)
	case f.Disk == "" || !pathindex.Within(real, f.Means):
		return real
	}
	at := filepath.Join(f.Disk, real[len(f.Means):])
	if _, err := os.Stat(at); err != nil {
		return real
	}
	return at
}

// Was gives where the file was that a path means, also if none was there. One that lies outside is the
// present one.
func (f Folder) Was(real string) string {
	switch {
	case f.Revision != nil && f.Revision.Has(real):
		return f.Revision.Own(real)
	case f.Revision != nil || f.Disk == "" || !pathindex.Within(real, f.Means):
		return real
	}
	return filepath.Join(f.Disk, real[len(f.Means):])
}

// Locate gives where the file is that a path means which a command line or a plan names.
func (f Folder) Locate(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil || f.Disk == "" {
		return path
	}
	return f.OnDisk(f.Real(abs))
}
