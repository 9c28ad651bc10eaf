package runner

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
)

// mistakes gives the mistakes of a plan, each as "line: message [hint]".
func mistakes(t *testing.T, steps string) []string {
	t.Helper()
	p, known := plan.Parse("/plans/bayplan.yaml", []byte(planOf(steps)), plan.Options{})
	g, errs := Check(p, newLab().types(), known...)
	if (g == nil) != (len(errs)+len(known) > 0) {
		t.Errorf("graph %v with %d mistakes", g, len(errs)+len(known))
	}
	var out []string
	for _, e := range errs {
		if e.Source == "" {
			t.Errorf("%v has no source line", e)
		}
		line := fmt.Sprintf("%d: %s", e.Pos.Line-3, e.Msg) // counted from the first step
		if e.Hint != "" {
			line += " [" + e.Hint + "]"
		}
		out = append(out, line)
	}
	return out
}

func TestCheckFinds(t *testing.T) {
	tests := []struct {
		name, steps string
		want        []string
	}{
		{"nothing", `
			a: fake {says: hello}
			b: fake a {says: "${steps.a.text} world", list: "${steps.a.list}"}`, nil},
		{
			"an unknown type", `
			a: fkae {says: hello}
			b: fake {says: "${steps.a.nothing}"}`,
			[]string{`1: there is no step type "fkae" [did you mean fake?]`},
		},
		{
			"an unknown key", `a: fake {syas: hello}`,
			[]string{`1: unknown key "syas" in with [did you mean says?]`},
		},
		{
			"what Validate finds, all of it, in its place", `
			a: fake {says: nonsense, number: -1}`,
			[]string{"1: is nonsense", "1: is negative"},
		},
		{"nothing that was found when the plan was read", `
			apple: fake apple {says: hello}
			b: fake appel {says: "${steps.appel.text}"}`, nil},
		{
			"an unknown output", `
			a: fake {says: hello}
			b: fake {says: "${steps.a.txet}"}
			c: fake {says: "${steps.a.colour}"}
			m: mute {says: x}
			n: fake {says: "${steps.m.text}"}`,
			[]string{
				`2: step "a" (fake) has no output "txet" [did you mean text?]`,
				`3: step "a" (fake) has no output "colour" [its outputs are text, list, id]`,
				`5: step "m" (mute) has no output "text" [a mute step has no outputs]`,
			},
		},
		{
			"lists and texts in each other's place", `
			a: fake {says: hello}
			b: fake {says: "all: ${steps.a.list}"}
			c: fake {says: "${steps.a.list}"}
			d: fake {list: "${steps.a.text}"}
			e: fake {list: ["${steps.a.list}"]}
			f: fake {list: ["${steps.a.text}"]}
			g: fake {deep: [{name: "${steps.a.list}"}]}
			h: fake {number: "${steps.a.text}"}`,
			[]string{
				`2: output "list" of step "a" is a list and cannot stand inside text [use the reference as the whole value]`,
				`3: says must be text, output "list" of step "a" is a list`,
				`4: list must be a list, output "text" of step "a" is text [put the reference in brackets and quotes to make it a list's item]`,
				`5: list[0] must be text, output "list" of step "a" is a list`,
				`7: deep[0].name must be text, output "list" of step "a" is a list`,
			},
		},
		{
			"a cycle, once, and not what is behind it", `
			a: fake c {says: x}
			b: fake a {says: x}
			c: fake {says: "${steps.b.text}"}
			d: fake c {says: x}`,
			[]string{"1: steps wait for each other: a -> c -> b -> a"},
		},
		{
			"two cycles and what is between them", `
			a: fake b {}
			b: fake a {}
			m: fake a {}
			x: fake y m {}
			y: fake x {}`,
			[]string{"1: steps wait for each other: a -> b -> a", "4: steps wait for each other: x -> y -> x"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, mistakes(t, tt.steps)); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckPaths(t *testing.T) {
	tests := []struct {
		name, steps string
		want        []string
	}{
		{
			"the same file twice", `
			a: fake {writes: /x/f}
			b: fake a {writes: /x/./f}`,
			[]string{`2: writes /x/f, which step "a" writes too [step "a" is at /plans/bayplan.yaml:4:3]`},
		},
		{
			"a file where another needs a directory", `
			a: fake {writes: /x/f}
			b: fake {into: [/x/f/g]}
			c: fake {makes: /y/d}
			d: fake c {writes: /y/d}`,
			[]string{
				`2: needs /x/f/g as a directory, which step "a" writes as a file`,
				`4: writes /y/d as a file, which step "c" needs as a directory`,
			},
		},
		{
			"reads a file without coming after its writer", `
			a: fake {writes: /x/f}
			b: fake {reads: /x/f}`,
			[]string{`2: reads /x/f, which step "a" makes, but does not come after it [add "a" to its needs]`},
		},
		{
			"reads a file before it is written", `
			b: fake {reads: /x/f}
			a: fake b {writes: /x/f}`,
			[]string{`1: reads /x/f, which step "a" makes, but does not come after it [step "a" comes after it now]`},
		},
		{"reads it after its writer, by way of another", `
			a: fake {writes: /x/f}
			m: fake {says: "${steps.a.text}"}
			b: fake m {reads: /x/f}`, nil},
		{
			"reads a directory into which files are put", `
			a: fake {into: [/x/images]}
			b: fake {reads: /x/images}
			c: fake {reads: /x/images/f}
			d: fake {reads: /x}
			e: fake {reads: /x/images2}`,
			[]string{
				`2: reads /x/images, which step "a" makes, but does not come after it [add "a" to its needs]`,
				`3: reads /x/images/f, which step "a" makes, but does not come after it [add "a" to its needs]`,
				`4: reads /x, which step "a" makes, but does not come after it [add "a" to its needs]`,
			},
		},
		{"two that put files into one directory", `
			a: fake {into: [/x/images]}
			b: fake {into: [/x/images/]}
			c: fake {writes: /x/images/f}`, nil},
		{
			"writes below a directory that another makes", `
			dirs: fake {makes: /x}
			b: fake {into: [/x/images]}
			c: fake {writes: /x/f}
			d: fake dirs {writes: /x/g}
			e: fake {reads: /x/h}`,
			[]string{
				`2: writes into /x/images, which step "dirs" makes, but does not come after it [add "dirs" to its needs]`,
				`3: writes /x/f, which step "dirs" makes, but does not come after it [add "dirs" to its needs]`,
			},
		},
		{
			"reads a directory that another makes", `
			dirs: fake {makes: /x}
			b: fake {reads: /x}`,
			[]string{`2: reads /x, which step "dirs" makes, but does not come after it [add "dirs" to its needs]`},
		},
		{"nothing that may follow from a need that was misspelt", `
			apple: fake {writes: /x/f}
			b: fake appel {reads: /x/f}`, nil},
		{"nothing that may follow from a need that another misspelt", `
			apple: fake {writes: /x/f}
			m: fake appel {}
			b: fake m {reads: /x/f}`, nil},
		{
			"what has nothing to do with mistakes elsewhere", `
			a: fake {writes: /x/f}
			b: fake {reads: /x/f}
			c: fake bb {}
			d: fake c {writes: /x/f}
			e: fake f {}
			f: fake e {reads: /x/f}`,
			[]string{
				`2: reads /x/f, which step "a" makes, but does not come after it [add "a" to its needs]`,
				`4: writes /x/f, which step "a" writes too [step "a" is at /plans/bayplan.yaml:4:3]`,
				"5: steps wait for each other: e -> f -> e",
			},
		},
		{"nothing that may follow from a mistaken reference", `
			apple: fake {writes: /x/f}
			b: fake {reads: /x/f, says: "${steps.appel.text}"}`, nil},
		{"nothing of a step with another mistake", `
			a: fake {writes: /x/f}
			b: fake {reads: /x/f, says: nonsense}`, []string{"2: is nonsense"}},
		{"a path that is not known yet", `
			a: fake {says: x}
			b: fake {writes: "${steps.a.text}"}
			c: fake {writes: "${steps.a.text}"}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, mistakes(t, tt.steps)); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGraph(t *testing.T) {
	g := newLab().graph(t, `
		d: fake b {says: "${steps.c.text} ${steps.c.text} ${steps.c.id}"}
		c: fake a {says: x}
		b: fake a {says: x}
		a: fake {says: x}
		e: fake {says: x}`)
	ids := func(nodes []*Node) string {
		var out []string
		for _, n := range nodes {
			out = append(out, n.ID())
		}
		return strings.Join(out, " ")
	}
	if got, want := ids(g.Nodes), "d c b a e"; got != want {
		t.Errorf("Nodes = %s, want %s", got, want)
	}
	if got, want := ids(g.Order()), "a c b d e"; got != want {
		t.Errorf("Order = %s, want %s", got, want)
	}
	if got, want := ids(g.Ancestors(g.Node("d"))), "a c b"; got != want {
		t.Errorf("Ancestors of d = %s, want %s", got, want)
	}
	if g.Node("x") != nil {
		t.Error("there is a node x")
	}
	want := []Edge{
		{From: "b", To: "d", Kind: Need},
		{From: "c", To: "d", Kind: Reference, Output: "text"},
		{From: "c", To: "d", Kind: Reference, Output: "id"},
		{From: "a", To: "c", Kind: Need},
		{From: "a", To: "b", Kind: Need},
	}
	if diff := cmp.Diff(want, g.Edges()); diff != "" {
		t.Errorf("Edges (-want +got):\n%s", diff)
	}
}

func TestCheckDoesNoIO(t *testing.T) {
	dir := t.TempDir()
	p, errs := plan.Parse(filepath.Join(dir, "bayplan.yaml"), []byte(planOf(`
		a: fake {reads: absent/file, writes: made/file, makes: made}`)), plan.Options{})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if _, errs := Check(p, newLab().types()); len(errs) > 0 {
		t.Error(errs)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("made %v", left)
	}
}
