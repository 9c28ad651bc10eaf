package mirror

import (
	"fmt"
	"slices"

	"github.com/bayplan/bayplan/steps/internal/imagelist"
)

// nameThere gives the name that an image with a path, as of imagelist.PathOf, has at the
// destination.
func (m *mirror) nameThere(path string) string {
	return imagelist.TagDigest(m.renamed(path), m.TagForDigests)
}

// renamed gives the name at the destination for one that begins with a repository, and
// remembers the rule that has applied.
func (m *mirror) renamed(name string) string {
	name, rule := m.Rename.Apply(name)
	if m.renames == nil {
		m.renames = map[int]bool{}
	}
	m.renames[rule] = true
	return name
}

// unmatchedNotes reports what of rename and prune.repositories has nothing to do.
func (m *mirror) unmatchedNotes(ps prunings) []string {
	notes := m.Rename.Unmatched(m.renames)
	for _, p := range ps {
		for _, name := range p.Unmatched {
			if note := fmt.Sprintf("prune.repositories: %q matches no repository", name); !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
	}
	return notes
}
