package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner/history"
)

// defaultReport is the page that report writes where none is named.
const defaultReport = "report.html"

func (p *program) reportCommand() *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "write a page of a run: errors, graph, times, images, plan",
		ArgsUsage: "[RUN]",
		Description: "RUN is the beginning of a run's name as \"bayplan history\" lists it; without\n" +
			"it, the last run. The page is one HTML file that needs no network.",
		Flags: append(planFlags(), stateFlag(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: defaultReport, Usage: "write the page to `FILE`"},
			commandline.JSONFlag()),
		Action: func(c *cli.Context) error {
			if c.Bool("json") && c.IsSet("output") {
				return commandline.Usage(errors.New("report: --json prints a document, and --output writes a page; choose one"))
			}
			if !c.Bool("json") {
				if err := p.CheckOutputs(c); err != nil {
					return err
				}
			}
			s, err := p.load(c)
			if err != nil {
				return err
			}
			run, err := s.findRun(c, c.Args().First())
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return p.printReport(c.Context, s, run)
			}
			return p.writeReport(c.Context, c, s, run, c.String("output"))
		},
	}
}

// printReport prints the report of a run for programs.
func (p *program) printReport(ctx context.Context, s *session, run *history.Run) error {
	s.graph.Plan.RevealAll(ctx)
	run.Redact(s.graph.Plan.Redactor)
	d, err := document.ReportOf(s.graph.Plan.Name, run)
	if err != nil {
		return err
	}
	return p.PrintDocument(d)
}

// findRun gives the run that a text names, "" for the last one.
func (s *session) findRun(c *cli.Context, name string) (*history.Run, error) {
	store, err := s.readStore(c)
	if err != nil {
		return nil, err
	}
	runs, err := history.List(store)
	if err != nil {
		return nil, withStateHint(err)
	}
	run, err := history.Find(runs, name)
	switch {
	case err != nil:
		return nil, commandline.Usage(fault.WithHint(err, "name one of them in full"))
	case run == nil && name != "":
		return nil, commandline.Usage(fault.WithHint(fmt.Errorf("there is no run %q", name), "bayplan history lists the runs"))
	case run == nil:
		return nil, fault.WithHint(errors.New("no apply of this plan is recorded"), "bayplan apply records what it does")
	case run.State == history.Newer:
		return nil, fault.WithHint(fmt.Errorf("the run %s is recorded in a form that this bayplan does not know", run.ID), "use the bayplan that recorded it or a newer one")
	}
	return run, nil
}

// writeReport writes the page of a run.
func (p *program) writeReport(ctx context.Context, c *cli.Context, s *session, run *history.Run, file string) error {
	// What the run has masked is masked. A secret that was in the plan's text before it
	// was known to be one is known now.
	s.graph.Plan.RevealAll(ctx)
	return p.WritePage(c, run, file)
}

// reportAfter writes the page that --report names after an apply, whatever came of it.
// The error of the apply comes first.
func (p *program) reportAfter(c *cli.Context, s *session, applied error) error {
	file := c.String("report")
	if file == "" || s.run == "" {
		return applied
	}
	run, err := s.findRun(c, s.run)
	if err == nil {
		err = p.writeReport(context.WithoutCancel(c.Context), c, s, run, file)
	}
	if applied != nil && err != nil {
		p.PrintError(err)
		return applied
	}
	return errors.Join(applied, err)
}
