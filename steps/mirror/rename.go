package mirror

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
)

// A renameRule gives repositories another name where they are copied to.
type renameRule struct {
	// Beginning of a repository's name at its source, without the registry, such as
	// rhosp13/openstack-.
	From string `json:"from"`
	// What takes its place; "" to leave the beginning out.
	To string `json:"to"`
}

// nameThere gives the name that an image with a path, as of imagelist.PathOf, has at the
// destination.
func (m *mirror) nameThere(path string) string {
	return imagelist.TagDigest(m.renamed(path), m.TagForDigests)
}

// renamed applies the first matching rule to a name that begins with a repository.
// Without a matching rule the name stays.
func (m *mirror) renamed(name string) string {
	for i, r := range m.Rename {
		if rest, ok := strings.CutPrefix(name, r.From); ok {
			if m.renames == nil {
				m.renames = map[int]bool{}
			}
			m.renames[i] = true
			return r.To + rest
		}
	}
	return name
}

// unmatchedNotes reports what of rename and prune.repositories has nothing to do.
func (m *mirror) unmatchedNotes(ps prunings) []string {
	var notes []string
	for i, r := range m.Rename {
		if !m.renames[i] {
			notes = append(notes, fmt.Sprintf("rename: no image's name begins with %q", r.From))
		}
	}
	for _, p := range ps {
		for _, name := range p.Unmatched {
			if note := fmt.Sprintf("prune.repositories: %q matches no repository", name); !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
	}
	return notes
}

// validateRename finds rules that never apply, since an earlier rule matches all names
// that they match. An empty from is not known yet and passes.
func validateRename(rules []renameRule) []error {
	var errs []error
	for i, r := range rules {
		for j, earlier := range rules[:i] {
			if r.From != "" && earlier.From != "" && strings.HasPrefix(r.From, earlier.From) {
				errs = append(errs, plan.At(fmt.Sprintf("rename[%d].from", i), fmt.Errorf("%q never applies: rule %d (%q) comes before it", r.From, j+1, earlier.From)))
				break
			}
		}
	}
	return errs
}
