package runner

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
)

func TestCheckPlaces(t *testing.T) {
	tests := []struct {
		name, steps string
		want        []string
	}{
		{
			"other contents under one name", `
			a: fake {fills: [reg, "x:1", "y:1", "y:*", ""], with: [from/x, from/y, s, t]}
			b: fake {fills: [reg, "x:1", "y:1", "y:*", ""], with: [from/z, from/z, v, w]}
			c: fake {fills: [other, "x:1"], with: [from/z]}
			d: fake {fills: [reg, "x:1", "y:1"], with: [from/x]}
			e: fake {fills: [reg, "z:1", "x:1"], with: [from/z, ""]}`,
			[]string{`2: fills x:1 in reg with from/z, which step "a" fills with from/x [step "a" is at /plans/bayplan.yaml:4:3]`},
		},
		{
			"looks at what another one fills", `
			a: fake {fills: [reg, "x:1", "y:1"]}
			b: check {looks: [reg, "z:1", "y:1"]}`,
			[]string{`2: looks at y:1 in reg, which step "a" changes, but does not come after it [add "a" to its needs]`},
		},
		{"comes after it, by way of another", `
			a: fake {fills: [reg, "x:1"]}
			m: fake a {says: x}
			b: check m {looks: [reg, "x:1"]}`, nil},
		{"other names, and the same names elsewhere", `
			a: fake {fills: [reg, "x:1"]}
			b: check {looks: [reg, "x:2"]}
			c: check {looks: [cloud, "x:1"]}`, nil},
		{
			"a check of what comes only later", `
			b: check {looks: [reg, "x:1"]}
			a: fake b {fills: [reg, "x:1"]}`,
			[]string{`1: looks at x:1 in reg, which step "a" changes, but does not come after it [step "a" comes after it now]`},
		},
		{"a step that looks first and decides what another does", `
			b: fake {looks: [reg, "x:*"]}
			a: fake {fills: [reg, "x:1", "${steps.b.text}"]}`, nil},
		{
			"any name with a beginning", `
			a: fake {fills: [reg, "x:1"]}
			b: fake {looks: [reg, "x:*"]}
			c: fake {looks: [reg, "xx:*"]}`,
			[]string{`2: looks at x in reg, which step "a" changes, but does not come after it [add "a" to its needs]`},
		},
		{
			"one list", `
			a: fake {fills: [reg], listed: /x/list}
			b: check {looks: [reg], listed: /x/list}`,
			[]string{`2: looks at reg, which step "a" changes, but does not come after it [add "a" to its needs]`},
		},
		{
			"a text from the step that writes the list", `
			l: fake {writes: /x/list}
			a: fake l {fills: [reg], listed: /x/list}
			b: check l {looks: [reg, "${steps.l.text}"]}`,
			[]string{`warning 3: looks at reg, which perhaps step "a" changes, but does not come after it [add "a" to its needs]`},
		},
		{
			"one text that is not known yet", `
			l: fake {says: x}
			a: fake {fills: [reg, "x:${steps.l.text}"]}
			b: check {looks: [reg, "x:${steps.l.text}"]}`,
			[]string{`3: looks at reg, which step "a" changes, but does not come after it [add "a" to its needs]`},
		},
		{
			"whatever is there", `
			a: fake {fills: [reg, "x:1"]}
			b: check {looks: [reg, "y:1"], all: true}
			c: check {looks: [reg, "y:1"], all: true}
			d: fake c {fills: [reg, "z:1"]}
			e: check a d {looks: [reg, "y:1"], all: true}`,
			[]string{
				`2: looks at reg, which step "a" changes, but does not come after it [add "a" to its needs]`,
				`2: looks at reg, which step "d" changes, but does not come after it [add "d" to its needs]`,
				`3: looks at reg, which step "a" changes, but does not come after it [add "a" to its needs]`,
			},
		},
		{
			"perhaps the same, and no step that fills the place before", `
			a: fake {fills: [reg], listed: /x/a}
			b: check {looks: [reg, "y:1"]}
			c: check a {looks: [reg, "y:1"]}
			d: fake c {fills: [reg], listed: /x/d}`,
			[]string{`warning 2: looks at reg, which perhaps step "a" changes, but does not come after it [add "a" to its needs]`},
		},
		{
			"whatever is in a directory", `
			a: fake {writes: /boot/f}
			b: fake {into: [/boot/d]}
			c: fake {writes: /elsewhere/f}
			d: check {scans: /boot}
			e: check a b {scans: /boot}
			f: check {scans: /boot2}`,
			[]string{
				`4: looks at /boot/f, which step "a" changes, but does not come after it [add "a" to its needs]`,
				`4: looks at /boot/d, which step "b" changes, but does not come after it [add "b" to its needs]`,
			},
		},
		{"nothing that may follow from a need that was misspelt", `
			apple: fake {fills: [reg, "x:1"]}
			b: check appel {looks: [reg, "x:1"]}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := mistakes(t, tt.steps)
			if got == nil {
				got = warnings(tt.steps)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
		})
	}
}

// warnings gives the warnings about a plan, each as "warning line: message [hint]".
func warnings(steps string) []string {
	p, known := plan.Parse("/plans/bayplan.yaml", []byte(planOf(steps)), plan.Options{})
	g, _ := Check(p, newLab().types(), known...)
	if g == nil {
		return nil
	}
	var out []string
	for _, w := range g.Warnings {
		out = append(out, fmt.Sprintf("warning %d: %s [%s]", w.Pos.Line-3, w.Msg, w.Hint))
	}
	return out
}
