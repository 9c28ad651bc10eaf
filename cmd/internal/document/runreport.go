package document

import (
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
	p, err := r.Progress()
	if err != nil {
		return d, err
	}
	for _, s := range p.Steps {
		if s.Status != "" {
			d.Steps = append(d.Steps, runStep(s))
		}
	}
	return d, nil
}

// runStep returns what is known of a step of a run.
func runStep(s *history.StepProgress) Step {
	out := Step{
		ID: s.ID, Type: s.Type, Status: s.Status, Summary: s.Summary, Outputs: s.Outputs, Why: s.Why, Blame: s.Blame,
		Error: s.Error, Hint: s.Hint, Bytes: s.Bytes, Took: s.Took, Notes: s.Notes, Problems: s.Problems,
	}
	for _, it := range s.Items {
		out.Items = append(out.Items, it.Item)
	}
	return out
}
