// Package view shows runs to people and to programs: as lines for logs, as rows on a
// terminal that change, as JSON, and as the diff of a plan. It knows events and reports
// of runs. It does not know flags, or which view a command line asks for.
package view

import (
	"io"

	"github.com/bayplan/bayplan/runner"
)

// A View shows a run while it is in progress and after it has ended. Its methods are
// called one at a time, and End is called once after the first event.
type View interface {
	// Observe shows one event.
	Observe(runner.Event)
	// End shows the result of the run.
	End(*runner.Report) error
}

// Leave ends a view before its run has ended, and in place of End: what is drawn is removed.
func Leave(v View) {
	if l, ok := v.(interface{ leave() }); ok {
		l.leave()
	}
}

// A Screen is where a view writes text for people: results, and beside them what must
// be seen also where the results are thrown away. Both clean what they get of
// characters that a terminal would obey, and mask secrets. A Painter among them gets
// colours.
type Screen struct {
	Out  io.Writer // what changes or has changed, and the summary
	Errs io.Writer // failures and notes
}

// NewQuiet makes a view that shows only failures and the summary.
func NewQuiet(s Screen) View { return quietView{s} }

type quietView struct{ Screen }

// Observe does nothing: End shows the failures.
func (quietView) Observe(runner.Event) {}

// End prints the failures and the summary.
func (v quietView) End(r *runner.Report) error { return v.printEnd(r) }

// printEnd prints the end of a run: every failure with its hint, then the summary
// line.
func (s Screen) printEnd(r *runner.Report) error {
	for _, step := range r.Steps {
		if step.Status == runner.Failed {
			PrintFailure(s.Errs, step)
		}
	}
	return s.printSummary(r)
}

// printSummary prints the last line of a run.
func (s Screen) printSummary(r *runner.Report) error {
	color := Green
	switch {
	case r.Count(runner.Failed) > 0:
		color = Red
	case r.Count(runner.Interrupted, runner.Skipped) > 0:
		color = Yellow
	}
	return Paint(s.Out, Span{r.Summary(), color}, Span{Text: "\n"})
}
