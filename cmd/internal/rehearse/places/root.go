// Package places says where the files of a host and those of plans lie in a rehearsal.
package places

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/registry"
)

// A Root is the directory of a rehearsal. The files of the host lie below its host
// directory, by their absolute paths.
type Root struct {
	Dir  string // absolute
	Host string

	mu       sync.Mutex      // steps are decoded at the same time
	relative map[string]bool // paths that plans name by a path relative to the plan
}

// NewRoot makes the root: dir, which must be empty or absent, or else a temporary
// directory.
func NewRoot(dir string) (*Root, error) {
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
	r := &Root{Dir: dir, Host: filepath.Join(dir, "host"), relative: map[string]bool{}}
	return r, os.Mkdir(r.Host, 0o755)
}

// Place gives where a path of the host lies. A path that lies there already stays.
func (r *Root) Place(path string, relative bool) string {
	if r.Holds(path) {
		return path
	}
	if relative {
		r.mu.Lock()
		r.relative[path] = true
		r.mu.Unlock()
	}
	return r.Host + path
}

// Holds reports whether a path lies among the files of the host.
func (r *Root) Holds(path string) bool { return path == r.Host || strings.HasPrefix(path, r.Host+"/") }

// Real gives the path of the host that lies at a path below the root.
func (r *Root) Real(path string) string {
	if rest, ok := strings.CutPrefix(path, r.Host+"/"); ok {
		return "/" + rest
	}
	return path
}

// IsRelative reports whether a plan names a path of the host by a relative path.
func (r *Root) IsRelative(path string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.relative[path]
}

// Strip removes the root from a text for people.
func (r *Root) Strip(text string) string { return strings.ReplaceAll(text, r.Host+"/", "/") }

// PlaceText gives a reference to a layout, or the address of a local file, with the path of the
// layout or file placed. It gives other texts as they are.
func (r *Root) PlaceText(text string) string {
	if dir, _, isLayout := registry.CutLayout(text); isLayout && filepath.IsAbs(dir) {
		return registry.LayoutPrefix + r.Place(filepath.Clean(dir), false) + strings.TrimPrefix(text, registry.LayoutPrefix+dir)
	}
	if file := download.LocalPath(text); filepath.IsAbs(file) {
		return (&url.URL{Scheme: "file", Path: r.Place(file, false)}).String()
	}
	return text
}

// Remove removes the whole root, also directories without permissions.
func (r *Root) Remove() error {
	_ = filepath.WalkDir(r.Dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(path, 0o700) // what cannot be removed is told below
		}
		return nil
	})
	return os.RemoveAll(r.Dir)
}
