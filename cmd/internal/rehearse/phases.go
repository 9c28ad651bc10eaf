package rehearse

import (
	"context"
	"fmt"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// A problem is what a rehearsal has found to be wrong.
type problem struct {
	file string
	pos  plan.Pos // Col is 0 where it is not known
	step string   // "" for none
	text string
	hint string
}

func problemsOf(errs plan.Errors) []problem {
	var all []problem
	for _, e := range errs {
		all = append(all, problem{file: e.File, pos: e.Pos, text: e.Msg, hint: e.Hint})
	}
	return all
}

// place gives FILE:LINE:COLUMN, or FILE:LINE.
func (p problem) place() string {
	at := fmt.Sprintf("%s:%d", p.file, p.pos.Line)
	if p.pos.Col > 0 {
		at += fmt.Sprintf(":%d", p.pos.Col)
	}
	return at
}

// phases diffs, applies, applies again, verifies and damages.
func (r *rehearsal) phases(ctx context.Context, p *part) (bool, error) {
	var diffed, applied *runner.Report
	for _, phase := range []struct {
		name  string
		mode  runner.Mode
		wrong func(*runner.Report) []problem
		keep  **runner.Report
	}{
		{"diff", runner.ModeDiff, p.failures, &diffed},
		{"apply", runner.ModeApply, p.failures, &applied},
		{"apply again", runner.ModeApply, p.notUnchanged, nil},
		{"verify", runner.ModeVerify, p.failures, nil},
	} {
		start := time.Now()
		r.phase = phase.name
		report, err := r.run(ctx, p, phase.mode)
		if err != nil {
			return false, err
		}
		if phase.keep != nil {
			*phase.keep = report
		}
		problems := phase.wrong(report)
		if phase.mode == runner.ModeDiff {
			problems = append(problems, r.misspelledHosts(p)...)
		}
		report.Took = time.Since(start)
		r.sayPhase(phase.name, report.Took, summaryOf(report), problems)
		if phase.mode == runner.ModeDiff {
			r.sayNotes(report)
		}
		if len(problems) > 0 {
			return false, nil
		}
	}
	return r.damageAll(ctx, p, diffed, applied)
}

// summaryOf gives the summary of a report without the time.
func summaryOf(report *runner.Report) string {
	took := report.Took
	report.Took = 0
	defer func() { report.Took = took }()
	text := report.Summary()
	if report.Mode == runner.ModeDiff {
		return text
	}
	return text[:len(text)-len(" in 0.0s")]
}

// failures are the steps that have failed.
func (p *part) failures(report *runner.Report) []problem {
	var all []problem
	for _, s := range report.Steps {
		if s.Status == runner.Failed || s.Status == runner.Interrupted {
			all = append(all, p.problem(s.ID, fault.Text(s.Err), fault.Hint(s.Err)))
		}
	}
	return all
}

// notUnchanged are the steps that have failed or changed something.
func (p *part) notUnchanged(report *runner.Report) []problem {
	all := p.failures(report)
	for _, s := range report.Steps {
		if s.Status == runner.Changed {
			what := ""
			if c := s.Finding.Change; c != nil {
				what = fmt.Sprintf(": %s, first %s", human.Count(len(c.Items), "item", "items"), c.Items[0].Name)
			}
			all = append(all, p.problem(s.ID, "a second apply changes something"+what, ""))
		}
	}
	return all
}

func (p *part) problem(id, text, hint string) problem {
	found := problem{step: id, text: text, hint: hint}
	if n := p.graph.Node(id); n != nil {
		e := n.Step.Errorf(n.Step.Pos, "")
		found.file, found.pos = e.File, e.Pos
	}
	return found
}
