package rpm

import (
	"cmp"
	"strconv"
	"strings"
)

// compareEVR compares two versions as rpm does. It is negative if a is older.
func compareEVR(a, b Listed) int {
	ea, _ := strconv.ParseUint(a.Epoch, 10, 32)
	eb, _ := strconv.ParseUint(b.Epoch, 10, 32)
	return cmp.Or(cmp.Compare(ea, eb), compareVersions(a.Version, b.Version), compareVersions(a.Release, b.Release))
}

// compareVersions compares segment by segment: digits as numbers, letters as text.
// Digits are newer than letters. A tilde is older than anything, even than the
// end. A caret is newer than the end and older than anything else. Other
// characters only separate segments.
func compareVersions(a, b string) int {
	for a != "" || b != "" {
		a, b = trimSeparators(a), trimSeparators(b)
		if done, order := compareMark(a, b, "~", -1); done {
			return order
		}
		if done, order := compareCaret(a, b); done {
			return order
		}
		if a == "" || b == "" {
			break
		}
		pa, pb, number := nextSegments(&a, &b)
		if pb == "" { // a segment of the other kind
			if number {
				return 1
			}
			return -1
		}
		if order := compareSegments(pa, pb, number); order != 0 {
			return order
		}
	}
	return cmp.Compare(len(a), len(b))
}

func trimSeparators(s string) string {
	return strings.TrimLeftFunc(s, func(r rune) bool { return !isDigit(r) && !isLetter(r) && r != '~' && r != '^' })
}

func isDigit(r rune) bool  { return r >= '0' && r <= '9' }
func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// compareMark compares versions of which at least one begins with the mark. order
// is the result if only a does.
func compareMark(a, b, mark string, order int) (done bool, result int) {
	ra, ina := strings.CutPrefix(a, mark)
	rb, inb := strings.CutPrefix(b, mark)
	switch {
	case ina && inb:
		return true, compareVersions(ra, rb)
	case ina:
		return true, order
	case inb:
		return true, -order
	}
	return false, 0
}

// compareCaret is compareMark for the caret, which is newer than the end.
func compareCaret(a, b string) (done bool, result int) {
	switch {
	case b == "" && strings.HasPrefix(a, "^"):
		return true, 1
	case a == "" && strings.HasPrefix(b, "^"):
		return true, -1
	}
	return compareMark(a, b, "^", -1)
}

// nextSegments removes the next segment of each version and returns both. The
// second is empty if it is of another kind than the first.
func nextSegments(a, b *string) (pa, pb string, number bool) {
	kind := isLetter
	if number = isDigit(rune((*a)[0])); number {
		kind = isDigit
	}
	take := func(s *string) string {
		end := strings.IndexFunc(*s, func(r rune) bool { return !kind(r) })
		if end < 0 {
			end = len(*s)
		}
		piece := (*s)[:end]
		*s = (*s)[end:]
		return piece
	}
	return take(a), take(b), number
}

func compareSegments(a, b string, number bool) int {
	if !number {
		return strings.Compare(a, b)
	}
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}
