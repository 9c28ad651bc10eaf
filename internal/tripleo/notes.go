package tripleo

import (
	"fmt"
	"regexp"
	"slices"
)

// notes returns a note for each setting of the strategy that has no effect, which
// may be a mistake.
func (s Strategy) notes(all []namedEntry) []string {
	var notes []string
	refs := refsOf(all)
	note := func(format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		if s.place != (Place{}) {
			text = fmt.Sprintf("%s: %s: %s", s.place, listParameter, text)
		}
		notes = append(notes, text)
	}
	noteUnmatched := func(setting string, expressions []*regexp.Regexp) {
		for i, re := range expressions {
			if !slices.ContainsFunc(refs, re.MatchString) {
				note("%s[%d], %q, does not match the name of any image", setting, i, re)
			}
		}
	}
	noteUnmatched("includes", s.Includes)
	switch {
	case len(s.Includes) == 0:
		noteUnmatched("excludes", s.Excludes)
	case len(s.Excludes) > 0:
		note("excludes have no effect beside includes")
	}
	if s.ignoredLabel != "" {
		note("tag is set, so tag_from_label, %q, has no effect", s.ignoredLabel)
	}
	return notes
}

// ignoredListNote returns a note about a list that the release does not read.
func (r release) ignoredListNote(env *Environment) []string {
	list := env.parameters[listParameter]
	if r.readsPrepareList || list == nil {
		return nil
	}
	return []string{fmt.Sprintf("%s: %s is not read by release %s", list.place, listParameter, r.name)}
}

// unfilteredNote says why all images are selected.
func (r release) unfilteredNote(images int) string {
	if r.readsPrepareList {
		return fmt.Sprintf("there is no roles file, so all %d images are taken, whatever runs", images)
	}
	return fmt.Sprintf("there is no environment, so all %d images are taken, whatever runs", images)
}
