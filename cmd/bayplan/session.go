package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps"
	"github.com/bayplan/bayplan/steps/connections"
)

// A session is a plan that was found to be without mistakes, with its
// connections.
type session struct {
	graph *runner.Graph
	out   *connections.Set
	tags  *connections.TagLock // nil until it is opened
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
	out, more := connections.Connect(read)
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
func (s *session) runner(c *cli.Context, store *runner.Store) *runner.Runner {
	return &runner.Runner{
		Graph: s.graph, Store: store, Parallel: c.Int("parallel"),
		Only: c.StringSlice("only"), Skip: c.StringSlice("skip"),
	}
}

// reading opens the session for commands that change nothing, and gives do a
// runner for it.
func (s *session) reading(c *cli.Context, do func(*runner.Runner) error) error {
	store, err := s.readStore(c)
	if err != nil {
		return err
	}
	return s.open(c, store, true, do)
}

func (s *session) readStore(c *cli.Context) (*runner.Store, error) {
	store, err := runner.ReadStore(s.stateDir(c), s.graph.Plan.File)
	return store, stateElsewhere(err)
}

// stateElsewhere says what helps where the state cannot be kept.
func stateElsewhere(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fault.WithHint(err, "run as the owner of the state, or keep one elsewhere with --state-dir DIR")
	}
	return err
}

// writing opens the session for apply, takes the lock, and keeps the events of
// the run in the state.
func (s *session) writing(c *cli.Context, do func(*runner.Runner) error) error {
	if err := s.runner(c, nil).CheckSelection(); err != nil {
		return err
	}
	store, err := runner.OpenStore(s.stateDir(c), s.graph.Plan.File)
	if err != nil {
		return stateElsewhere(err)
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
	defer func() { err = errors.Join(err, s.out.Close()) }()
	if err := s.out.Open(readOnly); err != nil {
		return err
	}
	if err := s.lock(c); err != nil {
		return err
	}
	if err := s.out.LoadCache(store.CacheDir()); err != nil {
		return err
	}
	if !readOnly {
		defer func() { err = errors.Join(err, s.out.SaveCache(store.CacheDir()), s.tags.Save()) }()
	}
	return do(s.runner(c, store))
}
