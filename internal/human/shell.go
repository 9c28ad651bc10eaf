package human

import (
	"strings"
	"unicode"
)

// ShellWord gives a text as one word of a shell's command line: as it is if no shell sees anything
// in it but a word, else in single quotes. People copy commands out of hints.
func ShellWord(s string) string {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-._/:@%+,=", r)
	}
	if s != "" && s[0] != '-' && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
