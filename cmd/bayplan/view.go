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

// view chooses the view of a run.
func (p *program) view(c *cli.Context, mode runner.Mode) view {
	switch {
	case c.Bool("json") && mode == runner.ModeDiff:
		return &jsonDiff{p}
	case c.Bool("json"):
		return newJSONView(p.stdout.machine(), &plainView{out: newRelativePathWriter(p.stderr, p.dir)})
	case mode == runner.ModeDiff:
		return &diffView{out: newRelativePathWriter(p.stdout, p.dir), raw: p.stdout}
	case p.terminal:
		return newTerminalView(p.stdout, p.dir)
	}
	return &plainView{out: newRelativePathWriter(p.stdout, p.dir)}
}

// printEnd prints the end of a run: every failure with its hint, then the
// summary line.
func printEnd(out io.Writer, r *runner.Report) error {
	for _, s := range r.Steps {
		if s.Status == runner.Failed {
			fmt.Fprintf(out, "%s: %s\n", s.ID, indentContinuation(s.Err.Error()))
			if h := fault.Hint(s.Err); h != "" {
				fmt.Fprintf(out, "hint: %s\n", h)
			}
		}
	}
	_, err := fmt.Fprintln(out, r.Summary())
	return err
}

// indentContinuation indents the second and later lines of a text. From a
// multierror it removes the heading and the bullets.
func indentContinuation(s string) string {
	s = strings.TrimSpace(s)
	if heading, list, ok := strings.Cut(s, " occurred:\n\t* "); ok && !strings.Contains(heading, "\n") {
		s = strings.ReplaceAll(list, "\n\t* ", "\n")
	}
	return strings.ReplaceAll(s, "\n", "\n  ")
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
