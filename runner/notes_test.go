package runner

import (
	"context"
	"slices"
	"testing"

	"github.com/bayplan/bayplan/plan"
)

// The notes of a Finding are in the report and in the event that ends the step.
func TestNotes(t *testing.T) {
	l := newLab()
	l.diff["one"] = func(_ context.Context, f *fake, _ World, _ *Record) (*Finding, error) {
		return &Finding{Outputs: f.outputs(plan.Text("1")), Notes: []string{"a tag has moved on"}}, nil
	}
	g := l.graph(t, "one: fake {says: x}")
	var ends []Event
	r := &Runner{Graph: g, Observe: func(e Event) {
		if e.Kind == StepEnd {
			ends = append(ends, e)
		}
	}}
	report := run(t, r.Diff)
	if len(ends) != 1 || !slices.Equal(ends[0].Notes, []string{"a tag has moved on"}) {
		t.Errorf("events: %+v", ends)
	}
	if got := report.Steps[0].Finding.Notes; !slices.Equal(got, []string{"a tag has moved on"}) {
		t.Errorf("the report has the notes %q", got)
	}
}

// An apply tells notes when they are new, and not those that the last one told. A diff
// always tells them.
func TestNotesAreToldOnce(t *testing.T) {
	l := newLab()
	var notes []string
	l.diff["one"] = func(_ context.Context, f *fake, _ World, _ *Record) (*Finding, error) {
		return &Finding{Outputs: f.outputs(plan.Text("1")), Notes: notes}, nil
	}
	g := l.graph(t, "one: fake {says: x}")
	at := ""
	for _, tt := range []struct {
		name  string
		notes []string
		diff  bool
		told  bool
	}{
		{"the first apply", []string{"a", "b"}, false, false},
		{"the same notes", []string{"a", "b"}, false, true},
		{"the same notes in a diff", []string{"a", "b"}, true, false},
		{"another note", []string{"a", "c"}, false, false},
		{"the other note again", []string{"a", "c"}, false, true},
		{"none", nil, false, false},
		{"still none", nil, false, true},
		{"a note of before", []string{"a", "b"}, false, false},
	} {
		notes = tt.notes
		r := stored(t, g)
		var end Event
		r.Observe = func(e Event) {
			if e.Kind == StepEnd {
				end = e
			}
		}
		if tt.diff {
			run(t, r.Diff)
		} else {
			run(t, r.Apply)
		}
		if end.Told != tt.told || !slices.Equal(end.Notes, tt.notes) {
			t.Errorf("%s: told %v, want %v; notes %q", tt.name, end.Told, tt.told, end.Notes)
		}
		now := r.Store.Record("one").At.String()
		if at == "" {
			at = now
		}
		if now != at {
			t.Errorf("%s: the record says %s, not %s", tt.name, now, at)
		}
		must(t, r.Store.Close())
	}
}
