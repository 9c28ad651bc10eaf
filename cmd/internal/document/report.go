package document

import (
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// A Step is the result of one step.
type Step struct {
	ID      string         `json:"id"`                // as in the plan; of an instance ID["KEY"]
	Type    string         `json:"type"`              // of the step
	Status  runner.Status  `json:"status"`            // what came of it, in a word
	Summary string         `json:"summary,omitempty"` // its change in one line, for people
	Items   []runner.Item  `json:"items,omitempty"`   // what its change touches
	Inputs  []runner.Input `json:"inputs,omitempty"`  // what decides its result: its settings as "with.NAME", then what it reads
	Outputs runner.Outputs `json:"outputs,omitempty"` // null: not known before the step has run
	Why     string         `json:"why,omitempty"`     // why it is waiting, checked later or skipped
	Blame   string         `json:"blame,omitempty"`   // the failed step for which it was skipped
	Error   string         `json:"error,omitempty"`   // why it failed
	Hint    string         `json:"hint,omitempty"`    // what to do about the error
	Bytes   int64          `json:"bytes,omitempty"`   // moved
	Took    float64        `json:"took,omitempty"`    // seconds

	Notes    []string        `json:"notes,omitempty"`    // what people should know though nothing is done about it
	Moved    []runner.Moved  `json:"moved,omitempty"`    // what is locked and would be something else now
	Problems []fault.Problem `json:"problems,omitempty"` // the parts of the error, if it has parts
}

// StepOf returns the result of a step.
func StepOf(s *runner.StepReport) Step {
	out := Step{
		ID: s.ID, Type: s.Type, Status: s.Status, Outputs: s.Outputs, Why: s.Why, Blame: s.Blame,
		Inputs: s.Inputs, Hint: fault.Hint(s.Err), Bytes: s.Bytes, Took: s.Took.Seconds(),
		Notes: s.Finding.Notes, Moved: s.Finding.Moved, Problems: fault.Problems(s.Err),
	}
	if c := s.Finding.Change; c != nil {
		out.Summary, out.Items = c.Summary, c.Items
	}
	if s.Err != nil {
		out.Error = fault.Text(s.Err)
	}
	return out
}

// Headline says in a few words what a step would change, or why it would not.
func (s Step) Headline() string {
	switch s.Status {
	case runner.ToCreate, runner.ToChange:
		if s.Summary != "" {
			return s.Summary
		}
		return human.Count(len(s.Items), "item", "items")
	case runner.CheckAfter, runner.Waiting, runner.Skipped:
		return s.Why
	case runner.Failed:
		if s.Summary != "" {
			return "failed; what can be done: " + s.Summary
		}
	}
	return string(s.Status)
}

func stepsOf(r *runner.Report) []Step {
	steps := make([]Step, len(r.Steps))
	for i, s := range r.Steps {
		steps[i] = StepOf(s)
	}
	return steps
}

// A Diff is what `bayplan diff --json` prints: what an apply would change.
type Diff struct {
	Basis   *Basis      `json:"basis,omitempty"` // what a saved diff holds for; of diff --out alone
	Base    *Base       `json:"base,omitempty"`  // what is compared; of diff --base alone
	Plan    string      `json:"plan"`            // its name
	Mode    runner.Mode `json:"mode"`            // diff
	Steps   []Step      `json:"steps"`           // in the order of the plan
	Items   int         `json:"items"`           // to change, in all steps
	Bytes   int64       `json:"bytes"`           // to move, in all steps
	Summary string      `json:"summary"`         // the whole in one line, for people
}

// Name returns DiffName.
func (Diff) Name() Name { return DiffName }

// DiffOf returns the report of a diff of a plan.
func DiffOf(plan string, r *runner.Report) Diff {
	d := Diff{Plan: plan, Mode: r.Mode, Steps: stepsOf(r), Summary: r.Summary()}
	d.Items, d.Bytes = r.Changes()
	return d
}
