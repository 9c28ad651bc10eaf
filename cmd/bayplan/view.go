package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// A view shows a run while it is in progress and after it has ended. Its methods
// are called one at a time.
type view interface {
	// Observe shows one event.
	Observe(runner.Event)
	// End shows the result of the run.
	End(*runner.Report) error
}

// A screen is where a view writes: results, and beside them what must be seen also
// where the results are thrown away.
type screen struct {
	out  io.Writer // what changes or has changed, and the summary
	errs io.Writer // failures and notes
}

// view chooses the view of a run.
func (p *program) view(c *cli.Context, mode runner.Mode) view {
	results, messages := newRelativePathWriter(p.stdout, p.dir), newRelativePathWriter(p.stderr, p.dir)
	s := screen{out: results, errs: messages}
	switch {
	case c.Bool("json") && mode == runner.ModeDiff:
		return &jsonDiff{p}
	case c.Bool("json") && c.Bool("quiet"):
		return newJSONView(p.stdout.machine(), &quietView{screen{messages, messages}})
	case c.Bool("json"):
		return newJSONView(p.stdout.machine(), &plainView{screen: screen{messages, messages}})
	case c.Bool("quiet"):
		return &quietView{s}
	case mode == runner.ModeDiff:
		return &diffView{screen: s, raw: p.stdout}
	case p.terminal:
		return newTerminalView(p, s)
	}
	return &plainView{screen: s}
}

// A quietView shows failures and the summary.
type quietView struct{ screen }

// Observe does nothing: End shows the failures.
func (*quietView) Observe(runner.Event) {}

// End prints the failures and the summary.
func (v *quietView) End(r *runner.Report) error { return v.printEnd(r) }

// printEnd prints the end of a run: every failure with its hint, then the summary
// line.
func (s screen) printEnd(r *runner.Report) error {
	for _, step := range r.Steps {
		if step.Status == runner.Failed {
			printFailure(s.errs, step)
		}
	}
	_, err := fmt.Fprintln(s.out, r.Summary())
	return err
}

// printFailure prints why a step failed, with its hint.
func printFailure(to io.Writer, step *runner.StepReport) {
	fmt.Fprintf(to, "%s: %s\n", step.ID, indentContinuation(step.Err.Error()))
	if h := fault.Hint(step.Err); h != "" {
		fmt.Fprintf(to, "hint: %s\n", h)
	}
}

// endStep prints the end of a step, and its notes. A step that was found as recorded
// has no line: the summary counts it. Its notes are printed once.
func (s screen) endStep(e runner.Event) {
	switch e.Status {
	case runner.Unchanged:
	case runner.Failed, runner.Skipped, runner.Interrupted:
		fmt.Fprintf(s.errs, "%s: %s\n", e.Step, stepEndText(e))
	default:
		fmt.Fprintf(s.out, "%s: %s\n", e.Step, stepEndText(e))
	}
	if e.Told {
		return
	}
	for _, note := range e.Notes {
		fmt.Fprintf(s.errs, "%s: note: %s\n", e.Step, note)
	}
}

// retrying prints why an attempt failed and when the next one follows.
func (s screen) retrying(e runner.Event) {
	fmt.Fprintf(s.errs, "%s: attempt %d: %s; trying again in %.0fs\n", e.Step, e.Attempt, indentContinuation(e.Error), e.Wait)
}

// indentContinuation indents the second and later lines of a text.
func indentContinuation(s string) string {
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
