package review

import (
	"strings"
	"testing"

	"github.com/bayplan/bayplan/cmd/internal/document"
)

func TestAsWritten(t *testing.T) {
	text, err := document.MarshalIndent(sample())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, old, with, want string }{
		{"as written", "", "", ""},
		{"in one line", "\n", " ", ""},
		{"other letters", `"steps":`, `"STEPS": [], "steps":`, `it has the key "STEPS", which is not known`},
		{"other letters below", `"home":`, `"home": "x", "Home":`, ""}, // the names of variables are free
		{"of an item", `"op":`, `"Op": "remove", "op":`, `it has the key "Op", which is not known`},
		{"twice", `"steps":`, `"steps": [], "steps":`, `it has the key "steps" twice`},
		{"twice below", `"op":`, `"op": "remove", "op":`, `it has the key "op" twice`},
		{"twice in an output", `"count":`, `"count": "3", "count":`, `it has the key "count" twice`},
		{"unknown", `"plan":`, `"more": {}, "plan":`, `it has the key "more", which is not known`},
	} {
		changed := []byte(strings.ReplaceAll(string(text), tt.old, tt.with))
		if tt.old == "" {
			changed = text
		}
		d, err := Parse(changed)
		if err == nil {
			err = asWritten(changed, d)
		}
		if got := message(err); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
