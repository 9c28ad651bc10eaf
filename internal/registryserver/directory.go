package registryserver

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/bayplan/bayplan/internal/ocilayout"
)

// directory is the storage in a directory. Each repository is an OCI image
// layout in the directory of its name. Other processes may read it at any
// moment.
type directory struct {
	root  string
	mu    sync.Mutex // several requests run at a time
	repos map[string]*repository
}

// The root holds these besides repositories. No name of a repository begins
// with a dot.
const (
	lockName   = ".lock"
	uploadsDir = ".uploads"
)

// A repository holds these besides repositories whose names go on from its own.
const (
	blobsDir   = "blobs"
	indexFile  = "index.json"
	layoutFile = "oci-layout"
)

const dirMode = fs.FileMode(0o755)

func newDirectory(root string) *directory {
	return &directory{root: root, repos: map[string]*repository{}}
}

func (d *directory) repository(name string, write bool) *repository {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.repos[name]
	if r == nil {
		dir := filepath.Join(d.root, filepath.FromSlash(name))
		r = newRepository(name, ocilayout.OpenOwned(dir, filepath.Join(d.root, uploadsDir)))
		if _, err := os.Stat(dir); err == nil || write {
			d.repos[name] = r
		}
	}
	return r
}
