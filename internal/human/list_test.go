package human

import (
	"strings"
	"testing"
)

func TestSome(t *testing.T) {
	for names, want := range map[string]string{"": "", "a": "a", "a b": "a, b", "a b c": "a, b and 1 more", "a b c d": "a, b and 2 more"} {
		if got := Some(strings.Fields(names), 2); got != want {
			t.Errorf("%q: got %q, want %q", names, got, want)
		}
	}
}
