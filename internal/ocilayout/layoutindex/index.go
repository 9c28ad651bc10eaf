// Package layoutindex is the index of an OCI layout: which manifests it names, and by which
// names, also as other tools write them.
package layoutindex

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"

	"github.com/bayplan/bayplan/internal/fault"
)

const (
	// Type is the media type of an index.
	Type = "application/vnd.oci.image.index.v1+json"
	// NameKey is the annotation of an index that holds the name of a manifest.
	NameKey = "org.opencontainers.image.ref.name"
)

// An Index is the content of index.json: the manifests of a layout.
type Index struct {
	SchemaVersion int                     `json:"schemaVersion"`
	MediaType     string                  `json:"mediaType,omitempty"`
	Manifests     []descriptor.Descriptor `json:"manifests"`
	Annotations   map[string]string       `json:"annotations,omitempty"`

	unsound error // why the layout must not be used
	sorted  bool  // Manifests is known to be in the order of names
}

// Empty gives an index without manifests.
func Empty() *Index { return &Index{SchemaVersion: 2, MediaType: Type, sorted: true} }

// Parse reads the text of an index.json. The path stands for it in messages.
func Parse(text []byte, path string) (*Index, error) {
	var idx Index
	if err := json.Unmarshal(text, &idx); err != nil {
		return nil, fault.JSON(path, text, err)
	}
	for _, d := range idx.Manifests {
		if err := d.Digest.Validate(); err != nil {
			idx.unsound = fmt.Errorf("%s: the digest %q: %w", path, d.Digest, err)
			break
		}
	}
	idx.CheckOrder()
	return &idx, nil
}

// Unsound gives an error if the layout must not be used.
func (idx *Index) Unsound() error { return idx.unsound }

// Clone gives a copy with its own list.
func (idx *Index) Clone() *Index {
	c := *idx
	c.Manifests = slices.Clone(idx.Manifests)
	return &c
}

// CheckOrder finds out whether the manifests are in the order of names. Whatever changes
// the list by other means than Insert and Remove may have broken it.
func (idx *Index) CheckOrder() { idx.sorted = slices.IsSortedFunc(idx.Manifests, byName) }

// Insert adds a manifest at its place in the order of names.
func (idx *Index) Insert(d descriptor.Descriptor) {
	if !idx.sorted {
		slices.SortStableFunc(idx.Manifests, byName)
		idx.sorted = true
	}
	i, _ := slices.BinarySearchFunc(idx.Manifests, d, byName)
	idx.Manifests = slices.Insert(idx.Manifests, i, d)
}

// Remove removes manifests of a name, "" for those without one, and gives them.
func (idx *Index) Remove(name string, is func(digest.Digest) bool) []descriptor.Descriptor {
	low, high := idx.span(name, name+"\x00")
	var removed []descriptor.Descriptor
	kept := slices.DeleteFunc(idx.Manifests[low:high], func(d descriptor.Descriptor) bool {
		if d.Annotations[NameKey] != name || !is(d.Digest) {
			return false
		}
		removed = append(removed, d)
		return true
	})
	if len(removed) > 0 {
		idx.Manifests = append(idx.Manifests[:low+len(kept)], idx.Manifests[high:]...)
	}
	return removed
}

// Named gives the manifests of a name, "" for those without one. The caller must not change
// the list.
func (idx *Index) Named(name string) []descriptor.Descriptor {
	return idx.within(name, name+"\x00", func(n string) bool { return n == name })
}

// Prefixed gives the manifests whose names begin with a text that is not empty. The caller
// must not change the list.
func (idx *Index) Prefixed(prefix string) []descriptor.Descriptor {
	return idx.within(prefix, after(prefix), func(n string) bool { return strings.HasPrefix(n, prefix) })
}

// after gives the first text behind all that begin with a prefix.
func after(prefix string) string {
	end := []byte(prefix)
	end[len(end)-1]++
	return string(end)
}

// within gives the manifests with names from low to high that are wanted. An index in order
// needs no search.
func (idx *Index) within(low, high string, wanted func(name string) bool) []descriptor.Descriptor {
	from, to := idx.span(low, high)
	if idx.sorted {
		return idx.Manifests[from:to:to]
	}
	var found []descriptor.Descriptor
	for _, d := range idx.Manifests[from:to] {
		if wanted(d.Annotations[NameKey]) {
			found = append(found, d)
		}
	}
	return found
}

// span gives the part of the list with all names from low up to high.
func (idx *Index) span(low, high string) (from, to int) {
	if !idx.sorted {
		return 0, len(idx.Manifests)
	}
	place := func(name string) int {
		i, _ := slices.BinarySearchFunc(idx.Manifests, name, func(d descriptor.Descriptor, name string) int {
			return cmp.Compare(d.Annotations[NameKey], name)
		})
		return i
	}
	return place(low), place(high)
}

func byName(a, b descriptor.Descriptor) int {
	if c := cmp.Compare(a.Annotations[NameKey], b.Annotations[NameKey]); c != 0 {
		return c
	}
	return cmp.Compare(a.Digest, b.Digest)
}

// Text gives the content of index.json.
func (idx *Index) Text() ([]byte, error) {
	text, err := json.MarshalIndent(idx, "", "  ")
	return append(text, '\n'), err
}
