package rehearse

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/loader"
	"github.com/bayplan/bayplan/cmd/internal/rehearse/places"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/connections"
)

// A part is one plan of a rehearsal.
type part struct {
	file  string
	owner string // the plan's file that the state is of
	in    places.Folder
	state string // the directory of its state, below the root
	graph *runner.Graph
	steps []runner.Touched // as they are in the world
	off   []runner.Touched // steps that are off
	asked []runner.Asked
	conns *connections.Set // not opened
	lists []*thing         // of images, in the plan's folder

	clouds []connections.File    // behind its clouds, as the plan means them
	locked []document.PlanChange // what is another than in the base's lock file
}

// cloudsOf gives the clouds of the world that a step fills.
func (p *part) cloudsOf(n *runner.Node) []string {
	var clouds []string
	for _, s := range p.steps {
		for _, fill := range s.Fills {
			if s.Node == n && fill.Where.Kind == runner.CloudServer {
				clouds = append(clouds, p.conns.CloudIn(fill.Where.Name))
			}
		}
	}
	return clouds
}

// open opens a plan in the world as a command of its own would, and calls do with its
// runner.
func (r *rehearsal) open(ctx context.Context, p *part, apply bool, do func(*runner.Runner) error) error {
	r.world.plans.ListsChanged()
	s, errs := loader.Load(ctx, p.file, r.options(p, r.world.Meaning))
	if err := errs.Err(); err != nil {
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
	opening := loader.Opening{
		Conns: s.Conns, Store: store, ReadOnly: !apply, World: r.world,
		TagLock: func() (*connections.TagLock, error) {
			tags, err := connections.ReadTagLock(filepath.Join(p.state, lockName))
			if err == nil {
				s.Conns.UseTagLock(tags)
			}
			return tags, err
		},
	}
	return opening.Do(func() error { return do(&runner.Runner{Graph: s.Graph, Store: store, Rehearsal: r.world}) })
}

// run runs a plan in one way and gives its report.
func (r *rehearsal) run(ctx context.Context, p *part, mode runner.Mode, only ...string) (*runner.Report, error) {
	var report *runner.Report
	err := r.open(ctx, p, mode == runner.ModeApply, func(run *runner.Runner) error {
		run.Only = only
		run.Observe = r.observer()
		walk := map[runner.Mode]func(context.Context) (*runner.Report, error){
			runner.ModeDiff: run.Diff, runner.ModeApply: run.Apply, runner.ModeVerify: run.Verify,
		}[mode]
		var err error
		report, err = walk(ctx)
		return err
	})
	return report, err
}

// options gives the options of a plan that is read into the world. text changes texts.
func (r *rehearsal) options(p *part, text func(string) string) plan.Options {
	o := r.Plan
	o.Adapt = &plan.Adapt{
		Path: func(path string, relative bool) string { return r.root.Place(p.in.Real(path), relative) },
		Text: text,
	}
	if p.in.Disk != "" {
		o.At = p.in.Locate
	}
	return o
}

// lockName is the lock file of a plan in the world, in the directory of its state.
const lockName = "rehearsed.lock.yaml"
