// Package loader reads plans and opens their connections, in one way for all commands and for
// rehearsals. It knows no flags.
package loader

import (
	"context"
	"errors"
	"slices"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps"
	"github.com/bayplan/bayplan/steps/connections"
)

// A Plan is a plan that was read and checked, with its connections. They are not open yet.
type Plan struct {
	Parsed *plan.Plan // nil: the file has no plan
	Graph  *runner.Graph
	Conns  *connections.Set
	Asked  []runner.Asked // the servers that the steps ask

	Warnings plan.Errors // what may be a mistake in the plan
}

// Load reads and checks a plan, and gives all its mistakes. A plan with mistakes cannot be opened.
// Registries that the command asks besides the steps are named by their hosts.
func Load(ctx context.Context, file string, o plan.Options, registries ...string) (*Plan, plan.Errors) {
	p, errs := plan.Load(ctx, file, o)
	if p == nil {
		return &Plan{}, errs
	}
	conns, more := connections.Connect(p)
	errs = append(errs, more...)
	types := steps.Builtin(conns)
	graph, more := runner.Check(p, types, errs...)
	errs = append(errs, more...)
	asked := runner.AskedBy(p, types)
	errs = slices.Concat(errs, conns.CheckAsked(asked), conns.CheckRegistries(registries...))
	l := &Plan{Parsed: p, Graph: graph, Conns: conns, Asked: asked}
	if len(errs) == 0 {
		if len(registries) > 0 {
			asked = append(slices.Clone(asked), runner.Asked{Server: runner.Server{Kind: runner.RegistryServer, Hosts: registries}})
		}
		l.Warnings = slices.Concat(p.Warnings, graph.Warnings, conns.Unused(p, asked))
		l.Warnings.Sort()
	}
	return l, errs
}

// An Opening says how the connections of a plan are opened for a run.
type Opening struct {
	Conns *connections.Set
	Store *runner.Store
	// ReadOnly is for a run that changes nothing: embedded servers refuse changes, and
	// nothing is kept for the next run.
	ReadOnly bool
	// World answers for all servers; nil: they answer themselves.
	World connections.World
	// TagLock reads the lock file and makes the connections use it.
	TagLock func() (*connections.TagLock, error)
	// Drops reports whether an error of the run means that it has not begun, so that nothing
	// of it is kept; nil: none does.
	Drops func(error) bool
}

// Do opens the connections, calls run, keeps what later runs need, and closes the connections and
// the store.
func (o Opening) Do(run func() error) (err error) {
	defer func() { err = errors.Join(err, o.Store.Close()) }()
	defer func() { err = errors.Join(err, o.Conns.Close()) }()
	o.Conns.SetOwner(o.Store.Owner())
	if err := o.open(); err != nil {
		return err
	}
	tags, err := o.TagLock()
	if err != nil {
		return err
	}
	dir := o.Store.CacheDir()
	if err := o.Conns.LoadCache(dir); err != nil {
		return err
	}
	if o.ReadOnly {
		return run()
	}
	o.Conns.KeepSpool(dir)
	err = run()
	if err != nil && o.Drops != nil && o.Drops(err) {
		return err
	}
	return errors.Join(err, o.Conns.SaveCache(dir), tags.Save())
}

func (o Opening) open() error {
	if o.World != nil {
		return o.Conns.OpenIn(o.World)
	}
	return o.Conns.Open(o.ReadOnly)
}
