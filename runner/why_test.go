package runner

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhy(t *testing.T) {
	l := newLab()
	g := l.graph(t, `
		a: fake {says: hello}
		b: fake {says: "${steps.a.text} world", list: [x]}
		c: fake b {says: x}
		other: fake {says: x}`)
	r := stored(t, g)
	why := func(id string) *Why {
		t.Helper()
		w, err := r.Why(t.Context(), id)
		must(t, err)
		return w
	}
	w := why("b")
	if !w.First || w.Step.Status != ToCreate || len(w.Inputs) != 2 {
		t.Errorf("before the first apply: %+v", w)
	}
	if diff := cmp.Diff([]string{"a"}, w.Upstream); diff != "" {
		t.Errorf("upstream (-want +got):\n%s", diff)
	}
	run(t, r.Apply)
	w = why("b")
	if w.First || w.Step.Status != Unchanged || len(w.Inputs) != 0 || len(w.Upstream) != 0 {
		t.Errorf("after it: %+v", w)
	}

	next := l.graph(t, `
		a: fake {says: good day}
		b: fake {says: "${steps.a.text} world"}
		c: fake b {says: x}
		other: fake {says: x}`)
	r.Graph = next
	w = why("b")
	want := []InputChange{
		{Name: "with.says", Old: `"hello world"`, New: `"good day world"`},
		{Name: "with.list", Old: `["x"]`},
	}
	if diff := cmp.Diff(want, w.Inputs); diff != "" {
		t.Errorf("inputs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a", "b"}, why("c").Upstream); diff != "" {
		t.Errorf("upstream of c (-want +got):\n%s", diff)
	}
	if w.Step.Status != ToChange || w.Step.Finding.Change.Items[0].Name != "good day world" {
		t.Errorf("b: %+v", w.Step)
	}
	if w := why("other"); w.Inputs == nil || w.Upstream == nil {
		t.Errorf("a list is nil, which is null in JSON: %+v", w)
	}
	if len(l.log) != 4 {
		t.Errorf("asking why did something: %v", l.log)
	}
}
