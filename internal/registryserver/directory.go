package registryserver

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/bayplan/bayplan/internal/ocilayout"
)

// directory is the storage in a directory: each repository is an OCI image
// layout in the directory of its name. Others may read it at any moment.
type directory struct {
	root  string
	mu    sync.Mutex // requests come on goroutines of their own
	repos map[string]*repository
}

// What is in the root besides repositories. No name of one begins with a dot.
const (
	lockName   = ".lock"
	uploadsDir = ".uploads"
)

// What is in a repository besides others whose names go on from its own.
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
