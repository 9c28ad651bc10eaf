package runner

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
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
	text, err := json.Marshal(report)
	if err != nil || !strings.Contains(string(text), `"notes":["a tag has moved on"]`) {
		t.Errorf("%s, %v", text, err)
	}
}
