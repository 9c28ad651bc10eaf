package commandline

import (
	"cmp"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/exitcode"
	"github.com/bayplan/bayplan/cmd/internal/metrics"
	"github.com/bayplan/bayplan/runner"
)

// A Measurement is what --metrics wants to know of a run while it goes on. Its methods may be
// called on nil, which measures nothing.
type Measurement struct {
	Plan        string           // its name, as soon as it is known
	LastSuccess func() time.Time // of the plan before, as far as its state knows; nil: it knows none
	report      *runner.Report
	items       int // finished
}

// Observe counts what a run finishes.
func (m *Measurement) Observe(e runner.Event) {
	if m != nil && e.Kind == runner.ItemDone {
		m.items++
	}
}

// Report notes the result of the run.
func (m *Measurement) Report(r *runner.Report) {
	if m != nil {
		m.report = r
	}
}

// Measure calls do and writes the metrics that --metrics asks for, whatever came of it: also if
// the plan is wrong or another run holds the state. Without the flag, do gets nil.
func (p *Program) Measure(c *cli.Context, mode runner.Mode, do func(*Measurement) error) error {
	file := c.String("metrics")
	if file == "" {
		return do(nil)
	}
	m, began := &Measurement{}, time.Now()
	done := do(m)
	err := metrics.Write(file, p.metricsOf(c, m, mode, began, done))
	if done != nil && err != nil {
		p.PrintError(err) // beside the error of the run, which decides the exit code
		return done
	}
	return errors.Join(done, err)
}

// metricsOf gives the metrics of a run that began at a time and ended with an error or nil.
func (p *Program) metricsOf(c *cli.Context, m *Measurement, mode runner.Mode, began time.Time, done error) metrics.Run {
	now, code := time.Now(), CodeIn(c.Context, done)
	former, _ := metrics.Former(c.String("metrics"), mode)
	run := metrics.Run{
		Plan: cmp.Or(m.Plan, former.Plan, baseName(c.String("file"))), Version: p.Version,
		Mode: mode, Ended: now, Took: now.Sub(began), ExitCode: code,
		Success: code == exitcode.Done || code == exitcode.Changes, Report: m.report, Items: m.items,
	}
	switch {
	case run.Success:
		run.LastSuccess = now
	case former.Plan == run.Plan && !former.At.IsZero():
		run.LastSuccess = former.At
	case mode == runner.ModeApply && m.LastSuccess != nil:
		run.LastSuccess = m.LastSuccess()
	}
	return run
}

// baseName names a plan whose name cannot be read.
func baseName(file string) string {
	return strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
}
