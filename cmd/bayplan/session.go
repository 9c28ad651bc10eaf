package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/loader"
	"github.com/bayplan/bayplan/cmd/internal/review"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
	"github.com/bayplan/bayplan/steps/connections"
)

// A session is a plan without mistakes, with its connections.
type session struct {
	graph *runner.Graph
	conns *connections.Set
	tags  *connections.TagLock // nil until loadTagLock
	asked []runner.Asked       // the servers that the steps ask
	run   string               // the run that apply has recorded, "" before

	before func(*runner.Runner) error // of apply: what may refuse it; nil: nothing does

	warnings plan.Errors // what may be a mistake in the plan
}

// load reads and checks the plan that the flags name. It opens nothing else.
// If the plan has mistakes, its error is a plan.Errors with all of them.
func (p *program) load(c *cli.Context) (*session, error) {
	options, err := p.options(c)
	if err != nil {
		return nil, err
	}
	return p.loadFile(c, c.String("file"), options)
}

// loadFile reads and checks a plan as load does.
func (p *program) loadFile(c *cli.Context, file string, options plan.Options) (*session, error) {
	read, errs := loader.Load(c.Context, file, options, p.reports...)
	if read.Parsed == nil {
		if file == commandline.DefaultPlan && !c.IsSet("file") && len(errs) == 1 && errs[0].Pos.Line == 0 && errs[0].Hint == "" { // the file cannot be read at all
			errs[0].Hint = "-f FILE names a plan with another name or in another place; bayplan init writes a first one"
		}
		return nil, errs.Err()
	}
	if p.measured != nil {
		p.measured.Plan = read.Parsed.Name
	}
	if p.reported != nil {
		p.reported.plan = *read
	}
	if err := errs.Err(); err != nil {
		return nil, err
	}
	s := &session{graph: read.Graph, conns: read.Conns, asked: read.Asked, warnings: read.Warnings}
	if !c.IsSet("lock") && !c.IsSet("connections") && c.Command.Name != "lock" { // lock writes the file
		s.warnings = append(s.warnings, unreadTagLocks(s.graph.Plan.File, c.String("file"))...)
	}
	s.warnings.Sort()
	p.Warn(s.warnings)
	if p.measured != nil {
		p.measured.LastSuccess = func() time.Time { return s.lastSuccess(c) }
	}
	if p.reported != nil {
		p.reported.session = s
	}
	if c.Command.Name != "validate" { // which reads several
		p.Found.Load(s.graph)
	}
	return s, nil
}

// stateDir returns the directory of the plan's state.
func (s *session) stateDir(c *cli.Context) string { return stateDir(c, s.graph.Plan) }

func stateDir(c *cli.Context, p *plan.Plan) string {
	if dir := c.String("state-dir"); dir != "" {
		return filepath.Join(dir, p.Name)
	}
	return runner.StateDir(p)
}

// runner makes a runner from the flags. With a nil store it records nothing.
func (s *session) runner(c *cli.Context, store *runner.Store) *runner.Runner {
	return &runner.Runner{
		Graph: s.graph, Store: store, Parallel: c.Int("parallel"),
		Only: c.StringSlice("only"), Skip: c.StringSlice("skip"),
	}
}

// withReadOnlyRunner opens the session for a command that changes nothing, and
// calls do with its runner.
func (s *session) withReadOnlyRunner(c *cli.Context, do func(*runner.Runner) error) error {
	store, err := s.readStore(c)
	if err != nil {
		return err
	}
	return s.open(c, store, true, do)
}

func (s *session) readStore(c *cli.Context) (*runner.Store, error) {
	store, err := runner.ReadStore(s.stateDir(c), s.graph.Plan.File)
	return store, withStateHint(err)
}

// withStateHint adds a hint to errors of a state that may not be written or read.
func withStateHint(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fault.WithHint(err, "run as the owner of the state, or keep one elsewhere with --state-dir DIR")
	}
	return err
}

// withWritingRunner opens the session for apply and calls do with its runner. It
// takes the lock of the state and records the events of the run there.
func (s *session) withWritingRunner(c *cli.Context, do func(*runner.Runner) error) error {
	if _, err := s.runner(c, nil).Selected(); err != nil {
		return err
	}
	store, err := runner.OpenStore(s.stateDir(c), s.graph.Plan.File)
	if err != nil {
		return withStateHint(err)
	}
	return s.open(c, store, false, func(r *runner.Runner) (err error) {
		if s.before != nil {
			if err := s.before(r); err != nil {
				return err
			}
		}
		log, err := history.Begin(store, s.runInfo(c), s.graph.Plan.Redactor)
		if err != nil {
			return err
		}
		s.run = filepath.Base(log.Dir)
		defer func() { err = errors.Join(err, log.Close()) }()
		r.Observe = log.Observe
		if err := do(r); err != nil {
			return commandline.Stopped(err, "the state is saved, and the next apply continues from it")
		}
		return nil
	})
}

func (s *session) open(c *cli.Context, store *runner.Store, readOnly bool, do func(*runner.Runner) error) error {
	run := s.runner(c, store)
	if chosen, err := run.Selected(); err == nil { // the run reports the error
		s.conns.Need(slices.DeleteFunc(slices.Clone(s.asked), func(a runner.Asked) bool { return !chosen[a.Step.ID] }))
	}
	opening := loader.Opening{
		Conns: s.conns, Store: store, ReadOnly: readOnly,
		TagLock: func() (*connections.TagLock, error) {
			err := s.loadTagLock(c)
			return s.tags, err
		},
		Drops: func(err error) bool { return errors.As(err, new(*review.DiffersError)) },
	}
	return opening.Do(func() error { return do(run) })
}
