package plan_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
)

// head is the beginning of a plan with one step; the step's with follows it.
const head = "apiVersion: bayplan/v1\nname: undercloud\nvars: { n: \"7\", yes: \"true\", home: /home/stack }\nsteps:\n  before: { type: prepare, with: {} }\n  it:\n    type: untar\n"

// with parses a plan whose step "it" holds the given lines below its type.
func with(t *testing.T, lines string) plan.Body {
	t.Helper()
	p, errs := plan.Parse("/plans/bayplan.yaml", []byte(head+lines), plan.Options{})
	if len(errs) > 0 {
		t.Fatal(shown(errs))
	}
	return p.Step("it").With
}

// messages returns the mistakes, one line each, without the file.
func messages(errs plan.Errors) []string {
	var out []string
	for _, e := range errs {
		line := strings.TrimPrefix(e.Error(), "/plans/bayplan.yaml:")
		if e.Hint != "" {
			line += " (" + e.Hint + ")"
		}
		out = append(out, line)
	}
	return out
}

func TestTextStaysText(t *testing.T) {
	const number, truth, empty = "but YAML reads it as a number", "but YAML reads it as true or false", "has no value"
	tests := []struct {
		written string
		want    string // the text
		refused string // or why there is none
	}{
		{"13.10", "", number},
		{"010", "", number},
		{"1_000", "", number},
		{"0x10", "", number},
		{"0o17", "", number},
		{"0b11", "", number},
		{"1e3", "", number},
		{"+1", "", number},
		{"-0.5", "", number},
		{".inf", "", number},
		{"-.INF", "", number},
		{".nan", "", number},
		{"99999999999999999999999999", "", number},
		{"true", "", truth},
		{"False", "", truth},
		{"null", "", empty},
		{"~", "", empty},
		{"", "", empty},
		{"!!str 13.10", "13.10", ""},
		{"!!str 010", "010", ""},
		{"!!str", "", ""},
		{"!!str null", "null", ""},
		{`"13.10"`, "13.10", ""},
		{`'010'`, "010", ""},
		{`""`, "", ""},
		{"2018-07-09", "2018-07-09", ""},
		{"13.0-72", "13.0-72", ""},
		{"1.2.3", "1.2.3", ""},
		{"yes", "yes", ""},
		{"192.0.2.1:8787", "192.0.2.1:8787", ""},
		{"0x", "0x", ""},
		{"v1 # a comment", "v1", ""},
		{"a#b", "a#b", ""},
		{"it's", "it's", ""},
		{`'it''s'`, "it's", ""},
		{`"tab\tand \u00e9 \x41"`, "tab\tand é A", ""},
		{"one\n        two\n\n        three", "one two\nthree", ""},
		{"|\n        one\n          two\n", "one\n  two\n", ""},
		{"|-\n        one\n\n        two\n", "one\n\ntwo", ""},
		{"|+\n        one\n\n", "one\n\n\n", ""},
		{">\n        one\n        two\n\n        three\n", "one two\nthree\n", ""},
		{">-\n        ${vars.home}\n        two\n", "/home/stack two", ""},
		{"a $$ b $x $(y) {{ z }} $${vars.home}", "a $$ b $x $(y) {{ z }} ${vars.home}", ""},
		{"\"${vars.n}$${n}${vars.n}\"", "7${n}7", ""},
	}
	for _, tt := range tests {
		t.Run(tt.written, func(t *testing.T) {
			var got struct {
				Tag string `json:"tag"`
			}
			body := with(t, "    with:\n      tag: "+tt.written+"\n")
			errs := body.Decode(&got, nil)
			if text := strings.Join(messages(errs), "\n"); (tt.refused == "") != (len(errs) == 0) || !strings.Contains(text, tt.refused) {
				t.Errorf("got mistakes %q, want %q", text, tt.refused)
			}
			if got.Tag != tt.want {
				t.Errorf("got %q, want %q", got.Tag, tt.want)
			}
		})
	}
}

// A mode is a type that decodes its own text.
type mode int

func (m *mode) UnmarshalText(b []byte) error {
	if _, err := fmt.Sscanf(string(b), "%o", (*int)(m)); err != nil {
		return fault.WithHint(fmt.Errorf("%q is no mode", b), "write it like \"0755\"")
	}
	return nil
}

type common struct {
	Cloud string `json:"cloud,omitempty"`
}

type config struct {
	common
	Into    plan.Path         `json:"into"`
	Paths   []plan.Path       `json:"paths,omitempty"`
	Images  []string          `json:"images,omitempty"`
	Exact   bool              `json:"exact,omitempty"`
	Count   int8              `json:"count,omitempty"`
	Size    uint              `json:"size,omitempty"`
	Wait    time.Duration     `json:"wait,omitempty"`
	Mode    mode              `json:"mode,omitempty"`
	Labels  map[string]string `json:"labels,omitempty"`
	Sources []source          `json:"sources,omitempty"`
	Push    *source           `json:"push,omitempty"`
	Skipped string            `json:"-"`
	private int
}

type source struct {
	From string `json:"from"`
	To   string `json:"to,omitempty"`
}

func TestDecode(t *testing.T) {
	body := with(t, `    with:
      cloud: undercloud
      into: images/../disk
      paths: [/a/, ~/b, "${vars.home}/c", .]
      images: [one, two]
      exact: true
      count: -128
      size: ${vars.n}
      wait: 1m30s
      mode: "0750"
      labels: { a.b: c, d: "" }
      sources:
        - from: x
        - { from: y, to: z }
      push: { from: q }
`)
	t.Setenv("HOME", "/home/me")
	got := config{Count: 3, Skipped: "kept", private: 4}
	if errs := body.Decode(&got, nil); len(errs) > 0 {
		t.Fatal(shown(errs))
	}
	want := config{
		common: common{"undercloud"}, Into: "/plans/disk", Paths: []plan.Path{"/a", "/home/me/b", "/home/stack/c", "/plans"},
		Images: []string{"one", "two"}, Exact: true, Count: -128, Size: 7, Wait: 90 * time.Second, Mode: 0o750,
		Labels: map[string]string{"a.b": "c", "d": ""}, Sources: []source{{"x", ""}, {"y", "z"}}, Push: &source{From: "q"},
		Skipped: "kept", private: 4,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(config{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDecodeKeepsDefaults(t *testing.T) {
	got := config{Count: 3, Exact: true, Push: &source{"a", "b"}}
	shared := got.Push
	if errs := with(t, "    with: { into: /a, push: { from: c } }\n").Decode(&got, nil); len(errs) > 0 {
		t.Fatal(shown(errs))
	}
	if got.Count != 3 || !got.Exact || *got.Push != (source{"c", "b"}) || *shared != (source{"a", "b"}) {
		t.Errorf("got %+v with %+v, the default became %+v", got, got.Push, shared)
	}
}

func TestDecodeMistakes(t *testing.T) {
	tests := []struct{ name, lines, want string }{
		{"absent with", "", `6:3: with lacks into`},
		{"missing key", "    with:\n      exact: true\n", `8:5: with lacks into`},
		{"misspelt key stands for the missing one", "    with: { intoo: /a }\n", `8:13: unknown key "intoo" in with (did you mean into?)`},
		{"unknown key", "    with: { into: /a, retention: 3 }\n", `8:23: unknown key "retention" in with (the keys here are cloud, into, paths, images, exact, count, size, wait, mode, labels, sources, push)`},
		{"missing below", "    with: { into: /a, sources: [{ from: x }, { to: z }], push: {} }\n", "8:46: sources[1] lacks from\n8:58: push lacks from"},
		{"unknown below", "    with: { into: /a, push: { from: x, rom: y } }\n", `8:40: unknown key "rom" in push (did you mean from?)`},
		{"no list", "    with: { into: /a, images: one }\n", `8:31: images must be a list, is text (write it in [ ])`},
		{"list from empty", "    with: { into: /a, images: }\n", `8:30: images must be a list, is empty`},
		{"list from mapping", "    with: { into: /a, images: {} }\n", `8:31: images must be a list, is a mapping`},
		{"item is no text", "    with: { into: /a, images: [a, 13.10, [b]] }\n", "8:35: images[1] must be text, but YAML reads it as a number (quote it: write \"13.10\")\n8:42: images[2] must be text, is a list"},
		{"no mapping", "    with: { into: /a, push: x, labels: [a], sources: [b] }\n", "8:29: push must be a mapping, is text\n8:40: labels must be a mapping, is a list\n8:55: sources[0] must be a mapping, is text"},
		{"bool", "    with: { into: /a, exact: yes }\n", `8:30: exact must be true or false, is "yes"`},
		{"quoted bool", "    with: { into: /a, exact: \"true\" }\n", `8:30: exact must be true or false, is "true" (remove the quotes)`},
		{"tagged bool", "    with: { into: /a, exact: !!str true }\n", `8:36: exact must be true or false, is "true" (remove the quotes)`},
		{"bool from list", "    with: { into: /a, exact: [] }\n", `8:30: exact must be true or false, is a list`},
		{"octal", "    with: { into: /a, count: 010 }\n", `8:30: count must be a whole number, is "010"`},
		{"fraction", "    with: { into: /a, count: 1.0 }\n", `8:30: count must be a whole number, is "1.0"`},
		{"quoted number", "    with: { into: /a, count: \"1\" }\n", `8:30: count must be a whole number, is "1" (remove the quotes)`},
		{"too large", "    with: { into: /a, count: 128, size: 99999999999999999999 }\n", "8:30: count is out of range\n8:41: size is out of range"},
		{"negative", "    with: { into: /a, size: -1 }\n", "8:29: size is out of range"},
		{"empty number", "    with: { into: /a, size: }\n", "8:28: size must be a whole number, is empty"},
		{"duration", "    with: { into: /a, wait: 5 }\n", `8:29: wait must be a duration, "5" has no unit (write it like 90s, 10m or 1h30m)`},
		{"reads itself", "    with: { into: /a, mode: rwx }\n", `8:29: mode: "rwx" is no mode (write it like "0755")`},
		{"reads itself from a number", "    with: { into: /a, mode: 0755 }\n", `8:29: mode must be text, but YAML reads it as a number (quote it: write mode: "0755")`},
		{"empty path", "    with: { into: \"\", paths: [\"\"] }\n", "8:19: into must name a file or directory, is empty\n8:31: paths[0] must name a file or directory, is empty"},
		{"all at once", "    with: { exact: 1, count: x, images: {}, foo: bar }\n", "8:5: with lacks into\n" +
			`8:20: exact must be true or false, is "1"` + "\n" + `8:30: count must be a whole number, is "x"` + "\n" +
			"8:41: images must be a list, is a mapping\n" +
			`8:45: unknown key "foo" in with (the keys here are cloud, into, paths, images, exact, count, size, wait, mode, labels, sources, push)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c config
			got := strings.Join(messages(with(t, tt.lines).Decode(&c, nil)), "\n")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Decode does not repeat what Parse has reported.
func TestDecodeAfterMistakes(t *testing.T) {
	tests := []struct{ name, lines string }{
		{"undefined variable", "    with: { into: \"${vars.x}\", count: \"${vars.x}\", paths: [\"${vars.x}\"] }\n"},
		{"unknown step", "    with: { into: \"${steps.x.y}\", images: \"${steps.x.y}\" }\n"},
		{"with misspelt", "    wiht: { into: /a }\n"},
		{"with of another kind", "    with: [into]\n"},
		{"key that is no text", "    with: { 12: /a }\n"},
		{"required key given twice", "    with: { into: [], into: /a }\n"},
		{"secret written out", "    with: { into: /a, push: { from: b, password: c } }\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, errs := plan.Parse("/plans/bayplan.yaml", []byte(head+tt.lines), plan.Options{})
			if len(errs) == 0 {
				t.Fatal("Parse found nothing")
			}
			before := map[string]bool{}
			for _, e := range errs {
				before[fmt.Sprint(e.Pos)] = true
			}
			var c config
			for _, e := range p.Step("it").With.Decode(&c, outputs) {
				if before[fmt.Sprint(e.Pos)] {
					t.Errorf("reported again: %v", e)
				}
			}
		})
	}
}

func TestDecodeReferences(t *testing.T) {
	values := map[string]plan.Value{
		"file": plan.Text("/a/b"), "list": plan.List("x", "y"), "none": plan.List(),
		"later": plan.Later("after upload"), "number": plan.Text("12"), "truth": plan.Text("true"), "word": plan.Text("word"),
	}
	look := func(r plan.Ref) plan.Value { return values[r.Output] }
	tests := []struct {
		name, with string
		look       plan.Lookup
		want       config
		wrong      string
	}{
		{"text", "into: \"${steps.before.file}/c\"", look, config{Into: "/a/b/c"}, ""},
		{"without lookup", "into: \"${steps.before.file}/c\", count: \"${steps.before.number}\", images: \"${steps.before.list}\", paths: [a, \"${steps.before.file}\"]", nil, config{Paths: []plan.Path{"/plans/a", ""}}, ""},
		{"later", "into: \"${steps.before.later}/c\", images: \"${steps.before.later}\"", look, config{}, ""},
		{"list", "into: /a, images: \"${steps.before.list}\", paths: \"${steps.before.list}\"", look, config{Into: "/a", Images: []string{"x", "y"}, Paths: []plan.Path{"/plans/x", "/plans/y"}}, ""},
		{"empty list", "into: /a, images: \"${steps.before.none}\"", look, config{Into: "/a", Images: []string{}}, ""},
		{"number and truth", "into: /a, count: \"${steps.before.number}\", exact: \"${steps.before.truth}\"", look, config{Into: "/a", Count: 12, Exact: true}, ""},
		{"no number", "into: /a, count: \"${steps.before.word}\"", look, config{Into: "/a"}, `count must be a whole number, is "word"`},
		{"list as text", "into: \"${steps.before.list}\"", look, config{}, "this output is a list, into must be a single value"},
		{"list as item", "into: /a, images: [b, \"${steps.before.list}\"]", look, config{Into: "/a", Images: []string{"b", ""}}, "this output is a list, images[1] must be a single value"},
		{"list inside text", "into: /a, images: [\"a ${steps.before.list}\"]", look, config{Into: "/a", Images: []string{""}}, "this output is a list, images[0] must be a single value"},
		{"text as list", "into: /a, images: \"${steps.before.file}\"", look, config{Into: "/a"}, "images must be a list, this output is text"},
		{"part of a list", "into: /a, images: \"a ${steps.before.file}\"", look, config{Into: "/a"}, "images must be a list, is text"},
		{"mapping", "into: /a, push: \"${steps.before.file}\"", look, config{Into: "/a"}, "push must be a mapping, is text"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := config{}
			errs := with(t, "    with: { "+tt.with+" }\n").Decode(&got, tt.look)
			if got.Push != nil {
				got.Push = nil
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(config{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if tt.wrong == "" && len(errs) > 0 || tt.wrong != "" && (len(errs) != 1 || !strings.HasPrefix(errs[0].Msg, tt.wrong)) {
				t.Errorf("got mistakes %q, want %q", messages(errs), tt.wrong)
			}
		})
	}
}

func TestRefs(t *testing.T) {
	body := with(t, "    with:\n      a: ${steps.before.x}\n      b: [\"1 ${steps.before.y}${vars.n}\", { c: \"${steps.before.z}${steps.before.x}\" }]\n")
	want := []plan.Ref{
		{Step: "before", Output: "x", Path: "a", Whole: true, Pos: plan.Pos{Line: 9, Col: 10}},
		{Step: "before", Output: "y", Path: "b[0]", Pos: plan.Pos{Line: 10, Col: 14}},
		{Step: "before", Output: "z", Path: "b[1].c", Pos: plan.Pos{Line: 10, Col: 49}},
		{Step: "before", Output: "x", Path: "b[1].c", Pos: plan.Pos{Line: 10, Col: 66}},
	}
	if diff := cmp.Diff(want, body.Refs()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if refs := with(t, "").Refs(); len(refs) > 0 {
		t.Errorf("an absent with refers to %v", refs)
	}
}

// A Body that was not read from a file is empty.
func TestZeroBody(t *testing.T) {
	var b plan.Body
	var c config
	if got := messages(b.Decode(&c, nil)); len(got) != 1 || got[0] != ":  lacks into" || len(b.Refs()) > 0 {
		t.Errorf("got %q", got)
	}
	if got := messages(b.Explain(plan.At("into", errors.New("bad")))); len(got) != 1 || got[0] != ": into: bad" {
		t.Errorf("got %q", got)
	}
}

// Steps are decoded in parallel, and their mistakes are shown in parallel.
func TestDecodeInParallel(t *testing.T) {
	src := strings.Replace(head, "steps:", "connections: { registries: { a: { password: hunter2, token: hunter3 } } }\nsteps:", 1)
	p, errs := plan.Parse("/plans/bayplan.yaml", []byte(src+"    with: { into: 12, password: hunter2, token: hunter3 }\n"), plan.Options{})
	if len(errs) != 4 {
		t.Fatal(shown(errs))
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			var c config
			if got := shown(p.Step("it").With.Decode(&c, nil)); !strings.Contains(got, "into must be text") || strings.Contains(got, "hunter") {
				t.Errorf("got %s", got)
			}
		})
	}
	all.Wait()
}

func TestDecodeRefusesWhatItDoesNotUnderstand(t *testing.T) {
	body := with(t, "    with: { a: b }\n")
	var floats struct {
		A float64 `json:"a"`
	}
	var anything struct {
		A any `json:"a"`
	}
	for name, into := range map[string]any{"float": &floats, "any": &anything, "no pointer": floats, "nil": nil} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			body.Decode(into, nil)
		})
	}
}
