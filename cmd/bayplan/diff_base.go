package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/rehearse"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// baseFlag returns the flag that compares a plan with another one.
func baseFlag() cli.Flag {
	return &cli.StringFlag{Name: "base", Usage: "show what changes since the plan `FILE` or git:REV"}
}

// diffBase shows what the change from a base to the plan changes.
func (p *program) diffBase(c *cli.Context) error {
	for _, other := range []string{"moved", "out", "locked", "lock", "state-dir"} {
		if c.IsSet(other) {
			return commandline.Usage(fmt.Errorf("--base compares plans in a world of their own, where --%s means nothing", other))
		}
	}
	options, err := p.options(c)
	if err != nil {
		return err
	}
	return rehearse.Compare(c.Context, rehearse.Comparison{
		Base: c.String("base"), File: c.String("file"),
		Options: rehearse.Options{Plan: options, Warn: p.Warn, Found: p.Found.Found, Say: func(line string) { fmt.Fprintln(p.Stderr, line) }},
		Diff: func(r *runner.Runner, root string, finish func(*runner.Report) *document.Base) error {
			p.Stdout.Shorten(root, p.Dir)
			p.Stderr.Shorten(root, p.Dir)
			r.Parallel, r.Only, r.Skip = c.Int("parallel"), c.StringSlice("only"), c.StringSlice("skip")
			report, err := p.runWithView(c, runner.ModeDiff, r, func(r *runner.Runner, ctx context.Context) (*runner.Report, error) {
				report, err := r.Diff(ctx)
				if report != nil {
					p.compared = finish(report)
				}
				return report, err
			})
			if err == nil && c.Bool("exit-code") && (len(p.compared.Changes) > 0 || report.Count(runner.ToCreate, runner.ToChange, runner.Waiting) > 0) {
				return commandline.ErrChanges
			}
			return err
		},
	})
}

// diffsOf gives the diff of a report of a plan, with what it is compared with.
func (p *program) diffsOf(of *plan.Plan) func(*runner.Report) document.Diff {
	return func(r *runner.Report) document.Diff {
		d := document.DiffOf(of.Name, r)
		d.Base = p.compared
		return d
	}
}
