package human

import "testing"

// What nobody can see, and what a terminal would obey, is escaped.
func TestEscapeHidden(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":"ä"}`: `{"a":"ä"}`, "\"\u202e\"": `"\u202e"`, "\"\U000e0041\"": `"\udb40\udc41"`,
	} {
		if got := string(EscapeHidden([]byte(text))); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
