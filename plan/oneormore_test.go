package plan_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
)

type place = plan.TextOr[string, struct {
	Layout plan.Path `json:"layout"`
}]

type oneOrMore struct {
	To plan.OneOrMore[place] `json:"to,omitzero"`
}

func TestOneOrMore(t *testing.T) {
	look := func(r plan.Ref) plan.Value {
		switch r.Output {
		case "list":
			return plan.List("a", "b")
		case "later":
			return plan.Later("after prepare")
		}
		return plan.Text("a")
	}
	for name, tt := range map[string]struct{ with, want string }{
		"one":                {"{ to: a }", `{"to":"a"}`},
		"one mapping":        {"{ to: { layout: m } }", `{"to":{"layout":"/plans/m"}}`},
		"a list of one":      {"{ to: [a] }", `{"to":"a"}`},
		"more":               {"{ to: [a, { layout: m }] }", `{"to":["a",{"layout":"/plans/m"}]}`},
		"none":               {"{ to: [] }", `{}`},
		"nothing":            {"{ }", `{}`},
		"an output":          {"{ to: \"${steps.before.text}\" }", `{"to":"a"}`},
		"a list of a step":   {"{ to: \"${steps.before.list}\" }", `{"to":["a","b"]}`},
		"one not known yet":  {"{ to: \"${steps.before.later}\" }", `{"to":""}`},
		"an unknown key":     {"{ to: { layuot: m } }", `8:19: unknown key "layuot" in to (did you mean layout?)`},
		"an unknown key in":  {"{ to: [a, { layuot: m }] }", `8:23: unknown key "layuot" in to[1] (did you mean layout?)`},
		"a list in the list": {"{ to: [[a]] }", "8:18: to[0] must be text or a mapping, is a list"},
	} {
		t.Run(name, func(t *testing.T) {
			var got oneOrMore
			errs := with(t, "    with: "+tt.with+"\n").Decode(&got, look)
			text, err := json.Marshal(got)
			if len(errs) > 0 {
				text = []byte(strings.Join(messages(errs), "\n"))
			}
			if diff := cmp.Diff(tt.want, string(text)); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
	if item := plan.ItemOf(reflect.TypeFor[plan.OneOrMore[place]]()); item != reflect.TypeFor[place]() || plan.ItemOf(item) != nil {
		t.Errorf("got %v", item)
	}
}

func TestSpool(t *testing.T) {
	for written, want := range map[string]any{
		"":                             int64(10 << 30),
		"defaults: { spool: 2GiB }":    int64(2 << 30),
		"defaults: { spool: 0 }":       int64(0),
		`defaults: { spool: "0" }`:     int64(0),
		"defaults: { spool: 0MiB }":    int64(0),
		"defaults: { spool: 10 }":      `3:20: spool: "10" is not a number of bytes such as 10MiB (write a whole number and one of KiB, MiB, GiB, kB, MB and GB)`,
		"defaults: { spool: [1GiB] }":  "3:20: spool must be text, is a list (write a size such as 10GiB, or 0 for none)",
		"defaults: { spool: -1GiB }":   `3:20: spool: "-1GiB" is not a number of bytes such as 10MiB (write a whole number and one of KiB, MiB, GiB, kB, MB and GB)`,
		"defaults: { spol: 1GiB }":     `3:13: unknown key "spol" in defaults (did you mean spool?)`,
		"defaults: { timeout: 1m }":    int64(10 << 30),
		"defaults: { spool: }":         "3:19: spool must be text, is empty (write a size such as 10GiB, or 0 for none)",
		"defaults: { spool: {a: b} }":  "3:20: spool must be text, is a mapping (write a size such as 10GiB, or 0 for none)",
		"defaults: { spool: 1 GiB }":   int64(1 << 30),
		"defaults: { spool: unknown }": `3:20: spool: "unknown" is not a number of bytes such as 10MiB (write a whole number and one of KiB, MiB, GiB, kB, MB and GB)`,
	} {
		p, errs := plan.Parse("/plans/bayplan.yaml", []byte("apiVersion: bayplan/v1\nname: x\n"+written+"\nsteps: { a: { type: mkdir } }\n"), plan.Options{})
		got := any(strings.Join(messages(errs), "\n"))
		if len(errs) == 0 {
			got = p.Spool
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", written, diff)
		}
	}
}
