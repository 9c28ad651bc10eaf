package plan_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
)

type twoForms struct {
	Images plan.TextOr[plan.Path, []string] `json:"images"`
	To     plan.TextOr[string, struct {
		Layout plan.Path `json:"layout"`
	}] `json:"to,omitzero"`
}

func TestTextOr(t *testing.T) {
	look := func(r plan.Ref) plan.Value {
		switch r.Output {
		case "list":
			return plan.List("a", "b")
		case "later":
			return plan.Later("after prepare")
		}
		return plan.Text("/x/y")
	}
	tests := map[string]struct {
		with string
		want string // as JSON
		errs []string
	}{
		"texts":              {"{ images: a.yaml, to: local }", `{"images":"/plans/a.yaml","to":"local"}`, nil},
		"a list":             {"{ images: [a, \"${vars.n}\"] }", `{"images":["a","7"]}`, nil},
		"an empty list":      {"{ images: [] }", `{"images":[]}`, nil},
		"a mapping":          {"{ images: a, to: { layout: media } }", `{"images":"/plans/a","to":{"layout":"/plans/media"}}`, nil},
		"an output":          {"{ images: \"${steps.before.text}\" }", `{"images":"/x/y"}`, nil},
		"a list of a step":   {"{ images: \"${steps.before.list}\" }", `{"images":["a","b"]}`, nil},
		"one not known yet":  {"{ images: \"${steps.before.later}\" }", `{"images":""}`, nil},
		"an item of a step":  {"{ images: [\"${steps.before.text}\"] }", `{"images":["/x/y"]}`, nil},
		"a mapping for list": {"{ images: { a: b } }", "", []string{"8:21: images must be text or a list, is a mapping"}},
		"a list for mapping": {"{ images: a, to: [b] }", "", []string{"8:28: to must be text or a mapping, is a list"}},
		"an unknown key":     {"{ images: a, to: { layuot: b } }", "", []string{`8:30: unknown key "layuot" in to (did you mean layout?)`}},
		"nothing":            {"{ images: }", "", []string{`8:20: images has no value (give it one; write "" for empty text)`}},
		"missing":            {"{ to: local }", "", []string{"8:5: with lacks images"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got twoForms
			errs := with(t, "    with: "+tt.with+"\n").Decode(&got, look)
			if len(errs) > 0 || len(tt.errs) > 0 {
				if diff := cmp.Diff(tt.errs, messages(errs)); diff != "" {
					t.Errorf("mistakes (-want +got):\n%s", diff)
				}
				return
			}
			text, err := json.Marshal(got)
			if diff := cmp.Diff(tt.want, string(text)); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestOtherForm(t *testing.T) {
	if got := plan.OtherForm(reflect.TypeFor[plan.TextOr[plan.Path, []string]]()); got != reflect.TypeFor[[]string]() {
		t.Errorf("got %v", got)
	}
	if got := plan.OtherForm(reflect.TypeFor[string]()); got != nil {
		t.Errorf("got %v", got)
	}
}
