package human

import (
	"strings"
	"testing"
)

func TestSuggest(t *testing.T) {
	tests := []struct {
		got   string
		among string
		want  string
	}{
		{"tpye", "type with needs", "type"},
		{"retires", "timeout retry type", "retry"},
		{"need", "type with needs timeout", "needs"},
		{"With", "type with", "with"},
		{"glance_upload", "mkdir glance-upload", "glance-upload"},
		{"push-destination", "namespace push_destination", "push_destination"},
		{"prepaer", "mirror prepare", "prepare"},
		{"paht", "path paths", "path"},
		{"undercluod", "overcloud undercloud", "undercloud"},
		{"variables", "vars steps", ""},
		{"xyz", "type with", ""},
		{"a", "b c", ""},
		{"on", "of", "of"},
		{"plan", "apply man diff", "diff"},
		{"run", "man apply", "apply"},
		{"dependsOn", "type needs with", "needs"},
		{"depends_on", "type needs with", "needs"},
		{"depends_on", "type with", ""},
		{"for-each", "type for_each", "for_each"},
		{"tls_verify", "host tls ca", "tls"},
		{"url", "host tls", "host"},
		{"", "type", ""},
		{"type", "", ""},
		{"größe", "grösse", "grösse"},
		{strings.Repeat("x", 100), strings.Repeat("x", 99), ""},
	}
	if got := Suggest("ab", []string{""}); got != "" {
		t.Errorf("got %q", got)
	}
	for _, tt := range tests {
		t.Run(tt.got, func(t *testing.T) {
			if got := Suggest(tt.got, strings.Fields(tt.among)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestYesOrNo(t *testing.T) {
	for text, want := range map[string]string{"no": "disabled", "OFF": "disabled", "False": "disabled", "yes": "verify", "true": "verify", "skip": "", "": ""} {
		if got := YesOrNo(text, []string{"verify", "insecure", "disabled"}); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	if got := YesOrNo("yes", []string{"ignore", "copy"}); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"abc", "abc", 0},
		{"abc", "acb", 1},
		{"abc", "ab", 1},
		{"abc", "xabc", 1},
		{"abc", "axc", 1},
		{"kitten", "sitting", 3},
		{"ca", "abc", 3},
	}
	for _, tt := range tests {
		if got := distance([]rune(tt.a), []rune(tt.b)); got != tt.want {
			t.Errorf("%q to %q: got %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
