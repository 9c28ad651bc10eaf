package plan_test

import (
	"encoding/json"
	"reflect"
	"strings"
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

// A named list is decoded as what it embeds, and so are its items.
func TestEmbeddedTextOr(t *testing.T) {
	type named struct {
		plan.TextOr[plan.Path, []plan.TextOr[string, struct {
			File plan.Path `json:"file"`
		}]]
	}
	type holder struct {
		Images named `json:"images,omitzero"`
	}
	look := func(r plan.Ref) plan.Value { return plan.List("a", "b") }
	for written, want := range map[string]string{
		"{ images: a.yaml }":                     `{"images":"/plans/a.yaml"}`,
		"{ images: [a, { file: b }] }":           `{"images":["a",{"file":"/plans/b"}]}`,
		"{ images: \"${steps.before.list}\" }":   `{"images":["a","b"]}`,
		"{ }":                                    `{}`,
		"{ images: [{ files: b }] }":             `8:24: unknown key "files" in images[0] (did you mean file?)`,
		"{ images: { file: b } }":                `8:21: images must be text or a list, is a mapping`,
		"{ images: [\"${steps.before.list}\"] }": `8:23: this output is a list, images[0] must be a single value (a list can only be the whole value of a setting that takes a list)`,
	} {
		var got holder
		errs := with(t, "    with: "+written+"\n").Decode(&got, look)
		text, err := json.Marshal(got)
		if len(errs) > 0 {
			text = []byte(strings.Join(messages(errs), "\n"))
		}
		if diff := cmp.Diff(want, string(text)); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", written, err, diff)
		}
	}
}

func TestForms(t *testing.T) {
	type named struct {
		plan.TextOr[plan.Path, []string]
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[plan.TextOr[plan.Path, []string]](), reflect.TypeFor[named]()} {
		if text, other := plan.Forms(typ); text != reflect.TypeFor[plan.Path]() || other != reflect.TypeFor[[]string]() {
			t.Errorf("%v: got %v and %v", typ, text, other)
		}
	}
	if text, other := plan.Forms(reflect.TypeFor[string]()); text != nil || other != nil {
		t.Errorf("got %v and %v", text, other)
	}
}
