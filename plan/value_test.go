package plan_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
)

func TestValue(t *testing.T) {
	tests := []struct {
		name  string
		v     plan.Value
		text  string
		json  string
		items []string
		later bool
	}{
		{"text", plan.Text("a"), "a", `"a"`, nil, false},
		{"empty text", plan.Text(""), "", `""`, nil, false},
		{"zero", plan.Value{}, "", `""`, nil, false},
		{"list", plan.List("a", "b"), "a, b", `["a","b"]`, []string{"a", "b"}, false},
		{"empty list", plan.List(), "", `[]`, []string{}, false},
		{"promise", plan.Later("after upload"), "(after upload)", `null`, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw, err := json.Marshal(tt.v)
			if err != nil || string(raw) != tt.json || tt.v.String() != tt.text {
				t.Errorf("got %s and %q, %v", raw, tt.v, err)
			}
			var back plan.Value
			if err := json.Unmarshal(raw, &back); err != nil {
				t.Fatal(err)
			}
			for _, v := range []plan.Value{tt.v, back} {
				_, later := v.Later()
				if diff := cmp.Diff(tt.items, v.Items()); diff != "" || v.IsList() != (tt.items != nil) || later != tt.later {
					t.Errorf("%v: later %v, -want +got:\n%s", v, later, diff)
				}
			}
		})
	}
	for _, bad := range []string{"1", "{}", `[1]`, `[`, `"`} {
		var v plan.Value
		if err := json.Unmarshal([]byte(bad), &v); err == nil {
			t.Errorf("%s is read as %v", bad, v)
		}
	}
}
