package convert

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/tagselect"
)

// add adds an entry to the plan. An image is there once.
func (r *reader) add(e entry) {
	if err := checkEntry(e); err != nil {
		r.leftOut(e.line, e.source.String(), err.Error())
		return
	}
	if e.rules == nil {
		source, target := e.source.String(), e.to+"/"+e.target
		if r.plan.names == nil {
			r.plan.names = map[string]string{}
		}
		switch first, there := r.plan.names[target]; {
		case there && first == source:
			return
		case there:
			r.leftOut(e.line, source, fmt.Sprintf("%s comes to %s already", first, target))
			return
		}
		r.plan.names[target] = source
	}
	r.plan.registry(e.source.host)
	r.plan.registry(e.to)
	r.plan.entries = append(r.plan.entries, e)
}

// checkEntry finds names that a plan refuses.
func checkEntry(e entry) error {
	target := strings.ReplaceAll(e.target, "*", "x")
	if e.rules != nil && strings.Contains(e.source.repository, "*") {
		target += "x"
	}
	if _, _, err := splitTarget(e.to, target); err != nil {
		return err
	}
	if e.rules != nil {
		_, _, err := tagselect.Split(e.source.String())
		return err
	}
	return nil
}

// takesSignatures reports whether rules select the tags of signatures, too.
func takesSignatures(rules *tagRules) bool {
	if rules.version != "" {
		return false
	}
	signature := "sha256-" + strings.Repeat("0", 64) + ".sig"
	matches := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(text string) bool {
			p, err := tagselect.Pattern(text)
			return err == nil && p.MatchString(signature)
		})
	}
	return (len(rules.match) == 0 || matches(rules.match)) && !matches(rules.except)
}
