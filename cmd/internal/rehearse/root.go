package rehearse

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/registry"
)

// A root is the directory of a rehearsal. The files of the host lie below its host
// directory, by their absolute paths.
type root struct {
	dir  string // absolute
	host string

	mu       sync.Mutex      // steps are decoded at the same time
	relative map[string]bool // paths that plans name by a path relative to the plan
}

// newRoot makes the root: dir, which must be empty or absent, or else a temporary
// directory.
func newRoot(dir string) (*root, error) {
	var err error
	if dir == "" {
		dir, err = os.MkdirTemp("", "bayplan-rehearse-") // relative if TMPDIR is
	} else {
		err = os.MkdirAll(dir, 0o700)
	}
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	r := &root{dir: dir, host: filepath.Join(dir, "host"), relative: map[string]bool{}}
	return r, os.Mkdir(r.host, 0o755)
}

// place gives where a path of the host lies. A path that lies there already stays.
func (r *root) place(path string, relative bool) string {
	if r.holds(path) {
		return path
	}
	if relative {
		r.mu.Lock()
		r.relative[path] = true
		r.mu.Unlock()
	}
	return r.host + path
}

func (r *root) holds(path string) bool { return path == r.host || strings.HasPrefix(path, r.host+"/") }

// real gives the path of the host that lies at a path below the root.
func (r *root) real(path string) string {
	if rest, ok := strings.CutPrefix(path, r.host+"/"); ok {
		return "/" + rest
	}
	return path
}

// isRelative reports whether a plan names a path of the host by a relative path.
func (r *root) isRelative(path string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.relative[path]
}

// strip removes the root from a text for people.
func (r *root) strip(text string) string { return strings.ReplaceAll(text, r.host+"/", "/") }

// placeText gives a reference to a layout, or the address of a local file, with the path of the
// layout or file placed. It gives other texts as they are.
func (r *root) placeText(text string) string {
	if dir, _, isLayout := registry.CutLayout(text); isLayout && filepath.IsAbs(dir) {
		return registry.LayoutPrefix + r.place(filepath.Clean(dir), false) + strings.TrimPrefix(text, registry.LayoutPrefix+dir)
	}
	if file := download.LocalPath(text); filepath.IsAbs(file) {
		return (&url.URL{Scheme: "file", Path: r.place(file, false)}).String()
	}
	return text
}

// remove removes the whole root, also directories without permissions.
func (r *root) remove() error {
	_ = filepath.WalkDir(r.dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(path, 0o700) // what cannot be removed is told below
		}
		return nil
	})
	return os.RemoveAll(r.dir)
}
