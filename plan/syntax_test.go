package plan

import (
	"strings"
	"testing"
)

// The YAML library's messages quote the file; ours name the mistake in plain
// words, with its place.
func TestSyntaxErrors(t *testing.T) {
	const odd = "bayplan cannot read this as YAML"
	tests := []struct{ name, text, want string }{
		{"escape", `a: "\q"`, `1:6: this text holds a \ that YAML does not know`},
		{"short escape", `a: "\u12`, `1:5: this text holds an incomplete \u`},
		{"single quote", "a: 'x", "1:4: the closing ' of this text is missing"},
		{"document in a quoted text", "a: \"x\n---\ny\"", "2:1: a second document begins here; a file holds one"},
		{"closing bracket", "a: ]", "1:4: this ] closes nothing"},
		{"opening brace", "a: {b: c", "1:4: this { is never closed"},
		{"comma first", "a: [, b]", "1:5: an item is missing before this ,"},
		{"colon first", ": a", "1:1: this key is missing"},
		{"no colon", "a: b\nc\nd: e", "2:1: this is not a key: value pair"},
		{"last line without colon", "a: b\nc", "2:1: this is not a key: value pair"},
		{"indentation", "a: b\n  c: d", "1:4: a second : stands in one value"},
		{"anchor without value", "a: &", "1:4: this & has no name or no value"},
		{"alias without name", "a: *", "1:4: this * has no name"},
		{"percent", "a: %b", "1:4: a value cannot begin with %"},
		{"at sign", "a: @b", "1:4: a value cannot begin with @ or `"},
		{"backtick", "a: `b`", "1:4: a value cannot begin with @ or `"},
		{"tag with a bracket", "a: !x{ b", "1:6: this tag holds a bracket"},
		{"tab", "a:\n\tb: c", "2:1: a tab stands where only spaces may"},
		{"tab before a dash", "a:\n  \t- b", "2:3: a tab stands where only spaces may"},
		{"two anchors", "a: &x &y b", ""},
		{"anchored list", "a: &x - b", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, errs := Parse("x.yaml", []byte(tt.text), Options{})
			if p != nil || len(errs) != 1 {
				t.Fatalf("got %v and %v", p, errs)
			}
			if got := errs[0].Error(); !strings.HasPrefix(got, "x.yaml:"+tt.want) || (tt.want == "" && errs[0].Msg == odd) {
				t.Errorf("got %s", got)
			}
		})
	}
}
