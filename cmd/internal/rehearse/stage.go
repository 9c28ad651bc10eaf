package rehearse

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps"
	"github.com/bayplan/bayplan/steps/connections"
)

// A loaded is a plan without mistakes.
type loaded struct {
	graph *runner.Graph
	conns *connections.Set
	asked []runner.Asked

	warnings plan.Errors // what may be a mistake
}

// load reads and checks a plan. Its error for a plan with mistakes is a plan.Errors.
func load(ctx context.Context, file string, o plan.Options) (*loaded, error) {
	p, errs := plan.Load(ctx, file, o)
	if p == nil {
		return nil, errs.Err()
	}
	conns, more := connections.Connect(p)
	errs = append(errs, more...)
	types := steps.Builtin(conns)
	graph, more := runner.Check(p, types, errs...)
	errs = append(errs, more...)
	asked := runner.AskedBy(p, types)
	errs = append(errs, conns.CheckAsked(asked)...)
	if err := errs.Err(); err != nil {
		return nil, err
	}
	warnings := slices.Concat(p.Warnings, graph.Warnings, conns.Unused(p, asked))
	_ = warnings.Err() // sorts them
	return &loaded{graph, conns, asked, warnings}, nil
}

// A part is one plan of a rehearsal.
type part struct {
	file  string
	owner string // the plan's file that the state is of
	in    folder
	state string // the directory of its state, below the root
	graph *runner.Graph
	steps []runner.Touched // as they are in the world
	asked []runner.Asked
	conns *connections.Set // not opened
	lists []*thing         // of images, in the plan's folder
}

// open opens a plan in the world as a command of its own would, and calls do with its
// runner.
func (r *rehearsal) open(ctx context.Context, p *part, apply bool, do func(*runner.Runner) error) (err error) {
	s, err := load(ctx, p.file, r.options(p, r.world.pin))
	if err != nil {
		return fmt.Errorf("open %s in the world of the rehearsal: %w", p.file, err)
	}
	open := runner.ReadStore
	if apply {
		open = runner.OpenStore
	}
	store, err := open(p.state, p.owner)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	s.conns.SetOwner(store.Owner())
	if err := s.conns.OpenIn(r.world); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.conns.Close()) }()
	tags, err := connections.ReadTagLock(filepath.Join(p.state, lockName))
	if err != nil {
		return err
	}
	s.conns.UseTagLock(tags)
	if err := s.conns.LoadCache(store.CacheDir()); err != nil {
		return err
	}
	if apply {
		s.conns.KeepSpool(store.CacheDir())
		defer func() { err = errors.Join(err, s.conns.SaveCache(store.CacheDir()), tags.Save()) }()
	}
	return do(&runner.Runner{Graph: s.graph, Store: store, Rehearsal: r.world})
}

// run runs a plan in one way and gives its report.
func (r *rehearsal) run(ctx context.Context, p *part, mode runner.Mode, only ...string) (*runner.Report, error) {
	var report *runner.Report
	err := r.open(ctx, p, mode == runner.ModeApply, func(run *runner.Runner) error {
		run.Only = only
		walk := map[runner.Mode]func(context.Context) (*runner.Report, error){
			runner.ModeDiff: run.Diff, runner.ModeApply: run.Apply, runner.ModeVerify: run.Verify,
		}[mode]
		var err error
		report, err = walk(ctx)
		return err
	})
	return report, err
}

// options gives the options of a plan that is read into the world. text changes texts
// further.
func (r *rehearsal) options(p *part, text func(string) string) plan.Options {
	o := r.Plan
	o.Adapt = &plan.Adapt{
		Path: func(path string, relative bool) string { return r.root.place(p.in.real(path), relative) },
		Text: func(s string) string { return text(r.root.placeTexts(s)) },
	}
	if p.in.disk != "" {
		o.At = p.in.locate
	}
	return o
}

// lockName is the lock file of a plan in the world, in the directory of its state.
const lockName = "rehearsed.lock.yaml"
