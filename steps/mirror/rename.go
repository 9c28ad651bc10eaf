package mirror

import (
	"fmt"
	"slices"

	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
)

// nameThere gives the name that an image with a path, as of imagelist.PathOf, has at the
// destination.
func (m *mirror) nameThere(path string) string {
	return imagelist.TagDigest(m.renamed(path), m.TagForDigests)
}

// renamed gives the name at the destination for one that begins with a repository.
func (m *mirror) renamed(name string) string {
	name, _ = m.Rename.Apply(name)
	return name
}

// unmatchedNotes reports what of rename and prune.repositories has nothing to do.
func (m *mirror) unmatchedNotes(images []registry.Image, ps prunings) []string {
	applied := map[int]bool{}
	for _, im := range images {
		if path, err := imagelist.PathOf(im.Source); err == nil {
			_, rule := m.Rename.Apply(path)
			applied[rule] = true
		}
	}
	notes := m.Rename.Unmatched(applied)
	for _, p := range ps {
		for _, name := range p.Unmatched {
			if note := fmt.Sprintf("prune.repositories: %q matches no repository", name); !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
	}
	return notes
}

// emptyIndexes gives a note for each image to copy that is an index without images. It is
// copied as it is, and nobody can run it.
func emptyIndexes(t *registry.TransferPlan) []string {
	var notes []string
	for _, e := range t.Images {
		if e.State == registry.Copy && e.Blobs == 0 && e.Attached() == 0 {
			notes = append(notes, e.Source+" is an index that names no image")
		}
	}
	return notes
}
