package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/review"
	"github.com/bayplan/bayplan/runner"
)

// A walk is a method of the runner that goes over the steps of a plan.
type walk func(*runner.Runner, context.Context) (*runner.Report, error)

// runWithView runs a walk and shows its progress and its result.
func (p *program) runWithView(c *cli.Context, mode runner.Mode, r *runner.Runner, w walk) (*runner.Report, error) {
	v := p.view(c, mode, r)
	r.Observe = runner.FanOut(r.Observe, v.Observe)
	if p.measured != nil {
		r.Observe = runner.FanOut(r.Observe, p.measured.Observe)
	}
	if p.reported != nil {
		r.Observe = runner.FanOut(r.Observe, func(e runner.Event) { p.reported.progress.Add(e) })
		defer p.sendWaiting(c)()
	}
	report, err := w(r, c.Context)
	if report == nil {
		return nil, err
	}
	p.measured.Report(report)
	p.Found.Load(r.Graph)
	p.Found.Report(report)
	if err := errors.Join(err, v.End(report)); err != nil {
		return report, err
	}
	if err := report.Err(); err != nil {
		return report, commandline.ShownByView(err)
	}
	return report, nil
}

// observed makes an action also write what other programs read of a run: metrics, the report
// of a site, and what CI systems read.
func (p *program) observed(mode runner.Mode, do cli.ActionFunc) cli.ActionFunc {
	return p.forCI(func(c *cli.Context) error {
		return p.Measure(c, mode, func(m *commandline.Measurement) error {
			p.measured = m
			return p.withSiteReport(mode, do)(c)
		})
	})
}

func (p *program) diffCommand() *cli.Command {
	return &cli.Command{
		Name:        "diff",
		Usage:       "show what apply would change; writes nothing",
		Description: "Covers all steps, also on an empty machine: later steps see what earlier ones\nwould make. Needs no lock and writes nothing.",
		Flags: append(ciRunFlags(),
			&cli.BoolFlag{Name: "exit-code", Usage: "exit with 3 if there are changes"},
			&cli.BoolFlag{Name: "moved", Usage: "exit with 3 if what is locked has moved on"},
			commandline.MetricsFlag(), baseFlag(),
			&cli.StringFlag{Name: "out", Usage: "also save the diff to `FILE`, for show and apply --saved"},
			markdownFlags()[0], markdownFlags()[1]),
		Action: p.observed(runner.ModeDiff, func(c *cli.Context) error {
			if err := checkForm(c); err != nil {
				return err
			}
			if c.IsSet("base") {
				return p.diffBase(c)
			}
			s, err := p.load(c)
			if err != nil {
				return err
			}
			if err := s.loadTagLock(c); err != nil {
				return err
			}
			if s.tags.ReportMoved = true; c.Bool("moved") && c.Bool("locked") {
				return commandline.Usage(errors.New("--moved asks what tags stand for now, and --locked asks nothing"))
			}
			return s.withReadOnlyRunner(c, func(r *runner.Runner) error {
				var basis *document.Basis
				if c.String("out") != "" {
					basis = s.basis(c, review.NewSalt())
				}
				report, err := p.runWithView(c, runner.ModeDiff, r, (*runner.Runner).Diff)
				if report != nil && basis != nil {
					if err := p.saveDiff(c, s, basis, report); err != nil {
						return err
					}
				}
				changes := err == nil && report.Count(runner.ToCreate, runner.ToChange, runner.Waiting) > 0
				moved := err == nil && len(report.Moved()) > 0
				if changes && c.Bool("exit-code") || moved && c.Bool("moved") {
					return commandline.ErrChanges
				}
				return err
			})
		}),
	}
}

func (p *program) applyCommand() *cli.Command {
	return &cli.Command{
		Name:        "apply",
		Usage:       "bring everything to where the plan says it must be",
		Description: "Asks no questions and resumes by itself. After a failure it continues with\nindependent steps. The first Ctrl-C stops cleanly, the second one at once.",
		Flags: append(ciRunFlags(),
			&cli.StringFlag{Name: "saved", Usage: "do only what the saved diff in `FILE` says"},
			commandline.PageFlag(), reportToFlag(), commandline.MetricsFlag()),
		Action: p.observed(runner.ModeApply, func(c *cli.Context) error {
			s, err := p.load(c)
			if err != nil {
				return err
			}
			if c.String("saved") != "" {
				saved, err := p.loadSaved(c, s)
				if err != nil {
					return err
				}
				s.before = func(r *runner.Runner) error { return p.checkSaved(c, s, r, *saved) }
			}
			err = s.withWritingRunner(c, func(r *runner.Runner) error {
				_, err := p.runWithView(c, runner.ModeApply, r, (*runner.Runner).Apply)
				return err
			})
			return p.reportAfter(c, s, err)
		}),
	}
}

func (p *program) verifyCommand() *cli.Command {
	return &cli.Command{
		Name:  "verify",
		Usage: "look again at everything that the plan names; writes nothing",
		Description: "Hashes every file again, reads every layout, and asks registries whether each\n" +
			"blob of each image is there; their bytes are not read. If a step is not as\n" +
			"wanted, the next apply ignores the record of that step.",
		Flags: append(ciRunFlags(), reportToFlag(), commandline.MetricsFlag()),
		Action: p.observed(runner.ModeVerify, func(c *cli.Context) error {
			s, err := p.load(c)
			if err != nil {
				return err
			}
			return s.withReadOnlyRunner(c, func(r *runner.Runner) error {
				report, err := p.runWithView(c, runner.ModeVerify, r, (*runner.Runner).Verify)
				if !commandline.IsReported(err) {
					return err
				}
				if err := runner.ForgetFailed(s.stateDir(c), s.graph.Plan.File, report); err != nil {
					return fmt.Errorf("record the verify result in the state: %w", withStateHint(err))
				}
				return err
			})
		}),
	}
}
