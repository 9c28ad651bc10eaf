package tripleo

import (
	"fmt"
	"regexp"
	"slices"
)

// notes tells what is not wrong and may still not be what was meant: settings
// that say nothing.
func (s Strategy) notes(all []named) []string {
	var refs, notes []string
	for _, n := range all {
		refs = append(refs, n.name+":"+n.tag)
	}
	note := func(format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		if s.place != (Place{}) {
			text = fmt.Sprintf("%s: %s: %s", s.place, listParameter, text)
		}
		notes = append(notes, text)
	}
	idle := func(setting string, expressions []*regexp.Regexp) {
		for i, re := range expressions {
			if !slices.ContainsFunc(refs, re.MatchString) {
				note("%s[%d], %q, finds nothing in the name of any image that there is", setting, i, re)
			}
		}
	}
	idle("includes", s.Includes)
	switch {
	case len(s.Includes) == 0:
		idle("excludes", s.Excludes)
	case len(s.Excludes) > 0:
		note("excludes say nothing beside includes")
	}
	if s.idleLabel != "" {
		note("tag is set, so tag_from_label, %q, says nothing", s.idleLabel)
	}
	return notes
}

// ignored tells of a list that the release is too early to read.
func (r release) ignored(env *Environment) []string {
	list := env.parameters[listParameter]
	if r.lists || list == nil {
		return nil
	}
	return []string{fmt.Sprintf("%s: %s is not read by release %s", list.place, listParameter, r.name)}
}

// unfiltered tells why every image is taken.
func (r release) unfiltered(images int) string {
	if r.lists {
		return fmt.Sprintf("there is no roles file, so all %d images are taken, whatever runs", images)
	}
	return fmt.Sprintf("there is no environment, so all %d images are taken, whatever runs", images)
}
