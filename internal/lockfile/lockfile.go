// Package lockfile reads and writes lock files. A lock file records the digest
// of each image tag when it was first looked up, each tag that was chosen among
// others, and the images of each selection, so that everyone who applies the plan gets the same images until
// the file is updated. The package does not ask registries and does not know plans.
//
// The file is YAML of one form only: one entry a line, sorted, without times, so
// that it can be reviewed and merged line by line. A file without choices or
// selections has no such section.
//
//	images:
//	  registry.access.redhat.com/rhosp13/openstack-base:13.0-40: sha256:2c26...
//	choices:
//	  "registry.access.redhat.com/rhosp13/openstack-base newest 13\\.0-.*": "13.0-40"
//	selections:
//	  "quay.io/prometheus/node-exporter tags version '>=1.8 <2' newest 2":
//	    - quay.io/prometheus/node-exporter:v1.8.1
//	    - quay.io/prometheus/node-exporter:v1.8.2
package lockfile

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/textfile"
)

// maxSize is the largest lock file that is read. It has room for a hundred
// thousand images.
const maxSize = 32 << 20

// Of returns the path of the lock file that belongs to a plan file: NAME.lock.yaml beside NAME.yaml.
func Of(planFile string) string {
	return strings.TrimSuffix(planFile, filepath.Ext(planFile)) + ".lock.yaml"
}

// A File is a lock file in memory. Many goroutines may call its methods at
// once.
type File struct {
	path string // "": in memory only

	// Concurrent steps look up and add images at any time.
	mu      sync.Mutex
	onDisk  map[string]string // entries as read or last written
	entries map[string]string // digest by HOST/NAME:TAG, tag by the name of a choice, JoinImages by that of a selection
	used    map[string]bool   // entries looked up or added since Read
}

// Read reads a lock file. A missing file is empty. A File without a path is
// empty, too, and is never written.
func Read(path string) (*File, error) {
	f := &File{path: path, onDisk: map[string]string{}, entries: map[string]string{}, used: map[string]bool{}}
	if path == "" {
		return f, nil
	}
	text, err := readText(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f, nil
	case err != nil:
		return nil, err
	}
	if f.entries, err = parse(path, text); err != nil {
		return nil, err
	}
	f.onDisk = maps.Clone(f.entries)
	return f, nil
}

func readText(path string) (string, error) {
	text, err := textfile.Read(context.Background(), path, maxSize)
	return string(text), err
}

// Get returns what an entry is locked to: the digest of an image's tag, the tag of
// a choice, or the images of a selection.
func (f *File) Get(name string) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	value, ok := f.entries[name]
	f.used[name] = f.used[name] || ok
	return value, ok
}

// Before returns what an entry was locked to when the file was read or last
// written; "" if it was not locked.
func (f *File) Before(name string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.onDisk[name]
}

// Add locks an entry, unless it is already locked, and returns what it is locked
// to. The name is that of an image, HOST/NAME:TAG, or of a choice, which is
// Choice's.
func (f *File) Add(name, value string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.used[name] = true
	if locked, ok := f.entries[name]; ok {
		return locked
	}
	f.entries[name] = value
	return value
}

// Replace locks an entry to a value, whatever it was locked to.
func (f *File) Replace(name, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.entries[name], f.used[name] = value, true
}

// Forget unlocks the images that match a pattern, and the choices whose
// repository or chosen image matches it, with selections alike, and returns their
// number. In the
// pattern * stands for any text, slashes included.
func (f *File) Forget(pattern string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := len(f.entries)
	maps.DeleteFunc(f.entries, func(name, value string) bool {
		repository, ok := choiceRepository(name)
		if isSelection(name) {
			ok = match(pattern, repository) || slices.ContainsFunc(SplitImages(value), func(image string) bool { return match(pattern, image) })
		} else {
			ok = ok && (match(pattern, repository) || match(pattern, repository+":"+value))
		}
		return ok || match(pattern, name)
	})
	return before - len(f.entries)
}

// match reports whether a pattern with * in it matches all of s.
func match(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(s, first) || !strings.HasSuffix(s[len(first):], last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}

// Prune unlocks the entries that were neither looked up nor added since Read.
func (f *File) Prune() {
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.DeleteFunc(f.entries, func(name, _ string) bool { return !f.used[name] })
}

// Recall locks what Forget has unlocked, and nothing has locked since, to what it was locked to.
func (f *File) Recall() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, value := range f.onDisk {
		if _, locked := f.entries[name]; !locked {
			f.entries[name] = value
		}
	}
}

// A Change is the difference between an entry in memory and on disk. A selection has one
// for each image that it gains or loses.
type Change struct {
	Name string `json:"name"`          // of an image, a choice or a selection
	Old  string `json:"old,omitempty"` // digest, tag or image; "" for none
	New  string `json:"new,omitempty"` // what it is locked to now; none: it is not locked any more
}

// Changes returns what Write would change, sorted by name.
func (f *File) Changes() []Change {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changes()
}

func (f *File) changes() []Change {
	var all []Change
	for name, value := range f.entries {
		if old := f.onDisk[name]; old != value {
			all = append(all, changesOf(name, old, value)...)
		}
	}
	for name, old := range f.onDisk {
		if _, kept := f.entries[name]; !kept {
			all = append(all, changesOf(name, old, "")...)
		}
	}
	slices.SortFunc(all, func(a, b Change) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Old+a.New, b.Old+b.New))
	})
	return all
}

// changesOf gives the changes of one entry.
func changesOf(name, old, value string) []Change {
	if !isSelection(name) {
		return []Change{{Name: name, Old: old, New: value}}
	}
	var all []Change
	gone, added := Difference(old, value)
	for _, image := range gone {
		all = append(all, Change{Name: name, Old: image})
	}
	for _, image := range added {
		all = append(all, Change{Name: name, New: image})
	}
	return all
}

// Difference gives the images that the one value of a selection has alone, and those that
// the other has alone.
func Difference(a, b string) (onlyA, onlyB []string) {
	as, bs := SplitImages(a), SplitImages(b)
	onlyA = slices.DeleteFunc(slices.Clone(as), func(image string) bool { return slices.Contains(bs, image) })
	onlyB = slices.DeleteFunc(slices.Clone(bs), func(image string) bool { return slices.Contains(as, image) })
	return onlyA, onlyB
}

// Images returns the names of the locked images, sorted.
func (f *File) Images() []string { return f.names(false) }

// Choices returns the names of the locked choices, sorted.
func (f *File) Choices() []string { return f.names(true) }

func (f *File) names(choices bool) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(f.entries)) {
		if _, choice := choiceRepository(name); choice == choices {
			names = append(names, name)
		}
	}
	return names
}

// Count returns the numbers of locked images, and of choices and selections.
func (f *File) Count() (images, choices int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name := range f.entries {
		if _, ok := choiceRepository(name); ok {
			choices++
		}
	}
	return len(f.entries) - choices, choices
}

// Write writes the file if an entry has changed, atomically. Comments in the old
// file are lost then.
func (f *File) Write() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.path == "" || len(f.changes()) == 0 {
		return nil
	}
	if err := durable.WriteBytes(f.path, 0o644, f.text()); err != nil {
		return err
	}
	f.onDisk = maps.Clone(f.entries)
	return nil
}
