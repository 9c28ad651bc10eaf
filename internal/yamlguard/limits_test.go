package yamlguard

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// repeatNumbered repeats a text n times and replaces %d by the count.
func repeatNumbered(text string, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(text, "%d", fmt.Sprint(i)))
	}
	return b.String()
}

// parseWithinLimits parses a text and fails the test when that takes too much
// memory or time. The limit of time catches loops whose time is the square of a
// length. It is generous, since tests run on busy machines.
func parseWithinLimits(t *testing.T, raw []byte) (bad *Error) {
	t.Helper()
	const maxAlloc, hang = 1 << 30, 2 * time.Minute
	done := make(chan struct{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	go func() {
		defer close(done)
		_, _, bad = Parse(raw, Options{Directives: true})
	}()
	select {
	case <-done:
	case <-time.After(hang):
		t.Fatalf("parsing %d bytes takes more than %v", len(raw), hang)
	}
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	alloc := after.TotalAlloc - before.TotalAlloc
	if alloc > maxAlloc {
		t.Errorf("parsing allocates %d MiB", alloc>>20)
	}
	t.Logf("%7d bytes %8v %4d MiB: %v", len(raw), took.Round(100*time.Microsecond), alloc>>20, bad)
	return bad
}

// indented nests n block levels, one per line.
func indented(n int, line string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i*(strings.Count(line, "- ")*2+1)) + line + "\n")
	}
	return b.String()
}

// billionLaughs nests n lists of ten aliases each.
func billionLaughs(n int) string {
	text := "a0: &a0 x\n"
	for i := range n {
		text += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 10))
	}
	return text
}

// Input that is meant to be slow, deep or large is parsed or refused within the
// limits.
func TestLargeHostile(t *testing.T) {
	const deep, more = "nested more than", "more than bayplan reads"
	tests := []struct{ name, text, want string }{
		{"brackets", strings.Repeat("[", 200<<10), deep},
		{"brackets to the limit", strings.Repeat("[", 1<<20), deep},
		{"braces", strings.Repeat("{", 200<<10), deep},
		{"both", strings.Repeat("[{", 100<<10), deep},
		{"spaced", strings.Repeat("[ ", 100<<10), deep},
		{"keyed", strings.Repeat("{a: ", 50<<10), deep},
		{"a line each", strings.Repeat("[\n", 100<<10), deep},
		{"closing brackets", strings.Repeat("]", 200<<10), more},
		{"brackets that close", "[" + strings.Repeat("[],", 60<<10) + "]", more},
		{"as a value", "a: " + strings.Repeat("[", 100), deep},
		{"dashes", strings.Repeat("- ", 40<<10), deep},
		{"many dashes", strings.Repeat("- ", 100<<10), more},
		{"question marks", strings.Repeat("? ", 40<<10), "does not belong before a value"},
		{"many question marks", strings.Repeat("? ", 100<<10), more},
		{"behind an anchor", "a: &x " + strings.Repeat("[", 100), deep},
		{"behind a quoted text", `{"a[": ` + strings.Repeat("[", 100), deep},
		{"behind an apostrophe", "a: it's\nb: " + strings.Repeat("[", 100), deep},
		{"behind a comment", "a: b # it's [\nb: " + strings.Repeat("[", 100), deep},
		{"below a block", "a: |\n  '\n  [\nb: " + strings.Repeat("[", 100), deep},
		{"indentation", indented(100, "a:"), deep},
		{"deep block mappings", indented(1400, "a:"), deep},
		{"lists below lists", indented(40, "- - a:"), deep},
		{"<", "a: " + strings.Repeat("<", 600), "500 times <"},
		{"other characters", "a: " + strings.Repeat("=", 1<<19) + "\nb: " + strings.Repeat("$", 1<<18), ""},
		{"empty lines", "a: |\n  x" + strings.Repeat("\n", 300) + "b: c", "empty lines"},
		{"lines of spaces", "a: |\n  x" + strings.Repeat("\n  ", 300) + "b: c", "empty lines"},
		{"a long block", "a: |\n" + strings.Repeat("  text\n", 140_000) + strings.Repeat("\n", maxBlank-1) + "b: c", ""},
		{"tabs", `a: "` + strings.Repeat("\t ", 100<<10) + `"`, "too many tabs"},
		{"tabs in lines", `a: "` + strings.Repeat(strings.Repeat("\t ", 100)+"x\n ", 1<<12) + `"`, "too many tabs"},
		{"tabs at the beginning", "a:\n" + strings.Repeat("\tb: c\n", 100<<10), "a tab stands where only spaces may"},
		{"block header", "a: |" + strings.Repeat("0", 1<<19) + "1\n  x", "what follows | or >"},
		{"block headers", strings.Repeat("- |x\n", 100<<10), "what follows | or >"},
		{"empty blocks", strings.Repeat("- |\n", 30<<10), ""},
		{"reserved characters", strings.Repeat("@", 200<<10), "cannot begin with @"},
		{"an open quote", `a: "` + strings.Repeat("x ", 1<<18), "closing \" of this text"},
		{"lines of an open quote", "a: '" + strings.Repeat("x \n ", 1<<17), "closing ' of this text"},
		{"lines of a text", "a: b\n" + strings.Repeat(" c\n", 1<<18), ""},
		{"dashes in a text", "a: b\n" + strings.Repeat(" - c\n", 1<<17), ""},
		{"CRLF", "a:\r\n" + strings.Repeat("- b\r\n", 40_000), ""},
		{"CR", "a:\r" + strings.Repeat("- b\r", 40_000), ""},
		{"huge comments", "a: b # " + strings.Repeat("x", 1<<19) + "\n#" + strings.Repeat("y", 1<<18), ""},
		{"many comments", strings.Repeat("# x\n", 1<<18-10) + "a: b", more},
		{"fewer comments", strings.Repeat("# xxxxxxx\n", 90_000) + "a: b", ""},
		{"punctuation", strings.Repeat("a,", 400<<10), more},
		{"a long list in brackets", "[" + strings.Repeat("a,", 45_000) + "]", ""},
		{"tokens", "[" + repeatNumbered("k%d,", 60_000), more},
		{"keys", repeatNumbered("k%d: v\n", 6000), "more keys"},
		{"keys in braces", "{" + repeatNumbered("k%d: v,", 6000) + "}", "more keys"},
		{"mappings of many keys", repeatNumbered("- k: v\n  "+repeatNumbered("k%d: v\n  ", 500)+"z:\n", 60), ""},
		{"empty values", repeatNumbered("a:\n  k%d:\n", 6000), more},
		{"empty items", strings.Repeat("-\n", 10_000), more},
		{"keys without values", "{" + repeatNumbered("k%d,", 6000) + "}", more},
		{"long key", strings.Repeat("ab", 200) + ": x", "longer than 200"},
		{"long key to the limit", strings.Repeat("ab", 1<<19-2) + ": x", "longer than 200"},
		{"long paths", strings.Repeat("{"+strings.Repeat("ab", 99)+": ", 60) + "[" + strings.Repeat("a,", 20_000), more},
		{"anchors", "[" + repeatNumbered("&a%d x,", 24_000) + "]", ""},
		{"anchors of anchors", strings.Repeat("&a ", 40_000), deep},
		{"anchors, a line each", strings.Repeat("&a\n", 40_000) + "b", deep},
		{"tags", strings.Repeat("!!str\n", 90_000), deep},
		{"tags of tags", strings.Repeat("!!str ", 90_000) + "a", deep},
		{"tags that are not known", strings.Repeat("!x ", 90_000) + "a", deep},
		{"tags and anchors", repeatNumbered("!!str &a%d ", 30_000) + "b", deep},
		{"aliases", "a: &a b\nc: [" + strings.Repeat("*a,", 30_000) + "]", ""},
		{"aliases of aliases", billionLaughs(9), "aliases make the file larger than 100000 values"},
		{"an alias of itself", "a: &a [" + strings.Repeat("*a,", 30_000) + "]", ""},
		{"merges of merges", strings.ReplaceAll(billionLaughs(9), "[", "\n  <<: ["), "aliases make the file larger than 100000 values"},
		{"merges", "a: &a {b: c}\n" + repeatNumbered("c%d:\n  <<: *a\n", 3000), ""},
		{"anchors on merge keys", repeatNumbered("- &a%d <<: {a: b}\n", 5000), ""},
		{"merge keys", strings.Repeat("<<: ", 20_000), deep},
		{"documents", strings.Repeat("---\n", 100<<10), secondDocument},
		{"ends of documents", strings.Repeat("...\n", 90_000), ""},
		{"directives", strings.Repeat("%YAML 1.1\n", 20_000), "a value cannot begin with %"},
		{"size", strings.Repeat("# x\n", 300<<10), "larger than 1 MiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bad := parseWithinLimits(t, []byte(tt.text))
			if (bad == nil) != (tt.want == "") || (bad != nil && !strings.Contains(bad.Msg, tt.want)) {
				t.Errorf("got %v, want %q", bad, tt.want)
			}
		})
	}
}

// 200 KB of brackets do not reach the lexer.
func TestBracketsAreRefusedAtOnce(t *testing.T) {
	text := strings.Repeat("[", 200<<10)
	if _, bad := checkText(text, Options{}); bad == nil {
		t.Error("checkText accepts 200 KB of brackets")
	}
}

// Every file of the corpora, as it is and repeated, is parsed or refused within
// the limits.
func TestLargeCorpora(t *testing.T) {
	for _, pattern := range []string{
		"../../plan/testdata/good/*.yaml", "../../plan/testdata/bad/*.yaml", "../../plan/testdata/fuzz/*/*",
		"../tripleo/testdata/tht/environments/*.yaml", "../tripleo/testdata/tht/environments/*/*.yaml",
		"../tripleo/testdata/walkthrough/*.yaml",
	} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s matches %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, raw := range corpus(raw) {
				t.Run(filepath.ToSlash(file), func(t *testing.T) {
					parseWithinLimits(t, raw)
					parseWithinLimits(t, bytes.Repeat(append(raw, '\n'), 1+32<<10/(len(raw)+1)))
				})
			}
		}
	}
}

// corpus returns the inputs in a file of a fuzz corpus, or else the file itself.
func corpus(raw []byte) (all [][]byte) {
	lines := strings.Split(string(raw), "\n")
	if !strings.HasPrefix(lines[0], "go test fuzz v1") {
		return [][]byte{raw}
	}
	for _, line := range lines[1:] {
		_, quoted, _ := strings.Cut(strings.TrimSuffix(line, ")"), "(")
		if text, err := strconv.Unquote(quoted); err == nil {
			all = append(all, []byte(text))
		}
	}
	return all
}

// Each piece of YAML syntax, repeated alone and in pairs, is parsed or refused
// within the limits.
func TestLargeRepeated(t *testing.T) {
	pieces := []string{
		"[", "]", "{", "}", "- ", "-\n", "? ", ": ", ":\n", ",", "&a ", "*a ", "!!str ", "!x ", "|\n", ">-\n", "\"", "'", "\t", " ", "\n", "\n ",
		"a", "a: ", "<<: ", "<", "# ", "%", "@", "\\", "\u00e9",
	}
	size := 4 << 10
	if s := os.Getenv("YAMLGUARD_SIZE"); s != "" {
		size, _ = strconv.Atoi(s)
	}
	for _, a := range pieces {
		for _, b := range pieces {
			for _, head := range []string{"", "{"} {
				text := head + strings.Repeat(a+b, size/len(a+b))
				t.Run(fmt.Sprintf("%q %q %q", head, a, b), func(t *testing.T) { parseWithinLimits(t, []byte(text)) })
			}
		}
	}
}

// Text that only looks deep or long is accepted.
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
		{"many keys", repeatNumbered("k%d: { a: b, c: [d, e] }\n", 4500)},
		{"one long line", "{" + repeatNumbered("k%d: {a: b}, ", 4500) + "z: é}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, _, bad := Parse([]byte(tt.text), Options{}); bad != nil && (strings.Contains(bad.Msg, "nested") || strings.Contains(bad.Msg, "more than bayplan reads")) {
				t.Errorf("refused: %v", bad)
			}
		})
	}
}

// A panic of the library becomes an error.
func TestCatchPanic(t *testing.T) {
	_, bad := catchPanic(func() (ast.Node, *Error) { panic("twisted") })
	if bad == nil || bad.Error() != "bayplan cannot read this as YAML" || bad.Pos != (Pos{1, 1}) {
		t.Errorf("got %v", bad)
	}
}
