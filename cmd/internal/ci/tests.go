package ci

import (
	"strings"

	"github.com/bayplan/bayplan/internal/ciformat"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// Tests gives what was found as a suite of tests: a test for each step of a run, or else
// for each plan.
func (r *Run) Tests() ciformat.Suite {
	s := ciformat.Suite{Name: r.title(), Begun: r.Begun, Took: r.Took}
	s.Properties = append(s.Properties, ciformat.Property{Name: "bayplan.version", Value: r.Version}, ciformat.Property{Name: "bayplan.command", Value: r.Command})
	if r.graph != nil {
		s.Name += " " + r.graph.Plan.Name
		s.Properties = append(s.Properties, ciformat.Property{Name: "bayplan.plan", Value: r.graph.Plan.File})
	}
	if r.report != nil {
		for _, step := range r.report.Steps {
			s.Cases = append(s.Cases, r.stepCase(step))
		}
		s.Properties = append(s.Properties, ciformat.Property{Name: "bayplan.summary", Value: r.report.Summary()})
	} else {
		s.Cases = append(s.Cases, r.planCases()...)
	}
	if r.err != nil && len(r.mistakes()) == 0 {
		s.Cases = append(s.Cases, ciformat.Case{
			Class: s.Name, Name: r.Command, Result: ciformat.Broken,
			Message: firstLine(r.err.Error()), Text: withHint(r.err.Error(), fault.Hint(r.err)),
		})
	}
	for i := range s.Cases {
		c := &s.Cases[i]
		c.Class, c.Name = r.clean(c.Class), r.clean(c.Name)
		c.Message, c.Text, c.Output = r.clean(c.Message), r.clean(c.Text), r.clean(c.Output)
	}
	return s
}

// stepCase is the test of one step.
func (r *Run) stepCase(s *runner.StepReport) ciformat.Case {
	c := ciformat.Case{Class: r.graph.Plan.Name, Name: s.ID, Took: s.Took}
	if change := s.Finding.Change; change != nil {
		c.Output = string(s.Status) + ": " + change.Summary
	}
	switch s.Status {
	case runner.Failed, runner.Interrupted:
		e := r.placeOf(s)
		c.Result, c.Message, c.Text = ciformat.Failed, firstLine(e.Msg), withHint(e.Error(), e.Hint)
		if s.Status == runner.Interrupted {
			c.Result = ciformat.Broken
		}
	case runner.Skipped, runner.Waiting, runner.CheckAfter, runner.NotAsked:
		c.Result, c.Message = ciformat.Skipped, strings.TrimSpace(string(s.Status)+": "+s.Why)
	default:
	}
	return c
}

// planCases are the tests of the plans that were read: one for each file.
func (r *Run) planCases() []ciformat.Case {
	var cases []ciformat.Case
	at := map[string]int{}
	add := func(file string) *ciformat.Case {
		i, known := at[file]
		if !known {
			i = len(cases)
			at[file] = i
			cases = append(cases, ciformat.Case{Class: r.title(), Name: file})
		}
		return &cases[i]
	}
	for _, file := range r.checked {
		if c := add(file); r.left[file] != "" {
			c.Result, c.Message = ciformat.Skipped, r.left[file]
		}
	}
	for _, list := range []plan.Errors{r.mistakes(), r.found} {
		for _, e := range list {
			c := add(e.File)
			if c.Result = ciformat.Failed; c.Message == "" {
				c.Message = e.Msg
			}
			c.Text += withHint(e.Error(), e.Hint) + "\n"
		}
	}
	if len(cases) == 0 && r.err == nil && r.graph != nil {
		add(r.graph.Plan.File)
	}
	return cases
}
