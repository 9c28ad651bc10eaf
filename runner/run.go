package runner

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

// A Runner runs the steps of a graph. Set its fields before its first run. It makes
// one run at a time.
type Runner struct {
	Graph *Graph

	// Store is the state. An Apply needs one from OpenStore; for the others one from
	// ReadStore is enough. Without a Store nothing is known and nothing is recorded.
	Store *Store

	// Parallel is how many steps run at once at most. 0 means one for each processor,
	// but at least 4, since steps spend more time waiting than computing.
	Parallel int

	Only []string // run just these steps; empty: all
	Skip []string // but not these

	// Before are reports of steps that an earlier Session of the same run has done. What they fill
	// and vouch for counts, and the report of the run has them.
	Before []*StepReport

	// Rehearsal is the world of a rehearsal, for steps that are a Rehearser, or nil.
	Rehearsal Rehearsal

	// Allow, where it is set, is asked by an Apply before each change, without secrets. Its error
	// fails the step, of whose change nothing is done then. Apply then looks as a Diff does, so
	// that all of a change is known before: it calls no BeforeApply. Many goroutines may call it.
	Allow func(step string, inputs []Input, items []Item) error

	// Observe gets the events, from one goroutine and in order. It must not block.
	Observe func(Event)
}

// A SelectionError says that a run with these Only and Skip makes no sense. No step
// was run.
type SelectionError struct {
	Step string // the step that is not there, or that has no record; "": no step is left
	Err  error
}

// Error says what is wrong.
func (e *SelectionError) Error() string { return e.Err.Error() }

// Unwrap returns the error with its hint.
func (e *SelectionError) Unwrap() error { return e.Err }

// Diff finds what an Apply would do, and changes nothing.
//
// Like the other three, it returns an error and no report if it could not run at
// all, and the report and the context's cause if it was interrupted. The errors of
// steps are in the report.
func (r *Runner) Diff(ctx context.Context) (*Report, error) { return r.run(ctx, ModeDiff) }

// Apply makes the world what the plan says.
func (r *Runner) Apply(ctx context.Context) (*Report, error) {
	if r.Store != nil && r.Store.lock == nil {
		return nil, errReadOnly
	}
	return r.run(ctx, ModeApply)
}

// Verify looks at everything again and changes nothing.
func (r *Runner) Verify(ctx context.Context) (*Report, error) { return r.run(ctx, ModeVerify) }

// LookUp looks up what the lock file records, and asks nothing but sources.
func (r *Runner) LookUp(ctx context.Context) (*Report, error) { return r.run(ctx, ModeLookUp) }

func (r *Runner) run(ctx context.Context, mode Mode) (*Report, error) {
	chosen, err := r.Selected()
	if err != nil {
		return nil, err
	}
	recorded, err := r.recordedOutputs(chosen)
	if err != nil {
		return nil, err
	}
	rs := newRunState(r, mode, chosen, recorded)
	rs.begin()
	newWalk(rs.nodes, r.parallel(), rs).run(ctx)
	rs.failConflicts()
	rs.end()
	if ctx.Err() != nil {
		return rs.report, context.Cause(ctx)
	}
	return rs.report, nil
}

func (r *Runner) parallel() int {
	if r.Parallel > 0 {
		return r.Parallel
	}
	return max(4, runtime.GOMAXPROCS(0))
}

// Selected returns the ids of the steps to run. It returns a *SelectionError if Only and
// Skip make no sense for the plan.
func (r *Runner) Selected() (map[string]bool, error) {
	chosen := map[string]bool{}
	for _, n := range r.Graph.Nodes {
		chosen[n.ID()] = len(r.Only) == 0
	}
	set := func(ids []string, to bool) error {
		for _, id := range ids {
			nodes, err := r.Graph.Find(id)
			if err != nil {
				return err
			}
			for _, n := range nodes {
				chosen[n.ID()] = to
			}
		}
		return nil
	}
	if err := errors.Join(set(r.Only, true), set(r.Skip, false)); err != nil {
		return nil, err
	}
	for _, run := range chosen {
		if run {
			return chosen, nil
		}
	}
	return nil, &SelectionError{Err: errors.New("no step is left to run: all chosen steps are skipped")}
}

// recordedOutputs returns, from their records, the outputs of the steps that are
// referred to but not run.
func (r *Runner) recordedOutputs(chosen map[string]bool) (map[string]Outputs, error) {
	outputs := map[string]Outputs{}
	for _, n := range r.Graph.Nodes {
		if !chosen[n.ID()] {
			continue
		}
		if err := r.addRecorded(n, chosen, outputs); err != nil {
			return nil, err
		}
	}
	return outputs, nil
}

// addRecorded adds the outputs to which a step refers and that are not known: those of records.
func (r *Runner) addRecorded(n *Node, run map[string]bool, outputs map[string]Outputs) error {
	for _, e := range n.Needs {
		if e.Kind != Reference || run[e.From] || hasValue(outputs[e.From], e.Output) {
			continue
		}
		rec := r.recorded(r.Graph.Node(e.From))
		if rec == nil || !hasValue(rec.Outputs, e.Output) {
			return noRecordError(e)
		}
		outputs[e.From] = rec.Outputs
	}
	return nil
}

func noRecordError(e Edge) error {
	return &SelectionError{Step: e.From, Err: fault.WithHint(
		fmt.Errorf("step %s uses the output %q of step %s, which is not in this run and has no record of it", quoted(e.To), e.Output, quoted(e.From)),
		fmt.Sprintf("run step %s too, or apply it once", quoted(e.From)))}
}

func hasValue(outputs Outputs, name string) bool {
	v, ok := outputs[name]
	if !ok {
		return false
	}
	_, later := v.Later()
	return !later
}

// record returns the record of a step, or nil if none of the same type was made here.
func (r *Runner) record(n *Node) *Record {
	if rec := r.recorded(n); rec != nil && !rec.Given {
		return rec
	}
	return nil
}

// recorded returns the record of a step, also of one that another site did, or nil.
func (r *Runner) recorded(n *Node) *Record {
	if r.Store == nil {
		return nil
	}
	rec := r.Store.Record(n.ID())
	if rec == nil || rec.Type != n.Type.Name {
		return nil
	}
	return rec
}

// prior returns the record of a step with what failed runs have done since, or nil if
// there is neither.
func (r *Runner) prior(n *Node) *Record {
	rec := r.record(n)
	if r.Store == nil {
		return rec
	}
	part := r.Store.partial(n.ID())
	if part == nil || part.Type != n.Type.Name {
		return rec
	}
	with := Record{Step: n.ID(), Type: n.Type.Name}
	if rec != nil {
		with = *rec
	}
	with.Partial = part.Outputs
	return &with
}

// disk returns the disk, with what the state remembers of it.
func (r *Runner) disk() *Disk {
	if r.Store == nil {
		return &Disk{}
	}
	return r.Store.Disk()
}

func (r *Runner) emit(e Event) {
	if r.Observe == nil {
		return
	}
	e.FormatVersion, e.Time = FormatVersion, time.Now()
	r.Observe(RedactEvent(r.redactor(), e))
}
