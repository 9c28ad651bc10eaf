package runner

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
)

// checked reads and checks a plan of these steps.
func checked(t *testing.T, steps string) (*Graph, []string) {
	t.Helper()
	p, known := plan.Parse("/plans/bayplan.yaml", []byte("apiVersion: bayplan/v1\nname: x\nsteps:\n"+steps), plan.Options{})
	g, errs := Check(p, newLab().types(), known...)
	var found []string
	for _, e := range append(known, errs...) {
		found = append(found, fmt.Sprintf("%d:%d: %s [%s]", e.Pos.Line-3, e.Pos.Col, e.Msg, e.Hint))
	}
	return g, found
}

// What needed a step that is off waits for what that one would have waited for.
func TestStepsThatAreOff(t *testing.T) {
	g, mistakes := checked(t, `
  a: { type: fake }
  b: { type: fake }
  off: { type: fake, needs: [a], when: "false", with: { says: "${steps.b.text}", writes: /x/f } }
  off_too: { type: fake, needs: [off, c], when: "false" }
  c: { type: fake, needs: [a], with: { writes: /x/f } }
  d: { type: fake, needs: [off_too, b] }
  sites: { type: fake, for_each: [s1, s2], needs: [a], when: each.key == 's1' }
  empty: { type: fake, for_each: [], needs: [b], with: { number: "${each.value}" } }
  e: { type: fake, needs: [sites, empty] }
`)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	var got []string
	for _, n := range g.Nodes {
		line := n.ID()
		for _, e := range n.Needs {
			line += " <- " + e.From
		}
		got = append(got, line)
	}
	want := []string{"a", "b", "c <- a", "d <- a <- b <- c", `sites["s1"] <- a`, `e <- sites["s1"] <- a <- b`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for name, want := range map[string]string{
		"off": `step "off" is off`, `sites[s2]`: `step sites["s2"] is off`, "empty": `step "empty" is off`, "sitse": `no step "sitse"`, "sites[s3]": `no step sites[s3]`,
	} {
		var wrong *SelectionError
		if _, err := g.Find(name); !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMistakesOfInstances(t *testing.T) {
	tests := []struct {
		name, steps string
		want        []string
	}{
		{
			"all instances have it", `
  a: { type: fake, for_each: [s1, s2, s3], with: { syas: x, number: "${each.key}" } }
  b: { type: fkae, for_each: [s1, s2] }
  c: { type: fake, for_each: "${steps.a}", with: { says: "${steps.a[each.key].txet}", list: ["${steps.a[each.key].list}"] } }`,
			[]string{
				`2:52: unknown key "syas" in with [did you mean says?]`,
				`2:69: number must be a whole number, is "s1" []`,
				`3:14: there is no step type "fkae" [did you mean fake?]`,
				`4:59: step a["s1"] (fake) has no output "txet" [did you mean text?]`,
				`4:95: list[0] must be text, output "list" of step a["s1"] is a list []`,
			},
		},
		{
			"one instance has it", `
  a: { type: fake, for_each: { s1: "1", s2: x, s3: z }, with: { number: "${each.value}" } }`,
			[]string{`2:73: number must be a whole number, is "x" []`},
		},
		{
			"a step that is off", `
  a: { type: fake, when: "false", with: { syas: x } }
  b: { type: fake, when: "false", needs: [c] }
  c: { type: fake, when: "false", needs: [b] }
  d: { type: fake, for_each: [], with: { says: "${steps.e.text}", number: "${each.value}x" } }
  e: { type: fake, with: { deep: x } }`,
			[]string{
				`2:43: unknown key "syas" in with [did you mean says?]`,
				"3:3: steps wait for each other: b -> c -> b []",
				"6:34: deep must be a list, is text [write it in [ ]]",
			},
		},
		{
			"a file of all instances", `
  a: { type: fake, for_each: [s1, s2, s3], with: { writes: /x/f } }
  b: { type: fake, for_each: [s1, s2], with: { writes: "/x/b-${each.key}" } }
  c: { type: fake, for_each: "${steps.b}", with: { reads: "/x/b-${each.key}" } }
  d: { type: fake, for_each: "${steps.b}", needs: [b], with: { reads: "/x/b-${each.key}" } }`,
			[]string{
				`2:3: writes /x/f, which step a["s1"] writes too [put ${each.key} into what differs between the instances]`,
				`4:3: reads /x/b-s1, which step b["s1"] makes, but does not come after it [add "b" to its needs]`,
			},
		},
		{
			"cycles", `
  a: { type: fake, for_each: [s1, s2, s3], needs: [b] }
  b: { type: fake, for_each: "${steps.a}", needs: [a] }`,
			[]string{`2:3: steps wait for each other: a["s1"] -> b["s1"] -> a["s1"] []`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, got := checked(t, tt.steps)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Only and Skip take an instance, and all of a step.
func TestInstancesAreChosen(t *testing.T) {
	g, mistakes := checked(t, `
  a: { type: fake }
  sites: { type: fake, for_each: [s1, s2, s3] }
`)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	tests := []struct {
		only, skip, want []string
	}{
		{[]string{"sites[s1]"}, nil, []string{`sites["s1"]`}},
		{[]string{`sites["s2"]`, "a"}, nil, []string{"a", `sites["s2"]`}},
		{[]string{"sites"}, []string{"sites[s3]"}, []string{`sites["s1"]`, `sites["s2"]`}},
		{nil, []string{"sites"}, []string{"a"}},
	}
	for _, tt := range tests {
		r := &Runner{Graph: g, Only: tt.only, Skip: tt.skip}
		chosen, err := r.Selected()
		maps.DeleteFunc(chosen, func(_ string, run bool) bool { return !run })
		if diff := cmp.Diff(tt.want, slices.Sorted(maps.Keys(chosen))); err != nil || diff != "" {
			t.Errorf("%v, -want +got:\n%s", err, diff)
		}
	}
}

// A plan of 10,000 steps is checked and diffed in seconds; much longer only on a machine that has other work.
func TestLargeManyInstances(t *testing.T) {
	var sites strings.Builder
	for i := range 3333 {
		fmt.Fprintf(&sites, "s%d, ", i)
	}
	began := time.Now()
	p, errs := plan.Parse("/plans/bayplan.yaml", []byte(`apiVersion: bayplan/v1
name: x
vars: { sites: [`+sites.String()+`] }
steps:
  first: { type: fake }
  a: { type: fake, for_each: "${vars.sites}", needs: [first], with: { writes: "/x/${each.key}/f", fills: ["host ${each.key}"] } }
  b: { type: fake, for_each: "${steps.a}", needs: [a], with: { reads: "/x/${each.key}/f", says: "${steps.a[each.key].text}" } }
  c: { type: check, for_each: "${steps.b}", needs: [b] }
`), plan.Options{})
	g, more := Check(p, newLab().types(), errs...)
	if len(errs)+len(more) > 0 {
		t.Fatal(errs, more)
	}
	report, err := (&Runner{Graph: g}).Diff(t.Context())
	if err != nil || len(report.Steps) != 10_000 || report.Count(Failed, Skipped) > 0 {
		t.Fatal(report.Summary(), err)
	}
	if took := time.Since(began); took > 2*time.Minute {
		t.Errorf("it took %v", took)
	}
	t.Log(time.Since(began), report.Summary())
}
