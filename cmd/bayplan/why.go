package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

func (p *program) whyCommand() *cli.Command {
	return &cli.Command{
		Name:        "why",
		Usage:       "explain why a step would run, or why not",
		ArgsUsage:   "STEP",
		Description: "Examines the step and all steps before it as diff does, and compares its\ninputs with those of its last success.",
		Flags:       append(planFlags(), stateFlag(), lockFlag(), commandline.JSONFlag()),
		Action: func(c *cli.Context) error {
			id := c.Args().First()
			if id == "" {
				return p.CommandError(errors.New("why: the id of a step is missing"))
			}
			s, err := p.load(c)
			if err != nil {
				return err
			}
			return s.withReadOnlyRunner(c, func(r *runner.Runner) error {
				w, err := r.Why(c.Context, id)
				if err != nil {
					return err
				}
				printAnswer := p.printWhy
				if c.Bool("json") {
					printAnswer = func(w *runner.Why) error { return p.PrintDocument(document.WhyOf(s.graph.Plan.Name, w)) }
				}
				if err := printAnswer(w); err != nil || w.Step.Err == nil {
					return err
				}
				return commandline.ShownByView(w.Step.Err)
			})
		},
	}
}

func (p *program) printWhy(w *runner.Why) error {
	s, b := w.Step, &strings.Builder{}
	fmt.Fprintf(b, "%s (%s): %s\n", s.ID, s.Type, document.StepOf(s).Headline())
	if len(w.Upstream) > 0 {
		fmt.Fprintf(b, "  before it would change: %s\n", strings.Join(w.Upstream, ", "))
	}
	switch {
	case w.First: // then every input is new
		fmt.Fprintf(b, "  %s\n", noRecord(w.Last))
	case len(w.Inputs) == 0 && s.Err == nil:
		fmt.Fprintln(b, "  its inputs are as recorded")
	default:
		for _, in := range w.Inputs {
			fmt.Fprintf(b, "  input %s: %s -> %s\n", human.Line(in.Name), human.Line(human.ShortDigest(in.Old)), human.Line(human.ShortDigest(in.New)))
		}
	}
	if c := s.Finding.Change; c != nil {
		for _, it := range c.Items {
			fmt.Fprintf(b, "  %s\n", view.ItemLine(it))
		}
	}
	_, err := io.WriteString(view.NewRelativePaths(p.Stdout, p.Dir), b.String())
	if s.Err != nil {
		view.PrintFailure(view.NewRelativePaths(p.Stderr, p.Dir), s)
	}
	return err
}

// noRecord explains why a step has no record. It may have succeeded before: a
// verify that finds a difference deletes the record.
func noRecord(last *runner.Last) string {
	if last == nil {
		return "there is no record of it: it has not succeeded here yet"
	}
	const none = "there is no record of a success that still holds"
	switch last.Kind {
	case runner.EntryDone:
		return none + ": the step was of another type"
	case runner.EntryFailed:
		return none + ": its last run failed"
	case runner.EntryRefuted:
		return none + ": the last verify found a difference"
	case runner.EntryStarted:
		return none + ": its last run did not finish"
	}
	return none
}
