package plan

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
		{"", "type", ""},
		{"type", "", ""},
		{"größe", "grösse", "grösse"},
		{strings.Repeat("x", 100), strings.Repeat("x", 99), ""},
	}
	for _, tt := range tests {
		t.Run(tt.got, func(t *testing.T) {
			if got := Suggest(tt.got, strings.Fields(tt.among)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
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

func TestResolvePath(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	tests := []struct{ name, path, want string }{
		{"empty", "", ""},
		{"relative", "images", "/plans/images"},
		{"up", "../x/./y//z/", "/x/y/z"},
		{"dot", ".", "/plans"},
		{"absolute", "/a/../b", "/b"},
		{"home", "~", "/home/me"},
		{"in home", "~/x", "/home/me/x"},
		{"up from home", "~/../you", "/home/you"},
		{"another's home is a name", "~you/x", "/plans/~you/x"},
		{"tilde inside", "a/~", "/plans/a/~"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := resolvePath("/plans", tt.path)
			if string(got) != tt.want || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
	if _, err := resolvePath("/plans", "a\x00b"); err == nil {
		t.Error("a NUL in a name is no error")
	}
	t.Setenv("HOME", "")
	if _, err := resolvePath("/plans", "~/x"); err == nil {
		t.Error("without a home, ~ is no error")
	}
}
