package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner"
)

func (p *program) whyCommand() *cli.Command {
	return &cli.Command{
		Name:        "why",
		Usage:       "tell why a step would run, or why not",
		ArgsUsage:   "STEP",
		Description: "Looks at the step and all before it as diff does, and holds what decides its\nresult against what was recorded when it last succeeded.",
		Flags:       append(planFlags(), stateFlag(), lockFlag(), jsonFlag()),
		Action: func(c *cli.Context) error {
			id := c.Args().First()
			if id == "" {
				return usageError{errors.New("why: the id of a step is missing")}
			}
			s, err := p.load(c)
			if err != nil {
				return err
			}
			return s.reading(c, func(r *runner.Runner) error {
				w, err := r.Why(c.Context, id)
				if err != nil {
					return err
				}
				tell := p.explainWhy
				if c.Bool("json") {
					tell = func(w *runner.Why) error { return json.NewEncoder(p.out).Encode(w) }
				}
				if err := tell(w); err != nil || w.Step.Err == nil {
					return err
				}
				return reported{w.Step.Err}
			})
		},
	}
}

func (p *program) explainWhy(w *runner.Why) error {
	s, b := w.Step, &strings.Builder{}
	fmt.Fprintf(b, "%s (%s): %s\n", s.ID, s.Type, headline(s))
	if len(w.Upstream) > 0 {
		fmt.Fprintf(b, "  before it would change: %s\n", strings.Join(w.Upstream, ", "))
	}
	switch {
	case w.First: // every input is new then
		fmt.Fprintf(b, "  %s\n", noRecord(w.Last))
	case len(w.Inputs) == 0 && s.Err == nil:
		fmt.Fprintln(b, "  its inputs are as recorded")
	default:
		for _, in := range w.Inputs {
			fmt.Fprintf(b, "  input %s: %s -> %s\n", in.Name, short(in.Old), short(in.New))
		}
	}
	if c := s.Finding.Change; c != nil {
		for _, it := range c.Items {
			fmt.Fprintf(b, "  %s\n", itemLine(it))
		}
	}
	if s.Err != nil {
		fmt.Fprintf(b, "  %s\n", continued(s.Err.Error()))
		if h := fault.Hint(s.Err); h != "" {
			fmt.Fprintf(b, "hint: %s\n", h)
		}
	}
	_, err := io.WriteString(near(p.out, p.dir), b.String())
	return err
}

// noRecord tells what is known of a step without a record. A success may be
// known no more: a verify that refuted it took its record away.
func noRecord(last *runner.Last) string {
	if last == nil {
		return "there is no record of it: it has not succeeded here yet"
	}
	const none = "there is no record of a success that still holds"
	switch last.Kind {
	case "done":
		return none + ": the step was of another type"
	case "failed":
		return none + ": its last run failed"
	case "refuted":
		return none + ": the last verify found it not as wanted"
	case "started":
		return none + ": its last run has not come to an end"
	}
	return none
}

// short gives as much of a digest as people compare, and other values whole.
func short(value string) string {
	const enough = 19 // sha256: and 12 digits
	switch {
	case value == "":
		return "(none)"
	case strings.HasPrefix(value, "sha256:") && len(value) > enough:
		return value[:enough] + "…"
	}
	return value
}
