package document

import (
	"slices"

	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
)

// A Report is what `bayplan report --json` prints: a run that the state has kept.
type Report struct {
	Plan string `json:"plan"` // its name
	Run
	Steps []Step `json:"steps"` // those that have begun or were left out, in the order of the plan
}

// Name returns ReportName.
func (Report) Name() Name { return ReportName }

// ReportOf reads the report of a run of a plan.
func ReportOf(plan string, r *history.Run) (Report, error) {
	d := Report{Plan: plan, Run: RunOf(r), Steps: []Step{}}
	for e, err := range r.Events() {
		if err != nil {
			return d, err
		}
		if e.Step != "" {
			d.step(e.Step).add(e)
		}
	}
	place := map[string]int{}
	for i, s := range r.Steps {
		place[s.ID] = i
	}
	slices.SortStableFunc(d.Steps, func(a, b Step) int { return place[a.ID] - place[b.ID] })
	return d, nil
}

// step returns the step with an id. It is called interrupted until its end is known.
func (d *Report) step(id string) *Step {
	for i := range d.Steps {
		if d.Steps[i].ID == id {
			return &d.Steps[i]
		}
	}
	d.Steps = append(d.Steps, Step{ID: id, Status: runner.Interrupted})
	return &d.Steps[len(d.Steps)-1]
}

// add adds what an event says of the step.
func (s *Step) add(e runner.Event) {
	switch e.Kind {
	case runner.StepBegin:
		s.Type = e.Type
	case runner.StepChange:
		s.Summary, s.Items = e.Message, e.Change
	case runner.Ticked:
		s.Bytes = e.Bytes
	case runner.StepEnd:
		s.Type, s.Status, s.Blame, s.Outputs = e.Type, e.Status, e.Blame, e.Outputs
		s.Error, s.Hint, s.Notes, s.Problems = e.Error, e.Hint, e.Notes, e.Problems
		s.Bytes, s.Took = e.Bytes, e.Took
		if len(s.Items) == 0 {
			s.Why = e.Message
		}
	}
}
