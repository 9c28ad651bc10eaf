package convert

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/version"
)

// The forms of tags that the programs read as versions.
const (
	regsyncVersion  = `v?\d+(\.\d+)*(-.*)?`
	skopeoRelease   = `v?\d+(\.\d+){0,2}`
	skopeoOrPreview = skopeoRelease + `(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?`
)

// A bound is one version of a comparison: its first three numbers, how many of them are
// written, the others, and what follows a hyphen.
type bound struct {
	numbers [3]int
	written int
	more    string
	pre     string
}

// String gives the bound as ranges of bayplan have it.
func (b bound) String() string {
	s := strconv.Itoa(b.numbers[0])
	for _, n := range b.numbers[1:max(b.written, 1)] {
		s += "." + strconv.Itoa(n)
	}
	s += b.more
	switch b.pre {
	case "":
	case "0": // before all pre-releases; to bayplan, 1.0-0 is a build of 1.0
		s += "-dev"
	default:
		s += "-" + b.pre
	}
	return s
}

// next gives the first release in which the number at a place is greater.
func (b bound) next(place int) bound {
	n := bound{written: place + 1}
	copy(n.numbers[:place+1], b.numbers[:place+1])
	n.numbers[place]++
	return n
}

// regsyncRange gives the range that the ranges of regsync are, of which one holds.
func regsyncRange(texts []string) (string, error) {
	var groups []string
	for _, text := range texts {
		group, err := regsyncGroup(text)
		if err != nil {
			return "", err
		}
		groups = append(groups, group)
	}
	return checkedRange(strings.Join(groups, " || "))
}

func regsyncGroup(text string) (string, error) {
	var all []string
	asIs := false // whether pre-releases count as they do for bayplan
	for _, word := range strings.Fields(text) {
		operator := word[:len(word)-len(strings.TrimLeft(word, "<>=^~"))]
		b, err := regsyncBound(word[len(operator):])
		if err != nil {
			return "", fmt.Errorf("regsync refuses the range %q: %w", text, err)
		}
		asIs = asIs || b.pre != "" || version.Parse(b.String()).Class() != version.Number
		switch operator {
		case "^":
			place := 0
			for place < 2 && b.numbers[place] == 0 {
				place++
			}
			all = append(all, ">="+b.String(), "<"+b.next(place).String())
		case "~":
			all = append(all, ">="+b.String(), "<"+b.next(1).String())
		case "":
			all = append(all, "="+b.String())
		case ">=", "<=", ">", "<", "=":
			all = append(all, operator+b.String())
		default:
			return "", fmt.Errorf("regsync refuses the range %q: %s is not an operator", text, operator)
		}
	}
	if len(all) == 0 {
		return "", errors.New("regsync refuses an empty range")
	}
	if !asIs { // regsync takes pre-releases in between, bayplan only where a bound names one
		all = append(all, ">=0-dev")
	}
	return strings.Join(all, " "), nil
}

// regsyncBound reads a version as regsync does: any count of numbers, then what follows
// the first hyphen.
func regsyncBound(text string) (bound, error) {
	text, _, _ = strings.Cut(strings.TrimPrefix(text, "v"), "+")
	release, pre, _ := strings.Cut(text, "-")
	b := bound{pre: pre}
	for i, part := range strings.Split(release, ".") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return b, fmt.Errorf("%q is not a version", text)
		}
		if i < len(b.numbers) {
			b.numbers[i], b.written = n, i+1
		} else {
			b.more += "." + strconv.Itoa(n)
		}
	}
	return b, nil
}

// checkedRange checks that bayplan reads a range.
func checkedRange(text string) (string, error) {
	if _, err := version.ParseRange(text); err != nil {
		return "", err
	}
	return text, nil
}

// A semverRange is a range of images-by-semver: the groups of comparisons that take releases
// alone, and those that also take pre-releases. In each, one group must hold.
type semverRange struct{ releases, previews []string }

var (
	comparisonText = lazyregexp.New(`^[\s,]*(=>|=<|>=|<=|!=|~>|=|>|<|~|\^)?\s*v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?(?:[\s,]+|$)`)
	betweenText    = lazyregexp.New(`(\S+)\s+-\s+(\S+)`)
)

// The most groups that a range may become: each != of an incomplete version doubles them.
const maxGroups = 64

// parseSemver reads a range as github.com/Masterminds/semver does.
func parseSemver(text string) (semverRange, error) {
	var all semverRange
	for part := range strings.SplitSeq(betweenText.ReplaceAllString(text, ">=$1, <=$2"), "||") {
		groups := []string{""}
		preview, rest := true, part
		for strings.TrimSpace(rest) != "" {
			m := comparisonText.FindStringSubmatch(rest)
			if m == nil {
				return all, fmt.Errorf("%q is not a range of versions", text)
			}
			rest = rest[len(m[0]):]
			b, err := semverBound(m)
			if err != nil {
				return all, err
			}
			alternatives, err := semverComparison(m[1], b)
			if err != nil {
				return all, err
			}
			preview = preview && b.pre != ""
			if groups = product(groups, alternatives); len(groups) > maxGroups {
				return all, fmt.Errorf("%q has too many parts", text)
			}
		}
		if groups[0] == "" {
			return all, fmt.Errorf("%q is not a range of versions", text)
		}
		groups = slices.DeleteFunc(groups, isContradiction)
		if preview {
			all.previews = append(all.previews, groups...)
		} else {
			all.releases = append(all.releases, groups...)
		}
	}
	if len(all.previews)+len(all.releases) == 0 {
		return all, fmt.Errorf("no version is in %q", text)
	}
	return all, nil
}

// isContradiction reports whether no version is in a group. Alternatives make such groups:
// != 1.2.x is before it or after it, and >=1.2 leaves the latter.
func isContradiction(group string) bool {
	_, err := version.ParseRange(group)
	return err != nil
}

// product gives each group with each of the alternatives.
func product(groups, alternatives []string) []string {
	var all []string
	for _, g := range groups {
		for _, a := range alternatives {
			all = append(all, strings.TrimSpace(g+" "+a))
		}
	}
	return all
}

// semverBound reads the version of a comparison. Numbers behind a missing one, or behind
// an x, are not written.
func semverBound(m []string) (bound, error) {
	b := bound{pre: m[5]}
	for i, text := range m[2:5] {
		if text == "" || strings.ContainsAny(text, "xX*") {
			break
		}
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return b, fmt.Errorf("%q is too large a number", text)
		}
		b.numbers[i], b.written = int(n), i+1
	}
	return b, nil
}

// semverComparison gives the comparisons of bayplan, of which one group must hold.
func semverComparison(operator string, b bound) ([]string, error) {
	full, last := b, b.written-1
	full.written = 3
	from := ">=" + full.String()
	if b.written == 0 {
		switch operator {
		case "", "=", "~", "~>", ">=", "=>":
			return []string{from}, nil
		}
		return nil, fmt.Errorf("%s* is not a comparison", operator)
	}
	switch operator {
	case "", "=":
		if b.written == 3 {
			return []string{"=" + full.String()}, nil
		}
		return []string{from + " <" + b.next(last).String()}, nil
	case "~", "~>":
		if b.written == 3 && b.numbers == [3]int{} {
			return []string{from}, nil
		}
		return []string{from + " <" + b.next(min(last, 1)).String()}, nil
	case "^":
		place := 0
		for place < last && b.numbers[place] == 0 {
			place++
		}
		return []string{from + " <" + b.next(place).String()}, nil
	case ">=", "=>":
		return []string{from}, nil
	case "<":
		return []string{"<" + full.String()}, nil
	}
	if b.written == 3 {
		return []string{strings.Replace(operator, "=<", "<=", 1) + full.String()}, nil
	}
	switch next := b.next(last).String(); operator {
	case ">":
		return []string{">=" + next}, nil
	case "<=", "=<":
		return []string{"<" + next}, nil
	}
	return []string{"<" + full.String(), ">=" + b.next(last).String()}, nil // !=
}
