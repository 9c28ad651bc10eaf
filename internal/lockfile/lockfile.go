// Package lockfile reads and writes lock files. A lock file records the digest
// of each image tag when it was first looked up, so that everyone who applies
// the plan gets the same images until the file is updated. The package does not
// ask registries and does not know plans.
//
// The file is YAML of one form only: one image and its digest a line, sorted,
// without times, so that it can be reviewed and merged line by line.
//
//	images:
//	  registry.access.redhat.com/rhosp13/openstack-base:13.0-40: sha256:2c26...
package lockfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
)

// maxSize is the largest lock file that is read. It has room for a hundred
// thousand images.
const maxSize = 32 << 20

// A File is a lock file in memory. Many goroutines may call its methods at
// once.
type File struct {
	path string // "": in memory only

	// Concurrent steps look up and add images at any time.
	mu     sync.Mutex
	onDisk map[string]string // images as read or last written
	images map[string]string // digest by HOST/NAME:TAG
	used   map[string]bool   // images looked up or added since Read
}

// Read reads a lock file. A missing file is empty. A File without a path is
// empty, too, and is never written.
func Read(path string) (*File, error) {
	f := &File{path: path, onDisk: map[string]string{}, images: map[string]string{}, used: map[string]bool{}}
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
	if f.images, err = parse(path, text); err != nil {
		return nil, err
	}
	f.onDisk = maps.Clone(f.images)
	return f, nil
}

func readText(path string) (string, error) {
	r, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err == nil && len(text) > maxSize {
		err = fmt.Errorf("%s has more than %d bytes", path, maxSize)
	}
	return string(text), err
}

// parse reads the lines and reports all mistakes in them.
func parse(path, text string) (map[string]string, error) {
	images := map[string]string{}
	var errs []error
	inImages := false
	for n, line := range slices.Collect(strings.Lines(text)) {
		line = strings.TrimRight(line, " \r\n")
		fail := func(err error) { errs = append(errs, fmt.Errorf("%s:%d: %w", path, n+1, err)) }
		switch trimmed := strings.TrimSpace(line); {
		case trimmed == "" || strings.HasPrefix(trimmed, "#"):
		case strings.HasPrefix(line, "<<<<<<<"), strings.HasPrefix(line, "======="), strings.HasPrefix(line, ">>>>>>>"):
			fail(fault.WithHint(errors.New("a merge conflict is left here"),
				"delete the lines in conflict and run bayplan lock, which looks their tags up again"))
		case line == "images:" || line == "images: {}":
			inImages = true
		case !inImages || line == trimmed:
			fail(fmt.Errorf("%q is not a line of a lock file", shorten(trimmed)))
		default:
			image, sum, err := parseEntry(trimmed)
			if _, twice := images[image]; err == nil && twice {
				err = fmt.Errorf("%s is locked twice", image)
			}
			if err != nil {
				fail(err)
				continue
			}
			images[image] = sum
		}
	}
	return images, errors.Join(errs...)
}

// parseEntry reads "IMAGE: DIGEST". Each of the two may be in quotes.
func parseEntry(line string) (image, sum string, err error) {
	image, sum, ok := strings.Cut(line, ": ")
	image, sum = strings.Trim(image, `"'`), strings.Trim(strings.TrimSpace(sum), `"'`)
	if !ok || !strings.Contains(image, "/") || strings.ContainsAny(image, "@ \t") {
		return "", "", fmt.Errorf("%q is not IMAGE:TAG: DIGEST", shorten(line))
	}
	if !strings.Contains(path.Base(image), ":") {
		return "", "", fmt.Errorf("image %q has no tag", image)
	}
	if err := digest.Digest(sum).Validate(); err != nil {
		return "", "", fmt.Errorf("image %s: the digest %q: %w", image, shorten(sum), err)
	}
	return image, sum, nil
}

func shorten(s string) string {
	const enough = 120
	if len(s) > enough {
		return s[:enough] + "..."
	}
	return s
}

// Digest returns the digest that an image is locked to.
func (f *File) Digest(image string) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	sum, ok := f.images[image]
	f.used[image] = f.used[image] || ok
	return sum, ok
}

// Before returns the digest that an image was locked to when the file was read
// or last written; "" if it was not locked.
func (f *File) Before(image string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.onDisk[image]
}

// Add locks an image to a digest, unless it is already locked.
func (f *File) Add(image, sum string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.used[image] = true
	if _, locked := f.images[image]; !locked {
		f.images[image] = sum
	}
}

// Forget unlocks the images that match a pattern and returns their number. In
// the pattern * stands for any text, slashes included.
func (f *File) Forget(pattern string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := len(f.images)
	maps.DeleteFunc(f.images, func(image, _ string) bool { return match(pattern, image) })
	return before - len(f.images)
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

// Prune unlocks the images that were neither looked up nor added since Read.
func (f *File) Prune() {
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.DeleteFunc(f.images, func(image, _ string) bool { return !f.used[image] })
}

// A Change is the difference between an image's entry in memory and on disk.
type Change struct {
	Image    string
	Old, New string // digests; "" for none
}

// Changes returns what Write would change, sorted by image.
func (f *File) Changes() []Change {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changes()
}

func (f *File) changes() []Change {
	var all []Change
	for image, sum := range f.images {
		if old := f.onDisk[image]; old != sum {
			all = append(all, Change{image, old, sum})
		}
	}
	for image, old := range f.onDisk {
		if _, kept := f.images[image]; !kept {
			all = append(all, Change{Image: image, Old: old})
		}
	}
	slices.SortFunc(all, func(a, b Change) int { return strings.Compare(a.Image, b.Image) })
	return all
}

// Images returns the names of the locked images, sorted.
func (f *File) Images() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.images))
}

// Len returns the number of locked images.
func (f *File) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.images)
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
	f.onDisk = maps.Clone(f.images)
	return nil
}

const header = "# What the tags of images stand for. bayplan apply adds to it; bayplan lock --update GLOB follows tags that have moved on.\n"

func (f *File) text() []byte {
	var b strings.Builder
	b.WriteString(header)
	if len(f.images) == 0 {
		b.WriteString("images: {}\n")
		return []byte(b.String())
	}
	b.WriteString("images:\n")
	for _, image := range slices.Sorted(maps.Keys(f.images)) {
		fmt.Fprintf(&b, "  %s: %s\n", image, f.images[image])
	}
	return []byte(b.String())
}
