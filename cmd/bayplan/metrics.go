package main

import (
	"cmp"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/exitcode"
	"github.com/bayplan/bayplan/cmd/internal/metrics"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
)

// A measurement is what --metrics wants to know of a run while it goes on.
type measurement struct {
	plan    string   // its name, as soon as it is known
	session *session // nil as long as the plan may be wrong
	report  *runner.Report
	items   int // finished
}

// observe counts what a run finishes.
func (m *measurement) observe(e runner.Event) {
	if e.Kind == runner.ItemDone {
		m.items++
	}
}

// observed makes an action also write what other programs read of a run: metrics, the report
// of a site, and what CI systems read.
func (p *program) observed(mode runner.Mode, do cli.ActionFunc) cli.ActionFunc {
	return p.forCI(p.withMetrics(mode, p.withSiteReport(mode, do)))
}

// withMetrics makes an action that does what do does and writes the metrics that --metrics
// asks for, whatever came of it: also if the plan is wrong or another run holds the state.
func (p *program) withMetrics(mode runner.Mode, do cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		file := c.String("metrics")
		if file == "" {
			return do(c)
		}
		p.measured = &measurement{}
		began := time.Now()
		done := do(c)
		err := metrics.Write(file, p.metricsOf(c, mode, began, done))
		if done != nil && err != nil {
			p.PrintError(err) // beside the error of the run, which decides the exit code
			return done
		}
		return errors.Join(done, err)
	}
}

// metricsOf gives the metrics of a run that began at a time and ended with an error or nil.
func (p *program) metricsOf(c *cli.Context, mode runner.Mode, began time.Time, done error) metrics.Run {
	m, now := p.measured, time.Now()
	code := commandline.CodeIn(c.Context, done)
	former, _ := metrics.Former(c.String("metrics"), mode)
	run := metrics.Run{
		Plan: cmp.Or(m.plan, former.Plan, baseName(c.String("file"))), Version: version(),
		Mode: mode, Ended: now, Took: now.Sub(began), ExitCode: code,
		Success: code == exitcode.Done || code == exitcode.Changes, Report: m.report, Items: m.items,
	}
	switch {
	case run.Success:
		run.LastSuccess = now
	case former.Plan == run.Plan && !former.At.IsZero():
		run.LastSuccess = former.At
	case mode == runner.ModeApply && m.session != nil:
		run.LastSuccess = m.session.lastSuccess(c)
	}
	return run
}

// lastSuccess returns when the last apply that succeeded ended, as far as the state knows.
func (s *session) lastSuccess(c *cli.Context) time.Time {
	store, err := runner.ReadStore(s.stateDir(c), s.graph.Plan.File)
	if err != nil {
		return time.Time{} // the run has told it
	}
	defer store.Close()
	runs, err := history.List(store)
	if err != nil {
		return time.Time{}
	}
	for _, r := range runs {
		if r.Mode == runner.ModeApply && r.State == history.Done {
			return r.Ended
		}
	}
	return time.Time{}
}

// baseName names a plan whose name cannot be read.
func baseName(file string) string {
	return strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
}
