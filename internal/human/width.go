package human

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Width returns how many columns of a terminal a text takes: two for each wide
// character of East Asian scripts, none for a combining mark or a control character.
func Width(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	switch {
	case r < ' ', r == 0x7f:
		return 0
	case r < 0x7f:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Cc):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Cut returns a text of at most max columns. A longer one ends with mark, which says
// that something is missing.
func Cut(s string, max int, mark string) string {
	if Width(s) <= max {
		return s
	}
	left := max - Width(mark)
	if left < 0 {
		s, mark, left = mark, "", max
	}
	for i, r := range s {
		if left -= runeWidth(r); left < 0 {
			return s[:i] + mark
		}
	}
	return s + mark
}

// Pad fills a text with spaces up to a number of columns.
func Pad(s string, columns int) string {
	return s + strings.Repeat(" ", max(0, columns-Width(s)))
}
