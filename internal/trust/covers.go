package trust

import "strings"

// Covers reports whether the pattern matches all that another one matches. It tries texts that
// the other matches, with a character for its * and ? that no repository has: a pattern that
// matches these has a * or ? of its own for them.
func (p Pattern) Covers(other string) bool {
	if other == "" {
		return false
	}
	const some = "\u00fc"
	for _, star := range []string{"", some, some + some} {
		for _, stars := range []string{"", some, some + some, some + "/" + some, some + "/" + some + "/" + some} {
			text := strings.ReplaceAll(other, "**", "\x00") // before * is replaced
			text = strings.ReplaceAll(text, "*", star)
			text = strings.ReplaceAll(text, "?", some)
			if !p.Matches(strings.ReplaceAll(text, "\x00", stars)) {
				return false
			}
		}
	}
	return true
}
