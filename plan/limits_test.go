package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/lexer"
)

// numbered repeats a text n times, with %d counting.
func numbered(text string, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(text, "%d", fmt.Sprint(i)))
	}
	return b.String()
}

// checkAll says which of the checks refuses a text; none of them is the parser.
func checkAll(text string) (stage string, bad *Error) {
	if len(text) > maxBytes {
		return "size", nil
	}
	src := newSource("x.yaml", "/", text)
	if bad := checkText(src); bad != nil {
		return "text", bad
	}
	if bad := checkTokens(src, lexer.Tokenize(text)); bad != nil {
		return "tokens", bad
	}
	return "", nil
}

// What the YAML library would be too slow or too deep for never reaches it:
// the text is refused before the lexer, or its tokens before the parser.
func TestLimits(t *testing.T) {
	const deep, more = "nested more than", "more than bayplan reads"
	tests := []struct{ name, text, stage, want string }{
		{"brackets", strings.Repeat("[", 200<<10), "text", deep},
		{"braces", strings.Repeat("{", 200<<10), "text", deep},
		{"both", strings.Repeat("[{", 100<<10), "text", deep},
		{"spaced", strings.Repeat("[ ", 100<<10), "text", deep},
		{"keyed", strings.Repeat("{a: ", 50<<10), "text", deep},
		{"a line each", strings.Repeat("[\n", 100<<10), "text", deep},
		{"as a value", "a: " + strings.Repeat("[", 100), "text", deep},
		{"dashes", strings.Repeat("- ", 100<<10), "text", deep},
		{"question marks", strings.Repeat("? ", 100<<10), "text", deep},
		{"behind an anchor", "a: &x " + strings.Repeat("[", 100), "text", deep},
		{"behind a quoted text", `{"a[": ` + strings.Repeat("[", 100), "text", deep},
		{"behind an apostrophe", "a: it's\nb: " + strings.Repeat("[", 100), "text", deep},
		{"behind a comment", "a: b # it's [\nb: " + strings.Repeat("[", 100), "text", deep},
		{"below a block", "a: |\n  '\n  [\nb: " + strings.Repeat("[", 100), "text", deep},
		{"indentation", func() string {
			var b strings.Builder
			for i := range 100 {
				b.WriteString(strings.Repeat(" ", i) + "a:\n")
			}
			return b.String()
		}(), "tokens", deep},
		{"lists below lists", func() string {
			var b strings.Builder
			for i := range 40 {
				b.WriteString(strings.Repeat("    ", i) + "- - a:\n")
			}
			return b.String()
		}(), "tokens", deep},
		{"same character", "a: " + strings.Repeat("<", 600), "text", "same character"},
		{"empty lines", "a: |\n  x" + strings.Repeat("\n", 300) + "b: c", "text", "empty lines"},
		{"lines of spaces", "a: |\n  x" + strings.Repeat("\n  ", 300) + "b: c", "text", "empty lines"},
		{"tabs", `a: "` + strings.Repeat("\t ", 100<<10) + `"`, "text", "too many tabs"},
		{"block header", "a: |" + strings.Repeat("0", 100) + "1\n  x", "text", "what follows | or >"},
		{"punctuation", strings.Repeat("a,", 400<<10), "text", more},
		{"tokens", "[" + numbered("k%d,", 60_000), "tokens", more},
		{"keys", numbered("k%d: v\n", 6000), "tokens", "more keys"},
		{"keys in braces", "{" + numbered("k%d: v,", 6000) + "}", "tokens", "more keys"},
		{"empty values", numbered("a:\n  k%d:\n", 6000), "tokens", more},
		{"empty items", strings.Repeat("-\n", 10_000), "tokens", more},
		{"keys without values", "{" + numbered("k%d,", 6000) + "}", "tokens", more},
		{"long key", strings.Repeat("ab", 200) + ": x", "tokens", "longer than 200"},
		{"long paths", strings.Repeat("{"+strings.Repeat("ab", 99)+": ", 60) + "[" + strings.Repeat("a,", 20_000), "tokens", more},
		{"anchors", "[" + numbered("&a%d x,", 2000) + "]", "tokens", "tags, anchors and aliases"},
		{"tags", strings.Repeat("!!str\n", 2000), "tokens", "tags, anchors and aliases"},
		{"size", strings.Repeat("# x\n", 300<<10), "size", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stage, bad := checkAll(tt.text)
			if stage != tt.stage {
				t.Fatalf("refused by %q (%v), want %q", stage, bad, tt.stage)
			}
			if bad != nil && !strings.Contains(bad.Msg, tt.want) {
				t.Errorf("got %v, want %q", bad, tt.want)
			}
			if p, errs := Parse("x.yaml", []byte(tt.text), Options{}); p != nil || len(errs) != 1 {
				t.Errorf("Parse gives %v and %d mistakes", p, len(errs))
			}
		})
	}
}

// What only looks like it is deep or long is let through.
func TestLimitsLetThrough(t *testing.T) {
	brackets := strings.Repeat("[{", 200)
	tests := []struct{ name, text string }{
		{"double quotes", `a: "\"` + brackets + `"`},
		{"single quotes", `a: 'it''s ` + brackets + `'`},
		{"quotes over lines", "a: \"x\n  " + brackets + "\""},
		{"plain text", "a: b" + brackets},
		{"plain text over lines", "a: b\n  c" + brackets},
		{"comment", "a: b # " + brackets + "\n# " + brackets},
		{"block", "a: |\n  " + brackets + "\n\n  " + brackets + "\nb: >-\n  " + brackets},
		{"block in a list", "- a: |\n    " + brackets},
		{"key with a quote", "it's: x" + brackets},
		{"dashes", "a: - - - b\n" + "# " + strings.Repeat("- ", 200)},
		{"ruler", "# " + strings.Repeat("-", 200) + "\na: b"},
		{"deep enough", "a: " + strings.Repeat("[", 60) + strings.Repeat("]", 60)},
		{"one after the other", "a: [" + strings.Repeat("[], {}, ", 1000) + "]"},
		{"many keys", numbered("k%d: { a: b, c: [d, e] }\n", 4500)},
		{"one long line", "{" + numbered("k%d: {a: b}, ", 4500) + "z: é}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if stage, bad := checkAll(tt.text); stage == "text" || (bad != nil && strings.Contains(bad.Msg, "nested")) {
				t.Errorf("refused by %s: %v", stage, bad)
			}
		})
	}
}

// Aliases and variables can repeat themselves into something huge.
func TestExpansion(t *testing.T) {
	var aliases, variables strings.Builder
	aliases.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	variables.WriteString("apiVersion: bayplan/v1\nname: x\nsteps: {a: {type: mkdir}}\nvars:\n  v0: 0123456789\n")
	for i := 1; i < 9; i++ {
		fmt.Fprintf(&aliases, "a%d: &a%d [%s]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10))
		fmt.Fprintf(&variables, "  v%d: %s\n", i, strings.Repeat(fmt.Sprintf("${vars.v%d}", i-1), 10))
	}
	_, errs := Parse("x.yaml", []byte(aliases.String()), Options{})
	if len(errs) != 1 || errs[0].Msg != "aliases make the file larger than 100000 values" {
		t.Errorf("got %v", errs)
	}
	text := strings.Replace(variables.String(), "v0: 0123456789", `v0: "0123456789"`, 1)
	_, errs = Parse("x.yaml", []byte(text), Options{})
	if len(errs) != 1 || errs[0].Msg != "with its variables replaced this is longer than 65536 bytes" {
		t.Errorf("got %v", errs)
	}
	long := "apiVersion: bayplan/v1\nname: x\nvars: { a: " + numbered("word%d ", 7000) + " }\nsteps: {a: {type: mkdir, with: {p: [" + strings.Repeat("\"${vars.a}\",", 1000) + "]}}}\n"
	_, errs = Parse("x.yaml", []byte(long), Options{})
	if len(errs) != 1 || errs[0].Msg != "with its variables replaced the file is larger than 8388608 bytes" {
		t.Errorf("got %v", errs)
	}
}

// A file of nothing but mistakes is told of in bounds.
func TestManyMistakes(t *testing.T) {
	for name, text := range map[string]string{
		"unknown keys": numbered("k%d: v\n", 4000),
		"duplicates":   strings.Repeat("a: b\n", 4000),
		"secrets":      "connections: {clouds: {a: {b: {" + numbered("token%d: hunter%d,", 4000) + "}}}}",
		"references":   "steps: {a: {with: {b: [" + strings.Repeat("\"${x}\",", 9000) + "]}}}",
	} {
		t.Run(name, func(t *testing.T) {
			_, errs := Parse("x.yaml", []byte(text), Options{})
			if len(errs) < 100 && name != "duplicates" || len(errs) > 2*maxErrors {
				t.Errorf("%d mistakes", len(errs))
			}
			for _, e := range errs {
				if strings.Contains(e.Text(), "hunter") {
					t.Fatalf("a secret is shown: %s", e.Text())
				}
			}
		})
	}
}

// The library may panic; its reader must not.
func TestGuard(t *testing.T) {
	_, bad := guard(newSource("x.yaml", "/", "a"), func() (int, error) { panic("twisted") })
	if bad == nil || bad.Error() != "x.yaml:1:1: this is no YAML that bayplan can read" {
		t.Errorf("got %v", bad)
	}
}
