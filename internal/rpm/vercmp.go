package rpm

import (
	"cmp"
	"strconv"
	"strings"
)

// compareEVR says which of two versions is newer, as rpm does: negative when a
// is the older one.
func compareEVR(a, b Listed) int {
	ea, _ := strconv.ParseUint(a.Epoch, 10, 32)
	eb, _ := strconv.ParseUint(b.Epoch, 10, 32)
	return cmp.Or(cmp.Compare(ea, eb), compareVersions(a.Version, b.Version), compareVersions(a.Release, b.Release))
}

// compareVersions compares piece by piece: pieces of digits as numbers, pieces
// of letters as text, digits being newer than letters. A tilde is older than
// anything, the end included; a caret is newer than the end and older than all
// else. Whatever else stands between pieces does not count.
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
		pa, pb, number := pieces(&a, &b)
		if pb == "" { // of another kind
			if number {
				return 1
			}
			return -1
		}
		if order := comparePieces(pa, pb, number); order != 0 {
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

// compareMark is about a mark that one of the two has here, or both.
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

// compareCaret is compareMark for the mark that is newer than the end only.
func compareCaret(a, b string) (done bool, result int) {
	switch {
	case b == "" && strings.HasPrefix(a, "^"):
		return true, 1
	case a == "" && strings.HasPrefix(b, "^"):
		return true, -1
	}
	return compareMark(a, b, "^", -1)
}

// pieces takes the next piece off each. The second is empty where it is of
// another kind than the first.
func pieces(a, b *string) (pa, pb string, number bool) {
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

func comparePieces(a, b string, number bool) int {
	if !number {
		return strings.Compare(a, b)
	}
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}
