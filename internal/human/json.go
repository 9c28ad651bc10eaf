package human

import (
	"bytes"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// EscapeHidden writes the characters of JSON texts that people cannot see as \uXXXX:
// JSON is also read in terminals.
func EscapeHidden(b []byte) []byte {
	hidden := func(r rune) bool { return Visible(r) != r }
	if bytes.IndexFunc(b, hidden) < 0 {
		return b
	}
	var out []byte
	for _, r := range string(b) {
		if !hidden(r) {
			out = utf8.AppendRune(out, r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			out = fmt.Appendf(out, `\u%04x`, unit)
		}
	}
	return out
}
