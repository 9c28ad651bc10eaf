package places

import (
	"os"
	"path/filepath"

	"github.com/bayplan/bayplan/cmd/internal/rehearse/trees"
	"github.com/bayplan/bayplan/internal/pathindex"
)

// Own gives where the file is that a path means, and reports whether it belongs to a plan's folder. dir is
// that of the plan's file. The plan names such a file by a relative path, or it lies below dir; and no link
// on the way leads out of the repository, or of the folder where there is no repository.
func (r *Root) Own(f Folder, dir, real string) (disk string, own bool) {
	if !r.IsRelative(real) && !pathindex.Within(real, dir) {
		return real, false
	}
	disk = f.OnDisk(real)
	return disk, !trees.Leaves(f.Home(dir, disk), disk)
}

// Home gives the directory that no link may lead out of on the way to a file of a plan whose file lies in a
// directory: the work tree of git that the directory lies in, or else the directory itself. For a file
// beside the directory it is what holds both.
func (f Folder) Home(dir, disk string) string {
	switch {
	case f.Revision != nil && pathindex.Within(disk, f.Disk):
		return f.Disk
	case f.Revision == nil && f.Disk != "" && pathindex.Within(disk, f.Disk):
		dir = f.OnDisk(dir)
	}
	for at := dir; at != "/"; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return at
		}
	}
	for !pathindex.Within(disk, dir) {
		dir = filepath.Dir(dir)
	}
	return dir
}

// Foreign reports of a path whether it leads out of a plan's folder or its repository: what is there is
// stood in for.
func Foreign(dir string) func(path string) bool {
	home := Folder{}.Home(dir, dir)
	return func(path string) bool { return trees.Leaves(home, path) }
}
