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

// A view shows a run while it goes on and when it has ended. Its methods are
// called one at a time.
type view interface {
	// Observe takes one event.
	Observe(runner.Event)
	// End shows what came of the run.
	End(*runner.Report) error
}

// view chooses how a run is shown.
func (p *program) view(c *cli.Context, mode runner.Mode) view {
	switch {
	case c.Bool("json") && mode == runner.ModeDiff:
		return &jsonDiff{out: p.out}
	case c.Bool("json"):
		return newJSONView(p.out, &plainView{out: near(p.err, p.dir)})
	case mode == runner.ModeDiff:
		return &diffView{out: near(p.out, p.dir), raw: near(p.out, "")}
	case p.terminal:
		return newTerminalView(p.out, p.dir)
	}
	return &plainView{out: near(p.out, p.dir)}
}

// ending prints what a run ends with: every cause of failure with its hint,
// then one line.
func ending(out io.Writer, r *runner.Report) error {
	for _, s := range r.Steps {
		if s.Status == runner.Failed {
			fmt.Fprintf(out, "%s: %s\n", s.ID, continued(s.Err.Error()))
			if h := fault.Hint(s.Err); h != "" {
				fmt.Fprintf(out, "hint: %s\n", h)
			}
		}
	}
	_, err := fmt.Fprintln(out, r.Summary())
	return err
}

// continued indents the second and later lines of a text. Of several errors
// it leaves the list alone, without its heading and bullets.
func continued(s string) string {
	s = strings.TrimSpace(s)
	if heading, list, many := strings.Cut(s, " occurred:\n\t* "); many && !strings.Contains(heading, "\n") {
		s = strings.ReplaceAll(list, "\n\t* ", "\n")
	}
	return strings.ReplaceAll(s, "\n", "\n  ")
}

// done says in a line that an item is finished.
func done(it runner.Item) string {
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

// ended says in a line what became of a step.
func ended(e runner.Event) string {
	took := time.Duration(e.Took * float64(time.Second))
	switch e.Status {
	case runner.Skipped:
		return "skipped: " + e.Message
	case runner.Changed, runner.Failed, runner.Interrupted, runner.Verified:
		return fmt.Sprintf("%s in %.1fs", e.Status, took.Seconds())
	case runner.Adopted:
		return "as wanted, and recorded"
	}
	return string(e.Status)
}
