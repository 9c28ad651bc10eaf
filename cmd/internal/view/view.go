// Package view shows runs to people and to programs: as lines for logs, as rows on a
// terminal that change, as JSON, and as the diff of a plan. It knows events and reports
// of runs. It does not know flags, or which view a command line asks for.
package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// A View shows a run while it is in progress and after it has ended. Its methods
// are called one at a time.
type View interface {
	// Observe shows one event.
	Observe(runner.Event)
	// End shows the result of the run.
	End(*runner.Report) error
}

// A Screen is where a view writes text for people: results, and beside them what must
// be seen also where the results are thrown away. Both clean what they get of
// characters that a terminal would obey, and mask secrets.
type Screen struct {
	Out  io.Writer // what changes or has changed, and the summary
	Errs io.Writer // failures and notes
}

// NewQuiet makes a view that shows only failures and the summary.
func NewQuiet(s Screen) View { return &quietView{s} }

// A quietView shows failures and the summary.
type quietView struct{ Screen }

// Observe does nothing: End shows the failures.
func (*quietView) Observe(runner.Event) {}

// End prints the failures and the summary.
func (v *quietView) End(r *runner.Report) error { return v.printEnd(r) }

// printEnd prints the end of a run: every failure with its hint, then the summary
// line.
func (s Screen) printEnd(r *runner.Report) error {
	for _, step := range r.Steps {
		if step.Status == runner.Failed {
			PrintFailure(s.Errs, step)
		}
	}
	_, err := fmt.Fprintln(s.Out, r.Summary())
	return err
}

// PrintFailure prints why a step failed, and what to do about it on a line of its own.
func PrintFailure(to io.Writer, step *runner.StepReport) {
	fmt.Fprintf(to, "%s: %s\n", step.ID, Indent(step.Err.Error()))
	if h := fault.Hint(step.Err); h != "" {
		fmt.Fprintf(to, "hint: %s\n", h)
	}
}

// endStep prints the end of a step, and its notes. A step that was found as recorded
// has no line: the summary counts it. Its notes are printed once.
func (s Screen) endStep(e runner.Event) {
	switch e.Status {
	case runner.Unchanged:
	case runner.Failed, runner.Skipped, runner.Interrupted:
		fmt.Fprintf(s.Errs, "%s: %s\n", e.Step, stepEndText(e))
	default:
		fmt.Fprintf(s.Out, "%s: %s\n", e.Step, stepEndText(e))
	}
	if e.Told {
		return
	}
	for _, note := range e.Notes {
		fmt.Fprintf(s.Errs, "%s: note: %s\n", e.Step, note)
	}
}

// retrying prints why an attempt failed and when the next one follows.
func (s Screen) retrying(e runner.Event) {
	fmt.Fprintf(s.Errs, "%s: attempt %d: %s; trying again in %.0fs\n", e.Step, e.Attempt, Indent(e.Error), e.Wait)
}

// Indent indents the second and later lines of a text.
func Indent(s string) string {
	return strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n  ")
}

// itemDoneText returns the line that reports a finished item.
func itemDoneText(it runner.Item) string {
	word := map[runner.Op]string{
		runner.Create:  "created",
		runner.Update:  "updated",
		runner.Replace: "replaced",
		runner.Remove:  "removed",
	}[it.Op]
	line := fmt.Sprintf("%s %s %s", word, it.What, it.Name)
	if it.Bytes > 0 {
		line += " (" + human.Size(it.Bytes) + ")"
	}
	return line
}

// stepEndText returns the line that reports the end of a step.
func stepEndText(e runner.Event) string {
	took := time.Duration(e.Took * float64(time.Second))
	switch e.Status {
	case runner.Skipped:
		return "skipped: " + e.Message
	case runner.Changed, runner.Failed, runner.Interrupted, runner.Verified:
		return fmt.Sprintf("%s in %.1fs", e.Status, took.Seconds())
	case runner.Adopted:
		return "already as wanted, now recorded"
	}
	return string(e.Status)
}
