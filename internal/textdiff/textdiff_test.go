package textdiff

import (
	"slices"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	many := strings.Repeat("line\n", 100)
	for _, tt := range []struct {
		name, before, after string
		max                 int
		want                []string
	}{
		{"equal", "a\n", "a\n", 10, nil},
		{"a line changed", "a\nb\nc\n", "a\nB\nc\n", 10, []string{"@@ -1,3 +1,3 @@", " a", "-b", "+B", " c"}},
		{"new", "", "a\nb\n", 10, []string{"@@ -0,0 +1,2 @@", "+a", "+b"}},
		{"gone", "a\n", "", 10, []string{"@@ -1,1 +0,0 @@", "-a"}},
		{"no line end", "a", "b", 10, []string{"@@ -1,1 +1,1 @@", "-a", "\\ No newline at end of file", "+b", "\\ No newline at end of file"}},
		{"cut", "", many, 3, []string{"@@ -0,0 +1,100 @@", "+line", "+line", "(98 lines more)"}},
		{"no text", "a\x00", "b", 10, []string{"(this is no text)"}},
		{"no UTF-8", "a", "\xff", 10, []string{"(this is no text)"}},
		{"too long", "a", strings.Repeat("x", maxText+1), 10, []string{"(1 B and 4.0 MiB are too long to compare by lines)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Lines(tt.before, tt.after, tt.max); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
