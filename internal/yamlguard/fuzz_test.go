package yamlguard

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse checks what holds for any bytes, repeated or not: Parse ends within
// the limits, returns a tree or an error, and an error has a place in the text.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "a: b", "[{a: [b, c]}]", "- - - a", "? a\n: b", "a: &a [*a]", "<<: [{a: b}]", "a: |\n  b\n\n\nc: d", "a: >-\n  b\n", "a: \"\\u12\t \n b\"",
		"a: 'b\n\n c'", "%YAML 1.1\n---\na\n...\n", "a:\n\t- b", "!!str &a b: !!map {c: *a}", "# a\r\nb:\r# c", "\ufeffa", "a: b\n - c: d", "<<<<", "{a:b}", "[${a}]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		parseWithinLimits(t, bytes.Repeat(raw, 1+64<<10/(len(raw)+1)))
		bad := parseWithinLimits(t, raw)
		if bad == nil {
			return
		}
		text, _ := decode(raw)
		lines := strings.Split(text, "\n")
		if bad.Msg == "" || bad.Pos.Line < 1 || bad.Pos.Line > len(lines) || bad.Pos.Col < 1 || bad.Pos.Col > utf8.RuneCountInString(lines[bad.Pos.Line-1])+1 {
			t.Errorf("%v stands at %v, outside of the text", bad, bad.Pos)
		}
	})
}
