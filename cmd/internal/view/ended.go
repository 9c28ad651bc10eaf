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

// PrintFailure prints why a step failed, and what to do about it on a line of its own.
func PrintFailure(to io.Writer, step *runner.StepReport) {
	printFailure(to, step.ID, fault.Text(step.Err), fault.Hint(step.Err))
}

// PrintError prints an error, and what to do about it on a line of its own. who says
// whose error it is.
func PrintError(to io.Writer, who string, err error) {
	_ = Paint(to, Span{who + ":", Red}, Span{Text: " " + Indent(fault.Text(err)) + "\n"})
	if hint := fault.Hint(err); hint != "" {
		PrintHint(to, hint)
	}
}

func printFailure(to io.Writer, who, text, hint string) {
	_ = Paint(to, Span{who + ":", Red}, Span{Text: " " + Indent(text) + "\n"}) // the summary reports an output that is gone
	if hint != "" {
		PrintHint(to, hint)
	}
}

// PrintHint prints what to do about an error, each line of it as a hint.
func PrintHint(to io.Writer, hint string) {
	for line := range strings.SplitSeq(hint, "\n") {
		_ = Paint(to, Span{"hint:", Yellow}, Span{Text: " " + line + "\n"})
	}
}

// Indent indents the second and later lines of a text, unless they are indented already.
func Indent(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i, line := range lines[1:] {
		if !strings.HasPrefix(line, "  ") {
			lines[i+1] = "  " + line
		}
	}
	return strings.Join(lines, "\n")
}

// repeatAfter is after how many further lines the end of a run repeats the failures:
// whoever reads only the end of a log finds them there.
const repeatAfter = 10

// A reporter prints a line for each step that ends, and the end of the run. Failures
// are printed when they happen.
type reporter struct {
	Screen
	failed bool
	later  int // lines since the first failure
}

// line prints a line of a running step. Names of items stand in it as others wrote them.
func (r *reporter) line(step, text string) {
	r.later++
	_ = Paint(r.Out, Span{Text: step + ": " + human.Line(text) + "\n"})
}

// retrying prints why an attempt failed and when the next one follows.
func (r *reporter) retrying(e runner.Event) {
	r.later++
	_ = Paint(r.Errs, Span{Text: e.Step + ": "}, Span{fmt.Sprintf("attempt %d:", e.Attempt), Yellow},
		Span{Text: fmt.Sprintf(" %s; trying again in %.0fs\n", Indent(e.Error), e.Wait)})
}

// endStep prints the end of a step, what it did, and its notes. A step that was found
// as recorded has no line: the summary counts it. Its notes are printed once.
func (r *reporter) endStep(e runner.Event, did string) {
	switch e.Status {
	case runner.Unchanged:
	case runner.Failed, runner.Skipped, runner.Interrupted:
		r.ended(r.Errs, e, did)
	default:
		r.ended(r.Out, e, did)
	}
	if e.Status == runner.Failed {
		if !r.failed {
			r.failed, r.later = true, 0
		}
		printFailure(r.Errs, e.Step, e.Error, e.Hint)
	}
	if e.Told {
		return
	}
	for _, note := range e.Notes {
		r.later++
		_ = Paint(r.Errs, Span{Text: e.Step + ": "}, Span{"note:", Yellow}, Span{Text: " " + human.Line(note) + "\n"})
	}
}

func (r *reporter) ended(to io.Writer, e runner.Event, did string) {
	r.later++
	word, rest := string(e.Status), ""
	took := time.Duration(e.Took * float64(time.Second))
	switch e.Status {
	case runner.Skipped:
		rest = ": " + human.Line(e.Message)
	case runner.Changed, runner.Failed, runner.Interrupted, runner.Verified:
		rest = fmt.Sprintf(" in %.1fs", took.Seconds())
	case runner.Adopted:
		word = "already as wanted, now recorded"
	}
	if did != "" {
		did = ": " + human.Line(did)
	}
	_ = Paint(to, Span{Text: e.Step + ": "}, Span{word, statusColor(e.Status)}, Span{Text: rest + did + "\n"})
}

func statusColor(s runner.Status) Color {
	switch s {
	case runner.Changed, runner.Verified:
		return Green
	case runner.Adopted:
		return Dim
	case runner.Failed:
		return Red
	case runner.Skipped, runner.Interrupted:
		return Yellow
	}
	return NoColor
}

// end prints the summary, and before it the failures if they are no longer in sight.
func (r *reporter) end(report *runner.Report) error {
	if r.failed && r.later > repeatAfter {
		return r.printEnd(report)
	}
	return r.printSummary(report)
}
