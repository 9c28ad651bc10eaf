package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/runner"
)

// A walk is one way to go over the steps of a plan.
type walk func(*runner.Runner, context.Context) (*runner.Report, error)

// show runs a walk and shows it while it goes on.
func (p *program) show(c *cli.Context, mode runner.Mode, r *runner.Runner, w walk) (*runner.Report, error) {
	v := p.view(c, mode)
	r.Observe = runner.FanOut(r.Observe, v.Observe)
	report, err := w(r, c.Context)
	if report == nil {
		return nil, err
	}
	if err := errors.Join(err, v.End(report)); err != nil {
		return report, err
	}
	if err := report.Err(); err != nil {
		return report, reported{err}
	}
	return report, nil
}

func (p *program) diffCommand() *cli.Command {
	return &cli.Command{
		Name:        "diff",
		Usage:       "show what apply would change; writes nothing",
		Description: "Goes all the way through, also on an empty machine: what a step would leave\nbehind is there for the steps after it. Needs no lock and writes nothing\nanywhere.",
		Flags:       append(runFlags(), &cli.BoolFlag{Name: "exit-code", Usage: "exit with 3 when there is something to change"}),
		Action: func(c *cli.Context) error {
			s, err := p.load(c)
			if err != nil {
				return err
			}
			if err := s.lock(c); err != nil {
				return err
			}
			s.tags.Watchful = true
			return s.reading(c, func(r *runner.Runner) error {
				report, err := p.show(c, runner.ModeDiff, r, (*runner.Runner).Diff)
				if err == nil && c.Bool("exit-code") && report.Count(runner.ToCreate, runner.ToChange, runner.Waiting) > 0 {
					return errChanges
				}
				return err
			})
		},
	}
}

func (p *program) applyCommand() *cli.Command {
	return &cli.Command{
		Name:        "apply",
		Usage:       "bring everything to where the plan says it must be",
		Description: "Asks nothing, resumes by itself, and goes on with independent steps after a\nfailure. The first Ctrl-C stops cleanly, the second at once.",
		Flags:       runFlags(),
		Action: func(c *cli.Context) error {
			s, err := p.load(c)
			if err != nil {
				return err
			}
			return s.writing(c, func(r *runner.Runner) error {
				_, err := p.show(c, runner.ModeApply, r, (*runner.Runner).Apply)
				return err
			})
		},
	}
}

func (p *program) verifyCommand() *cli.Command {
	return &cli.Command{
		Name:        "verify",
		Usage:       "look hard at everything that the plan names; changes nothing",
		Description: "Hashes every file anew and asks for every blob of every image. A step that is\nnot as wanted is one that the next apply looks at without its record.",
		Flags:       runFlags(),
		Action: func(c *cli.Context) error {
			s, err := p.load(c)
			if err != nil {
				return err
			}
			return s.reading(c, func(r *runner.Runner) error {
				report, err := p.show(c, runner.ModeVerify, r, (*runner.Runner).Verify)
				if !errors.As(err, new(reported)) {
					return err
				}
				if err := runner.ForgetFailed(s.stateDir(c), s.graph.Plan.File, report); err != nil {
					return fmt.Errorf("noting in the state what verify found: %w", stateElsewhere(err))
				}
				return err
			})
		},
	}
}
