package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
)

type lost string

func (l lost) Error() string { return "missing: " + string(l) }

func (l lost) Problem() fault.Problem {
	return fault.Problem{Kind: "missing", What: "image", Name: string(l)}
}

// The parts of a step's error are in the event that ends the step.
func TestProblems(t *testing.T) {
	err := fmt.Errorf("look: %w", errors.Join(lost("a"), lost("b")))
	want := `[{"kind":"missing","what":"image","name":"a"},{"kind":"missing","what":"image","name":"b"}]`
	problems := func(v any) string {
		t.Helper()
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var out struct {
			Error    string          `json:"error"`
			Problems json.RawMessage `json:"problems"`
		}
		if err := json.Unmarshal(text, &out); err != nil || out.Error != "look: missing: a\nmissing: b" {
			t.Fatalf("%s: %v", text, err)
		}
		return string(out.Problems)
	}
	s := &StepReport{ID: "catalog", Status: Failed, Err: err}
	var told Event
	b := &runState{runner: &Runner{Observe: func(e Event) { told = e }}}
	b.finish(s)
	if diff := cmp.Diff(want, problems(told)); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}
