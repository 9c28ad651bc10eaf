package imagelist

import (
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/plan"
)

// A RenameRule gives images another name where they are copied to.
type RenameRule struct {
	// Beginning of a name at its source, without the registry: rhosp13/openstack- of repositories,
	// or library/alpine:3.20 of tags.
	From string `json:"from"`
	// What takes its place; "" to leave the beginning out.
	To string `json:"to"`
}

// Renames are the rules of a step. The first one that matches a name applies.
type Renames []RenameRule

// Apply gives the new name for one that begins with a repository, and the place of the
// rule that has applied. Without a matching rule the name stays, and the place is -1.
func (r Renames) Apply(name string) (renamed string, rule int) {
	for i, r := range r {
		if rest, ok := strings.CutPrefix(name, r.From); ok {
			return r.To + rest, i
		}
	}
	return name, -1
}

// Validate finds rules that never apply, since an earlier rule matches all names that
// they match. An empty from is not known yet and passes.
func (r Renames) Validate(field string) []error {
	var errs []error
	for i, rule := range r {
		for j, earlier := range r[:i] {
			if rule.From != "" && earlier.From != "" && strings.HasPrefix(rule.From, earlier.From) {
				errs = append(errs, plan.At(item(field, i)+".from", fmt.Errorf("%q never applies: rule %d (%q) comes before it", rule.From, j+1, earlier.From)))
				break
			}
		}
	}
	return errs
}

// Unmatched gives a note for each rule that has not applied.
func (r Renames) Unmatched(applied map[int]bool) []string {
	var notes []string
	for i, rule := range r {
		if !applied[i] {
			notes = append(notes, fmt.Sprintf("rename: no image's name begins with %q", rule.From))
		}
	}
	return notes
}
