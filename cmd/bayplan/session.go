package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps"
)

// A session is a plan that was found to be without mistakes, with its
// connections.
type session struct {
	graph *runner.Graph
	out   *steps.Outside
}

// load reads and checks the plan that the flags name. It opens nothing else.
// Its error is a plan.Errors with all mistakes when there are any.
func (p *program) load(c *cli.Context) (*session, error) {
	options, err := p.options(c)
	if err != nil {
		return nil, err
	}
	read, errs := plan.Load(c.String("file"), options)
	if read == nil {
		if !c.IsSet("file") && len(errs) == 1 && errs[0].Pos.Line == 0 { // it cannot be read at all
			errs[0].Hint = "-f FILE names a plan of another name or place"
		}
		return nil, errs.Err()
	}
	out, more := steps.Connect(read)
	errs = append(errs, more...)
	graph, more := runner.Check(read, steps.Builtin(out), errs...)
	errs = append(errs, more...)
	return &session{graph: graph, out: out}, errs.Err()
}

// stateDir gives where the plan's state is.
func (s *session) stateDir(c *cli.Context) string {
	if dir := c.String("state-dir"); dir != "" {
		return filepath.Join(dir, s.graph.Plan.Name)
	}
	return runner.StateDir(s.graph.Plan)
}

// runner makes a runner as the flags ask for. With a nil store nothing is remembered.
func (s *session) runner(c *cli.Context, store *runner.Store) (*runner.Runner, error) {
	if n := c.Int("parallel"); c.IsSet("parallel") && n < 1 {
		return nil, usageError{fmt.Errorf("--parallel %d: at least one step must run", n)}
	}
	return &runner.Runner{
		Graph: s.graph, Store: store, Parallel: c.Int("parallel"),
		Only: c.StringSlice("only"), Skip: c.StringSlice("skip"),
	}, nil
}

// reading opens the session for commands that change nothing, and gives do a
// runner for it.
func (s *session) reading(c *cli.Context, do func(*runner.Runner) error) error {
	store, err := runner.ReadStore(s.stateDir(c), s.graph.Plan.File)
	if err != nil {
		return err
	}
	return s.open(c, store, true, do)
}

// writing opens the session for apply, takes the lock, and keeps the events of
// the run in the state.
func (s *session) writing(c *cli.Context, do func(*runner.Runner) error) error {
	store, err := runner.OpenStore(s.stateDir(c), s.graph.Plan.File)
	if err != nil {
		return err
	}
	return s.open(c, store, false, func(r *runner.Runner) (err error) {
		log, err := store.NewRun(time.Now())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, log.Close()) }()
		r.Observe = log.Observe
		if err := do(r); err != nil {
			return saved{err}
		}
		return nil
	})
}

func (s *session) open(c *cli.Context, store *runner.Store, readOnly bool, do func(*runner.Runner) error) (err error) {
	defer func() { err = errors.Join(err, store.Close()) }()
	r, err := s.runner(c, store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.out.Close()) }()
	if err := s.out.Open(readOnly); err != nil {
		return err
	}
	return do(r)
}
