package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/follow"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/request"
	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/exitcode"
	"github.com/bayplan/bayplan/cmd/internal/loader"
	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lockfile"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
)

// A showing shows a run, and writes what flags want of it.
type showing struct {
	*program
	measured *commandline.Measurement // nil: nothing
	graph    *runner.Graph
	steps    []request.Step
}

// show shows a run until it has ended.
func (s *showing) show(c *cli.Context, f *follow.Follower) error {
	kept, err := s.keep(c.String("report"))
	if err != nil {
		return err
	}
	defer kept.close()
	v := s.View(c, s.waits)
	f.Observe = runner.FanOut(kept.observe(), s.measured.Observe, v.Observe)
	report, err := f.Follow(c.Context)
	if report == nil || c.Context.Err() != nil {
		view.Leave(v)
	}
	switch {
	case report == nil:
		return err
	case c.Context.Err() != nil:
		const goesOn = `the run goes on as long as there is a worker with --runs; "run" shows it again, and "cancel" ends it`
		return commandline.Stopped(errors.New(goesOn), goesOn)
	}
	s.measured.Report(report)
	s.Found.Report(report)
	err = errors.Join(ended(report, err), v.End(report))
	if kept != nil {
		err = errors.Join(err, kept.write(c, s.program))
	}
	return err
}

// waits returns the steps with the steps that each waits for.
func (s *showing) waits() []view.Step {
	all := make([]view.Step, len(s.steps))
	for i, step := range s.steps {
		all[i] = view.Step{ID: step.ID, Needs: step.Needs}
	}
	return all
}

// A cancelledError is that of a run that cancel has ended.
type cancelledError struct{ error }

// Code returns the exit code.
func (cancelledError) Code() int { return exitcode.Cancelled }

// Unwrap returns the error.
func (e cancelledError) Unwrap() error { return e.error }

// ended returns the error of a run that has ended. failure is that of its workflow.
func ended(report *runner.Report, failure error) error {
	if errors.Is(failure, follow.ErrCancelled) {
		return cancelledError{fault.WithHint(failure, "run the plan again to go on")}
	}
	if failure != nil {
		return failure
	}
	if err := report.Err(); err != nil {
		return commandline.ShownByView(err)
	}
	if n := report.Count(runner.Skipped, runner.Interrupted); n > 0 {
		return fault.WithHint(fmt.Errorf("%d steps were not done", n), "run the plan again when what stopped it is over")
	}
	return nil
}

// A record keeps the events of a run for its page, in a state of its own that is thrown away.
type record struct {
	file  string // of the page
	dir   string
	store *runner.Store
	log   *history.Log
}

// keep begins the record of a run if a file of its page is named; else it returns nil.
func (s *showing) keep(file string) (*record, error) {
	if file == "" {
		return nil, nil
	}
	dir, err := os.MkdirTemp("", "bayplan-temporal-")
	if err != nil {
		return nil, fmt.Errorf("keep the events of the run for its page: %w", err)
	}
	r := &record{file: file, dir: dir}
	of := s.graph.Plan
	if r.store, err = runner.OpenStore(filepath.Join(dir, of.Name), of.File); err == nil {
		r.log, err = history.Begin(r.store, loader.RunInfo(s.graph, s.Version, lockfile.Of(of.File)), s.Secrets)
	}
	if err != nil {
		r.close()
		return nil, fmt.Errorf("keep the events of the run for its page: %w", err)
	}
	return r, nil
}

// observe returns what takes the events, nil for no record.
func (r *record) observe() func(runner.Event) {
	if r == nil {
		return nil
	}
	return r.log.Observe
}

// write writes the page.
func (r *record) write(c *cli.Context, p *program) error {
	if err := r.log.Close(); err != nil {
		return err
	}
	runs, err := history.List(r.store)
	if err != nil || len(runs) == 0 {
		return errors.Join(err, errors.New("write the page of the run: its events are not there"))
	}
	return p.WritePage(c, runs[0], r.file)
}

// close throws the record away. It may be called on nil.
func (r *record) close() {
	if r == nil {
		return
	}
	if r.store != nil {
		_ = r.store.Close()
	}
	_ = os.RemoveAll(r.dir) // it is in the directory for temporary files
}
