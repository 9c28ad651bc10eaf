package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
)

// described returns the steps of a plan, a line each: address, type, site, what it
// needs, and the texts of its configuration.
func described(t *testing.T, steps []*plan.Step) []string {
	t.Helper()
	var lines []string
	for _, s := range steps {
		line := s.ID
		if s.Site != "" {
			line += " at " + s.Site
		}
		for _, need := range s.Needs {
			line += " <- " + need.ID
		}
		var got struct {
			Paths []string `json:"paths,omitempty"`
		}
		if errs := s.With.Decode(&got, func(r plan.Ref) plan.Value { return plan.Text(r.Step + "/" + r.Output) }); len(errs) > 0 {
			t.Error(shown(errs))
		}
		lines = append(lines, line+": "+strings.Join(got.Paths, " "))
	}
	return lines
}

func TestForEach(t *testing.T) {
	tests := []struct {
		name, steps string
		want        []string
	}{
		{
			"a literal list", `
  a: { type: x, for_each: [one, two], site: "at-${each.key}", with: { paths: ["/${each.key}/${each.value}"] } }`,
			[]string{`a["one"] at at-one: /one/one`, `a["two"] at at-two: /two/two`},
		},
		{
			"a mapping in file order", `
  a: { type: x, for_each: { two: "2", one: "1" }, with: { paths: ["${each.key}=${each.value}"] } }`,
			[]string{`a["two"]: two=2`, `a["one"]: one=1`},
		},
		{
			"a variable", `
  a: { type: x, for_each: "${vars.sites}", with: { paths: ["${each.value}"] } }`,
			[]string{`a["edge1"]: 02:00`, `a["edge2"]: 03:30`},
		},
		{
			"the instances of another step, and what waits for them", `
  last: { type: x, needs: [b] }
  b: { type: x, for_each: "${steps.a}", needs: [root, a], with: { paths: ["${steps.a[each.key].out} at ${each.value}"] } }
  c: { type: x, for_each: "${steps.b}", needs: [a] }
  other: { type: x, for_each: [edge1], needs: [a] }
  a: { type: x, for_each: "${vars.sites}" }
  root: { type: x, with: { paths: ['${steps.a["edge2"].out}', "${vars.sites.edge1}"] } }`,
			[]string{
				`last <- b["edge1"] <- b["edge2"]: `,
				`b["edge1"] <- root <- a["edge1"]: a["edge1"]/out at 02:00`,
				`b["edge2"] <- root <- a["edge2"]: a["edge2"]/out at 03:30`,
				`c["edge1"] <- a["edge1"]: `,
				`c["edge2"] <- a["edge2"]: `,
				`other["edge1"] <- a["edge1"] <- a["edge2"]: `,
				`a["edge1"]: `,
				`a["edge2"]: `,
				`root: a["edge2"]/out 02:00`,
			},
		},
		{
			"no instances", `
  a: { type: x, for_each: "${vars.none}", needs: [root] }
  b: { type: x, for_each: "${steps.a}" }
  c: { type: x, needs: [a] }
  root: { type: x }`,
			[]string{"c <- a: ", "root: "},
		},
		{
			"whole lists", `
  a: { type: x, for_each: [p], with: { paths: "${vars.paths}" } }`,
			[]string{`a["p"]: /srv/02:00 /b`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := "apiVersion: bayplan/v1\nname: x\nvars:\n  sites: { edge1: \"02:00\", edge2: \"03:30\" }\n  none: {}\n  paths: [\"/srv/${vars.sites.edge1}\", /b]\nsteps:" + tt.steps + "\n"
			p, errs := plan.Parse("bayplan.yaml", []byte(text), plan.Options{})
			if len(errs) > 0 {
				t.Fatal(shown(errs))
			}
			if diff := cmp.Diff(tt.want, described(t, p.Steps)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Lists and mappings come from files of variables, in the form that the plan declares.
func TestFormsOfVariables(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "bayplan.yaml", `apiVersion: bayplan/v1
name: x
vars: { sites: { a: "1" }, names: [], same: "${vars.names}", open: , text: t }
steps:
  a: { type: x, for_each: "${vars.sites}", with: { paths: ["${each.key}=${each.value}"] } }
  b: { type: x, with: { paths: "${vars.same}" } }
  c: { type: x, with: { paths: "${vars.open}" } }
  d: { type: x, with: { paths: ["${vars.text}"] } }
`)
	tests := []struct {
		name, values string
		o            plan.Options
		want, wrong  []string
	}{
		{
			"all", "sites: { b: '${vars.text}', c: '3' }\nnames: [n, m]\nopen: [o]\n",
			plan.Options{},
			[]string{`a["b"]: b=${vars.text}`, `a["c"]: c=3`, "b: n m", "c: o", "d: t"},
			nil,
		},
		{
			"another form", "sites: [b]\nnames: n\nopen: [[o]]\nsame: { a: b }\ntext: [t]\n",
			plan.Options{},
			[]string{`a["a"]: a=1`, "b: ", "c: ", "d: t"},
			[]string{
				"DIR/bayplan.yaml:3:67: variable \"open\" has no value (give it one here or with --var open=...)",
				"DIR/values.yaml:1:8: the plan declares the variable as a mapping, here is a list",
				"DIR/values.yaml:2:8: the plan declares the variable as a list, here is text (give it in a file, with --var-file)",
				`DIR/values.yaml:3:8: item 1 of variable "open" must be text, is a list`,
				"DIR/values.yaml:4:7: the plan declares the variable as a list, here is a mapping",
				"DIR/values.yaml:5:7: the plan declares the variable as text, here is a list",
			},
		},
		{
			"text for a list", "open: [o]\n",
			plan.Options{Vars: map[string]string{"names": "n"}, Environ: []string{"BAYPLAN_VAR_sites=s"}},
			[]string{`a["a"]: a=1`, "b: ", "c: o", "d: t"},
			[]string{
				"command line: --var names: the plan declares the variable as a list, here is text (give it in a file, with --var-file)",
				"environment: BAYPLAN_VAR_sites: the plan declares the variable as a mapping, here is text (give it in a file, with --var-file)",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.VarFiles = []string{write(t, dir, "values.yaml", tt.values)}
			p, errs := plan.Load(t.Context(), file, tt.o)
			var got []string
			for _, msg := range messages(errs) {
				got = append(got, strings.ReplaceAll(msg, dir, "DIR"))
			}
			if diff := cmp.Diff(tt.wrong, got); diff != "" {
				t.Errorf("mistakes, -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, described(t, p.Steps)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A mistake in a repeated step is reported once, also if only some instances have it.
func TestOneMistakeOfAllInstances(t *testing.T) {
	var sites strings.Builder
	for i := range 200 {
		fmt.Fprintf(&sites, "s%d, ", i)
	}
	text := "apiVersion: bayplan/v1\nname: x\nsteps:\n  a: { type: x, for_each: [" + sites.String() + "s200], with: { paths: [\"${vars.nothing}\", \"${steps.b[each.key].out}\"] } }\n  b: { type: x, for_each: [s0, s1] }\n"
	_, errs := plan.Parse("bayplan.yaml", []byte(text), plan.Options{})
	if got := messages(errs); len(got) != 2 || !strings.Contains(got[0], "no variable") || !strings.Contains(got[1], `step "b" has no instance "s2"`) {
		t.Errorf("got %q", got)
	}
}

func TestTooManySteps(t *testing.T) {
	var values strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&values, "s%d, ", i)
	}
	with := func(steps string) string {
		return "apiVersion: bayplan/v1\nname: x\nvars: { many: [" + values.String() + "] }\nsteps:\n  a: { type: x, for_each: \"${vars.many}\" }\n" + steps
	}
	p, errs := plan.Parse("bayplan.yaml", []byte(with("")), plan.Options{})
	if len(errs) > 0 || len(p.Steps) != 10_000 || p.Steps[9_999].ID != `a["s9999"]` {
		t.Errorf("%d steps, %v", len(p.Steps), errs)
	}
	_, errs = plan.Parse("bayplan.yaml", []byte(with("  b: { type: x }\n")), plan.Options{})
	if got := messages(errs); len(got) != 1 || !strings.Contains(got[0], `:6:3: with the instances of step "b" the plan has more than 10000 steps`) {
		t.Errorf("got %.500q", got)
	}
	half := strings.Replace(with("  b: { type: x, for_each: [x0, x1], needs: [a] }\n"), "s9998, s9999, ", "", 1)
	if p, errs = plan.Parse("bayplan.yaml", []byte(half), plan.Options{}); len(errs) > 0 || len(p.Steps) != 10_000 {
		t.Errorf("%d steps, %.500q", len(p.Steps), messages(errs))
	}
}
