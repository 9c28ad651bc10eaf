package human

import (
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"letters", "größe\t☃ Пароль 字 é\n", "größe\t☃ Пароль 字 é\n"},
		{"combining marks", "e\u0301", "e\u0301"},
		{"escape sequence", "label \x1b[2J\x07", "label ·[2J·"},
		{"carriage return, backspace, delete", "a\rb\bc\x7fd", "a·b·c·d"},
		{"C1 control", "a\u009b31mb\u0085c", "a·31mb·c"},
		{"not UTF-8", "a\xff\x00b\xc3", "a··b·"},
		{"a surrogate", "a\xed\xa0\x80b", "a···b"},
		{"direction overrides", "\u202aa\u202bb\u202cc\u202dd\u202ee", "·a·b·c·d·e"},
		{"isolates", "\u2066a\u2067b\u2068c\u2069", "·a·b·c·"},
		{"direction marks", "a\u200eb\u200fc\u061cd", "a·b·c·d"},
		{"no width", "a\u200bb\u200cc\u200dd\u2060e\ufefff", "a·b·c·d·e·f"},
		{"invisible operators", "a\u2061b\u2064c\u206ad", "a·b·c·d"},
		{"separators", "a\u2028b\u2029c", "a·b·c"},
		{"tags", "a\U000e0041\U000e007fb\U000e0001", "a··b·"},
		{"variation selectors", "a\ufe0fb\U000e0100c\u180bd", "a·b·c·d"},
		{"soft hyphen", "bay\u00adplan", "bay·plan"},
		{"fillers", "a\u3164b\u115fc\uffa0d\u034fe\u17b4f", "a·b·c·d·e·f"},
		{"annotations", "a\ufff9b\ufffb", "a·b·"},
		{"emoji", "👩\u200d🚀", "👩·🚀"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Clean(tt.text)
			if got != tt.want {
				t.Errorf("got %+q, want %+q", got, tt.want)
			}
			if Clean(got) != got || !utf8.ValidString(got) {
				t.Errorf("%+q is not clean", got)
			}
		})
	}
}
