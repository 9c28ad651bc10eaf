package convert

import (
	"slices"
	"strings"
)

// A renaming replaces the beginning of names, as a rule of rename does.
type renaming struct{ from, to string }

// add adds an entry to the step, if rules can give all its entries their names.
func (s *step) add(e entry) bool {
	for _, rules := range s.rulesWith(e) {
		with := append(slices.Clone(s.entries), e)
		if len(rules) == len(s.rename) {
			with = with[len(s.entries):] // the rules give the others their names already
		}
		if !slices.ContainsFunc(with, func(e entry) bool { return !gives(rules, e) }) {
			s.entries, s.rename = append(s.entries, e), rules
			return true
		}
	}
	return false
}

// rulesWith gives the lists of rules that may do for a further entry, the shortest and
// most general first.
func (s *step) rulesWith(e entry) [][]renaming {
	from, _ := e.stem()
	all := [][]renaming{s.rename}
	if len(s.rename) >= maxRules {
		return all
	}
	for _, r := range rulesFor(from, e.targetStem()) {
		if slices.ContainsFunc(s.rename, func(o renaming) bool { return o.from == r.from }) {
			continue
		}
		rules := append(slices.Clone(s.rename), r)
		// The first rule that matches applies, so that a longer one must come first.
		slices.SortStableFunc(rules, func(a, b renaming) int { return len(b.from) - len(a.from) })
		all = append(all, rules)
	}
	return all
}

// rulesFor gives the rules that turn one name into another. The first ones leave as many
// parts of the name alone as they can.
func rulesFor(from, to string) []renaming {
	a, b := strings.Split(from, "/"), strings.Split(to, "/")
	common := 0
	for common < len(a)-1 && common < len(b) && a[len(a)-1-common] == b[len(b)-1-common] {
		common++
	}
	var all []renaming
	if common > 0 {
		r := renaming{strings.Join(a[:len(a)-common], "/") + "/", strings.Join(b[:len(b)-common], "/") + "/"}
		if common == len(b) {
			r.to = ""
		}
		all = append(all, r)
	}
	if repository, ok := strings.CutSuffix(from, ":"); ok {
		all = append(all, renaming{repository, strings.TrimSuffix(to, ":")})
	}
	if source, tag, ok := strings.Cut(from, ":"); ok && strings.HasSuffix(to, ":"+tag) && tag != "" {
		all = append(all, renaming{source, strings.TrimSuffix(to, ":"+tag)})
	}
	return append(all, renaming{from, to})
}

// gives reports whether rules give an entry its name.
func gives(rules []renaming, e entry) bool {
	from, open := e.stem()
	i := slices.IndexFunc(rules, func(r renaming) bool {
		return strings.HasPrefix(from, r.from) || open && strings.HasPrefix(r.from, from)
	})
	if i < 0 {
		return from == e.targetStem()
	}
	rest, ok := strings.CutPrefix(from, rules[i].from)
	return ok && rules[i].to+rest == e.targetStem()
}
