package version

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// A Range is a set of versions: comparisons such as >=1.8 <2, all of which hold, or
// several such groups joined by ||. The zero Range is empty.
//
// A version is compared with those of its own class alone: a day is in no range of
// versions. A variant or a local version counts as its release unless the bound names
// one, so that 1.8-alpine is in >=1.8 and 2.0-alpine is not in <2. A pre-release is in a
// group only if a bound of the group names one, and <2 never holds for a pre-release of 2.
type Range struct {
	groups [][]comparison
}

// A comparison is one bound of a Range.
type comparison struct {
	operator string
	bound    Version
}

var (
	operators = lazyregexp.New(`^(>=|<=|==|!=|=|>|<)?(.*)$`)
	boundText = lazyregexp.New(`^[0-9A-Za-z_][0-9A-Za-z_.+~!-]*$`)
	wildcard  = lazyregexp.New(`^[vV]?([0-9]+\.)*[xX]($|[.-])`)
)

// ParseRange reads a range.
func ParseRange(text string) (Range, error) {
	var r Range
	for group := range strings.SplitSeq(text, "||") {
		comparisons, err := parseGroup(strings.Fields(group))
		if err != nil {
			return Range{}, fmt.Errorf("range %q: %w", text, err)
		}
		r.groups = append(r.groups, comparisons)
	}
	return r, nil
}

// parseGroup reads comparisons. There may be a space behind an operator.
func parseGroup(words []string) ([]comparison, error) {
	if len(words) == 0 {
		return nil, errors.New("a comparison is missing")
	}
	var group []comparison
	for len(words) > 0 {
		m := operators.FindStringSubmatch(words[0])
		operator, bound := m[1], m[2]
		words = words[1:]
		if operator != "" && bound == "" && len(words) > 0 {
			bound, words = words[0], words[1:]
		}
		if err := checkBound(operator, bound); err != nil {
			return nil, err
		}
		group = append(group, comparison{operator, Parse(bound)})
	}
	return group, contradiction(group)
}

// contradiction gives an error for two comparisons of a group that hold for no version
// together.
func contradiction(group []comparison) error {
	for _, a := range group {
		for _, b := range group {
			if a.excludes(b) {
				return fmt.Errorf("no version is in %s%s and in %s%s", a.operator, a.bound.text, b.operator, b.bound.text)
			}
		}
	}
	return nil
}

// excludes reports whether no version that the comparison holds for is below or at the bound
// of another one that asks for that. It does not find all such pairs.
func (c comparison) excludes(upper comparison) bool {
	switch {
	case c.bound.class != upper.bound.class || c.bound.prefix != upper.bound.prefix || c.bound.behind != upper.bound.behind:
		return true
	case strings.HasPrefix(c.operator, "<") || strings.HasPrefix(upper.operator, ">") || c.operator == "!=" || upper.operator == "!=":
		return false
	}
	order := c.bound.withoutAddition().Compare(upper.bound.withoutAddition())
	strict := c.operator == ">" || upper.operator == "<"
	return order > 0 || order == 0 && strict && !c.bound.hasAddition() && !upper.bound.hasAddition()
}

func checkBound(operator, bound string) error {
	const example = "write each bound with its operator, such as >=1.8 <2"
	switch {
	case bound == "":
		return fmt.Errorf("%s has no version behind it", operator)
	case strings.Contains(bound, ","):
		return fault.WithHint(fmt.Errorf("%q is not a comparison", operator+bound), "join comparisons with a space: >=1.8 <2")
	case !boundText.MatchString(bound), wildcard.MatchString(bound):
		return fault.WithHint(fmt.Errorf("%q is not a comparison with a version", operator+bound), example)
	case Parse(bound).Class() == Word:
		return fmt.Errorf("%q is not a version", bound)
	case operator == "":
		return fault.WithHint(fmt.Errorf("%q has no operator", bound), fmt.Sprintf("write =%s for this version alone, or a range such as >=1.8 <2", bound))
	}
	return nil
}

// Contains reports whether a version is in the range.
func (r Range) Contains(v Version) bool {
	return slices.ContainsFunc(r.groups, func(group []comparison) bool {
		if v.IsPreRelease() && !slices.ContainsFunc(group, func(c comparison) bool { return c.bound.IsPreRelease() }) {
			return false
		}
		return !slices.ContainsFunc(group, func(c comparison) bool { return !c.holds(v) })
	})
}

func (c comparison) holds(v Version) bool {
	if v.class != c.bound.class || v.prefix != c.bound.prefix || v.behind != c.bound.behind {
		return false
	}
	if !c.bound.hasAddition() {
		v = v.withoutAddition()
	}
	order := v.Compare(c.bound)
	switch c.operator {
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "<":
		return order < 0 && !(v.IsPreRelease() && v.ofRelease(c.bound))
	case "<=":
		return order <= 0
	case "!=":
		return order != 0
	}
	return order == 0
}

// ofRelease reports whether a version is one of a release: w has nothing behind its
// numbers, and these are the version's.
func (v Version) ofRelease(w Version) bool {
	return len(w.suffix) == 1 && compareDigits(v.epoch, w.epoch) == 0 && slices.CompareFunc(v.release, w.release, compareDigits) == 0
}

// isAddition reports whether a token begins a variant or a local version.
func isAddition(t token) bool { return t.rank == rankVariant || t.rank == rankLocal }

func (v Version) hasAddition() bool { return slices.ContainsFunc(v.suffix, isAddition) }

// withoutAddition gives a version without its variant and its local version.
func (v Version) withoutAddition() Version {
	if i := slices.IndexFunc(v.suffix, isAddition); i >= 0 {
		v.suffix = append(slices.Clone(v.suffix[:i]), token{rank: rankEnd})
	}
	return v
}
