package tripleo

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
)

// unmatched gives an error for each of the strategy's own expressions that matches no
// image: a misspelt one would take or leave out nothing without a word. Those of a
// ContainerImagePrepare list are other people's, so they get a note.
func (s Strategy) unmatched(refs []string) error {
	if s.place != (Place{}) {
		return nil
	}
	var errs []error
	check := func(setting string, expressions []*regexp.Regexp) {
		for i, re := range expressions {
			if slices.ContainsFunc(refs, re.MatchString) {
				continue
			}
			err := fmt.Errorf("%s[%d], %q, matches none of the %s", setting, i, re, human.Count(len(refs), "image", "images"))
			errs = append(errs, fault.WithHint(err, nearImage(re.String(), refs)))
		}
	}
	check("includes", s.Includes)
	if len(s.Includes) == 0 {
		check("excludes", s.Excludes)
	}
	return errors.Join(errs...)
}

// nearImage suggests the image whose name, or a part of it at its hyphens, is most like
// an expression.
func nearImage(expression string, refs []string) string {
	word := strings.Trim(expression, "^$.*/:")
	var known []string
	for _, ref := range refs {
		name, _, _ := strings.Cut(path.Base(ref), ":")
		known = append(known, name)
		for i, c := range name {
			if c == '-' {
				known = append(known, name[i+1:])
			}
		}
	}
	return human.DidYouMean(word, known)
}

// refsOf gives the NAME:TAG of entries.
func refsOf(all []namedEntry) []string {
	refs := make([]string, len(all))
	for i, n := range all {
		refs[i] = n.name + ":" + n.tag
	}
	return refs
}
