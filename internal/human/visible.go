package human

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// hidden is shown in place of a character that cannot be shown.
const hidden = '·'

// Visible gives the character itself if people can see it, and a dot for all others:
// control characters, which a terminal obeys; marks that turn the direction of text;
// characters without width, which make two names look alike; separators of lines and
// paragraphs; and invalid UTF-8. A line end and a tab stay. The dot in the joined
// emoji of a legitimate text is the price.
func Visible(r rune) rune {
	switch {
	case r == '\n', r == '\t':
		return r
	case r < unicode.MaxASCII:
		if r < ' ' {
			return hidden
		}
		return r
	case r == utf8.RuneError, unicode.In(r,
		unicode.Cc, unicode.Cf, unicode.Cs, unicode.Zl, unicode.Zp,
		unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point),
		r >= 0xe0000 && r <= 0xe0fff:
		return hidden
	}
	return r
}

// Clean replaces all characters of a text that people cannot see.
func Clean(s string) string { return strings.Map(Visible, s) }

// Line gives a text that stands in one line: a line end in a name, such as that of a file,
// becomes a dot. Else a name could say what looks like a line of the program.
func Line(s string) string { return strings.ReplaceAll(s, "\n", string(hidden)) }
