package registryserver

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/ocilayout"
)

// after reads the current directories, and no more of them than a page needs.
func (d *directory) after(last string, n int) ([]string, error) {
	w := walk{root: d.root, last: last, want: n}
	if err := w.under(""); err != nil {
		return nil, fmt.Errorf("looking for repositories: %w", err)
	}
	return w.found, nil
}

// A walk visits the directories in the order of the repositories' names, and
// skips those without a wanted name.
type walk struct {
	root  string
	last  string
	want  int
	found []string
}

func (w *walk) full() bool { return len(w.found) >= w.want }

// under visits all repositories whose names start with prefix, which is empty
// or ends with a slash.
func (w *walk) under(prefix string) error {
	stops, err := w.stopsUnder(prefix)
	if err != nil {
		return err
	}
	for _, s := range stops {
		if w.full() {
			return nil
		}
		if err := w.visit(prefix + s); err != nil {
			return err
		}
	}
	return nil
}

// stopsUnder gives each directory under prefix twice: as a repository ("name") and
// as what may hold others ("name/"), in the order of their bytes. That is the
// order of full names, too: "a", "a-b", "a/b", "ab".
func (w *walk) stopsUnder(prefix string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(w.root, filepath.FromSlash(prefix)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	stops := make([]string, 0, 2*len(entries))
	for _, e := range entries {
		if e.IsDir() && isRepository(e.Name()) {
			stops = append(stops, e.Name(), e.Name()+"/")
		}
	}
	slices.SortFunc(stops, cmp.Compare[string])
	return stops, nil
}

func (w *walk) visit(name string) error {
	if !strings.HasSuffix(name, "/") {
		w.repository(name)
		return nil
	}
	if w.last > name && !strings.HasPrefix(w.last, name) {
		return nil // everything in there comes before last
	}
	return w.under(name)
}

func (w *walk) repository(name string) {
	if name > w.last && holdsManifest(filepath.Join(w.root, filepath.FromSlash(name), indexFile)) {
		w.found = append(w.found, name)
	}
}

// holdsManifest says whether the index of a repository names a manifest. An
// index that cannot be read does not, so that the others are listed.
func holdsManifest(file string) bool {
	idx, err := ocilayout.ReadIndex(file)
	return err == nil && len(idx.Manifests) > 0
}
