package request

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bayplan/bayplan/cmd/internal/loader"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps"
)

// What the history of a run may take, of the 51,200 events and 50 MiB that Temporal allows. A run
// of 5,000 steps has taken 16,000 events: a step takes three, and its share of the workflow's turns.
const (
	maxSteps   = 5000
	maxHistory = 40 << 20

	perStep      = 2 << 10 // its task, its result and their events
	perReference = 96      // a step to whose outputs another one refers: its name and a digest
	maxGiven     = 4 << 20 // outputs that come with tasks, as flow has it
)

// Options are what a command line adds to a plan.
type Options struct {
	Version     string
	File        string // the plan file
	Values      plan.Options
	Centre      string
	Locked      bool
	Waves       []string // patterns of sites, in order
	MaxFailures int      // -1: any number

	Silence, Patience time.Duration
}

// siteName is what a site may be called: it becomes a part of the name of a task queue.
var siteName = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// CheckSite returns an error for a name that no site may have.
func CheckSite(name string) error {
	if !siteName.MatchString(name) {
		return fmt.Errorf("a site is named by letters, digits and . _ -, and %q is not", name)
	}
	return nil
}

// A Built is a run as it begins, or what could be read of its plan.
type Built struct {
	*Run
	Bundle *Bundle
	Packed *Packed
	Read   *loader.Plan
}

// Build reads and checks a plan, and makes its run. Mistakes in the plan are a plan.Errors. It asks
// no server and reads no secret.
func Build(ctx context.Context, o Options) (*Built, error) {
	c := &collector{}
	values := o.Values
	values.Centre, values.Opened = o.Centre, c.opened
	read, errs := loader.Load(ctx, o.File, values)
	if err := errs.Err(); err != nil {
		return &Built{Read: read}, err
	}
	for _, n := range read.Graph.Nodes {
		if err := CheckSite(n.Step.Site); err != nil {
			return &Built{Read: read}, plan.Errors{n.Step.Errorf(n.Step.Pos, "site: %v", err)}
		}
	}
	bundle, err := c.collect(read.Parsed, o, steps.Builtin(read.Conns))
	if err != nil {
		return &Built{Read: read}, err
	}
	r := &Run{
		Plan: read.Parsed.Name, Centre: o.Centre, Steps: stepsOf(read.Graph),
		Waves: len(o.Waves), MaxFailures: o.MaxFailures, Silence: o.Silence, Patience: o.Patience,
	}
	if err := r.setWaves(o.Waves, o.Centre); err != nil {
		return &Built{Read: read}, err
	}
	packed, err := NewPacked(o.Version, r, bundle)
	if err == nil {
		err = r.checkHistory(len(packed.Run) + len(packed.Bundle))
	}
	return &Built{r, bundle, packed, read}, err
}

// checkHistory refuses a run whose history would be too long, or too large. size is what the run
// begins with, in bytes.
func (r *Run) checkHistory(size int) error {
	if len(r.Steps) > maxSteps {
		return fault.WithHint(fmt.Errorf("the plan has %d steps, and a run on Temporal takes at most %d", len(r.Steps), maxSteps), "split the plan")
	}
	references := 0
	for _, s := range r.Steps {
		references += len(s.Asks) + len(s.Refers)
	}
	size += maxGiven + perStep*len(r.Steps) + perReference*references
	if size <= maxHistory {
		return nil
	}
	return fault.WithHint(
		fmt.Errorf("the run would take %s at the server, and Temporal takes %s: %d steps refer %d times to outputs of others", human.Size(int64(size)), human.Size(maxHistory), len(r.Steps), references),
		"split the plan, or let one step take the outputs of many, and the others refer to that one")
}

// stepsOf returns the steps of a graph, with what travels between their sites.
func stepsOf(g *runner.Graph) []Step {
	all := make([]Step, len(g.Nodes))
	place := map[string]int{}
	for i, n := range g.Nodes {
		place[n.ID()] = i
		all[i] = Step{ID: n.ID(), Type: n.Type.Name, Site: n.Step.Site}
	}
	for i, n := range g.Nodes {
		for _, e := range n.Needs {
			all[i].Needs = append(all[i].Needs, e.From)
			from := &all[place[e.From]]
			switch {
			case e.Kind != runner.Reference:
			case from.Site == all[i].Site:
				all[i].Refers = append(all[i].Refers, e.From)
			default:
				all[i].Asks = append(all[i].Asks, e.From)
				from.Gives = append(from.Gives, e.Output)
			}
		}
		all[i].Needs, all[i].Asks, all[i].Refers = distinct(all[i].Needs), distinct(all[i].Asks), distinct(all[i].Refers)
	}
	for i := range all {
		all[i].Gives = distinct(all[i].Gives)
	}
	return all
}

func distinct(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
