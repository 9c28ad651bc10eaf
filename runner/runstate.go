package runner

import (
	"sync/atomic"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

// runState are what one run knows. They are kept by one goroutine, the walk's;
// jobs get copies and send notes.
type runState struct {
	runner  *Runner
	mode    Mode
	nodes   []*Node // of the steps to run, in order
	report  *Report
	outputs map[string]Outputs        // remembered, found, verified or planned
	files   map[string][]*plannedFile // in a diff: what the steps would leave behind
	running map[string]*running
	disk    *Disk
	began   time.Time
}

// running is what the books know of a step while it runs.
type running struct {
	began    time.Time
	progress *progress
	total    int64 // bytes to move
	told     int64 // bytes of the last tick
}

// progress is what a job counts. Its counters are read by the books while the
// step adds to them from any goroutine, so they are atomic.
type progress struct {
	bytes, items atomic.Int64
	note         func(any)
}

// Add counts n more bytes as moved.
func (p *progress) Add(n int64) { p.bytes.Add(n) }

// Done tells that one item is finished.
func (p *progress) Done(it Item) {
	p.items.Add(1)
	p.note(itemDone{it})
}

func newBooks(r *Runner, mode Mode, chosen map[string]bool, remembered map[string]Outputs) *runState {
	b := &runState{
		runner: r, mode: mode, report: &Report{Mode: mode}, outputs: remembered, disk: r.disk(),
		files: map[string][]*plannedFile{}, running: map[string]*running{}, began: time.Now(),
	}
	for _, n := range r.Graph.order {
		if chosen[n.ID()] {
			b.nodes = append(b.nodes, n)
		}
	}
	for _, n := range r.Graph.Nodes {
		if chosen[n.ID()] {
			b.report.Steps = append(b.report.Steps, &StepReport{ID: n.ID(), Type: n.Type.Name, Prior: r.record(n)})
		}
	}
	return b
}

func (b *runState) open() {
	b.runner.tell(Event{Kind: RunBegin, Mode: b.mode, Items: len(b.nodes)})
}

func (b *runState) close() {
	b.report.Took = time.Since(b.began)
	b.runner.tell(Event{Kind: RunEnd, Mode: b.mode, Took: b.report.Took.Seconds(), Message: b.report.Summary()})
}

// begin makes the job for a node from what the books know now.
func (b *runState) begin(n *Node) work {
	r := &running{began: time.Now(), progress: &progress{}}
	b.running[n.ID()] = r
	b.runner.tell(Event{Kind: StepBegin, Step: n.ID(), Type: n.Type.Name})
	j := &job{
		graph: b.runner.Graph, node: n, mode: b.mode, prior: b.runner.record(n), outputs: map[string]Outputs{},
		world: b.disk, hard: b.disk.Hard(), progress: r.progress,
	}
	for _, e := range n.Needs {
		j.outputs[e.From] = b.outputs[e.From]
	}
	if b.mode == ModeDiff {
		b.foresee(j)
	}
	return j.do
}

// foresee gives a job of a diff the world as the steps before it would leave it.
func (b *runState) foresee(j *job) {
	var files []*plannedFile
	for _, n := range b.runner.Graph.Ancestors(j.node) {
		files = append(files, b.files[n.ID()]...)
		s := b.report.Step(n.ID())
		if s == nil {
			continue // not in this run
		}
		switch s.Status {
		case ToCreate, ToChange:
			j.after = n.ID()
		case Waiting:
			j.after, j.unsure = n.ID(), n.ID()
		}
	}
	j.world = plannedWorld(b.disk, files)
}

// noted passes on what a running job notes.
func (b *runState) noted(n *Node, what any) {
	r := b.running[n.ID()]
	switch what := what.(type) {
	case changing:
		b.change(n, r, what)
	case itemDone:
		b.runner.tell(Event{Kind: ItemDone, Step: n.ID(), Item: &what.item})
	case retrying:
		b.runner.tell(Event{
			Kind: Retrying, Step: n.ID(), Attempt: what.attempt, Wait: what.wait.Seconds(),
			Error: what.err.Error(), Hint: fault.Hint(what.err),
		})
	case panicked:
		b.runner.tell(Event{Kind: Debug, Step: n.ID(), Message: what.stack})
	}
}

// change lets a job begin its change once that is durable.
func (b *runState) change(n *Node, r *running, what changing) {
	if b.runner.Store != nil {
		if err := b.runner.Store.Started(n.ID()); err != nil {
			what.ack <- err
			return
		}
	}
	r.total = what.change.bytes()
	b.runner.tell(Event{
		Kind: StepChange, Step: n.ID(), Items: len(what.change.Items), Total: r.total, Message: what.change.Summary,
	})
	what.ack <- nil
}

// ticked tells of the bytes that were moved since it last did.
func (b *runState) ticked() {
	for _, n := range b.nodes {
		r := b.running[n.ID()]
		if r == nil {
			continue
		}
		if now := r.progress.bytes.Load(); now != r.told {
			r.told = now
			b.runner.tell(Event{Kind: Ticked, Step: n.ID(), Bytes: now, Total: r.total, Items: int(r.progress.items.Load())})
		}
	}
}

// ended writes down what came of a step.
func (b *runState) ended(n *Node, res result) bool {
	r := b.running[n.ID()]
	delete(b.running, n.ID())
	if b.mode == ModeApply && b.runner.Store != nil {
		res = b.save(n, res)
	}
	s := b.report.Step(n.ID())
	s.Status, s.Finding, s.Outputs, s.Inputs = res.status, res.finding, res.outputs, res.inputs
	s.Why, s.Err = res.why, res.err
	s.Bytes, s.Took = r.progress.bytes.Load(), time.Since(r.began)
	b.finish(s)
	if res.status == Failed || res.status == Interrupted {
		return false
	}
	b.outputs[n.ID()] = res.outputs
	if res.outputs == nil {
		b.outputs[n.ID()] = n.Type.laterOutputs(n.ID())
	}
	if c := res.finding.Change; b.mode == ModeDiff && c != nil {
		for _, f := range c.Files {
			file := newPlannedFile(f)
			file.step = n.ID()
			b.files[n.ID()] = append(b.files[n.ID()], file)
		}
	}
	return true
}

// save makes durable what came of a step, also while the run is being
// interrupted: what was done must not be forgotten. What could not be written
// down makes the step fail.
func (b *runState) save(n *Node, res result) result {
	var err error
	switch {
	case res.record != nil:
		err = b.runner.Store.Done(*res.record)
	case res.status == Failed:
		// A second error would only hide the first.
		_ = b.runner.Store.Failed(n.ID(), res.err)
	}
	if err != nil {
		res.status, res.err = Failed, err
	}
	return res
}

// dropped writes down that a step will not begin.
func (b *runState) dropped(n *Node, blame *Node) {
	s := b.report.Step(n.ID())
	s.Status = Skipped
	if blame != nil && b.report.Step(blame.ID()).Status == Failed {
		s.Blame, s.Why = blame.ID(), "needs "+blame.ID()+", which failed"
	} else {
		s.Why = "the run was interrupted before it began"
	}
	b.finish(s)
}

func (b *runState) finish(s *StepReport) {
	e := Event{
		Kind: StepEnd, Step: s.ID, Type: s.Type, Status: s.Status, Blame: s.Blame,
		Bytes: s.Bytes, Took: s.Took.Seconds(), Message: s.Why, Notes: s.Finding.Notes,
	}
	if c := s.Finding.Change; c != nil {
		e.Items, e.Total = len(c.Items), c.bytes()
		if e.Message == "" {
			e.Message = c.Summary
		}
	}
	if s.Err != nil {
		e.Error, e.Hint, e.Problems = s.Err.Error(), fault.Hint(s.Err), fault.Problems(s.Err)
	}
	b.runner.tell(e)
}
