package runner

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bayplan/bayplan/internal/claims"
	"github.com/bayplan/bayplan/internal/fault"
)

// A runState is what one run knows. Only the walk's goroutine uses it; jobs get copies
// and send notes.
type runState struct {
	runner   *Runner
	mode     Mode
	nodes    []*Node // of the steps to run, in order
	report   *Report
	outputs  map[string]Outputs        // recorded, found, verified or planned
	ending   sync.RWMutex              // guards outputs, which a Sparer reads
	recorded map[string]Outputs        // of all steps, as they were when the first Sparer began; nil: none has
	files    map[string][]*plannedFile // in a diff or a lock: what the steps would leave behind
	running  map[string]*running
	claims   claims.Table
	asking   []claiming      // jobs that wait to be told whether they may change something, in order
	looked   map[string]bool // steps that have been told so
	disk     *Disk
	began    time.Time
}

// running is what is known of a step while it runs.
type running struct {
	began    time.Time
	progress *progress
	ended    chan<- *StepReport // of an order, nil for others
	total    int64              // bytes to move
	reported int64              // bytes of the last tick
}

// progress counts what a job does. The walk's goroutine reads the counters while the
// step adds to them from any goroutine, so they are atomic.
type progress struct {
	bytes, items atomic.Int64
	note         func(any)
}

// Add counts n more bytes as moved.
func (p *progress) Add(n int64) { p.bytes.Add(n) }

// Done reports that one item is finished.
func (p *progress) Done(it Item) {
	p.items.Add(1)
	p.note(itemDone{it})
}

func newRunState(r *Runner, mode Mode, chosen map[string]bool, recorded map[string]Outputs) *runState {
	rs := &runState{
		runner: r, mode: mode, report: &Report{Mode: mode, byID: map[string]*StepReport{}}, outputs: recorded, disk: r.disk(),
		files: map[string][]*plannedFile{}, running: map[string]*running{}, looked: map[string]bool{}, began: time.Now(),
	}
	for _, n := range r.Graph.order {
		if chosen[n.ID()] {
			rs.nodes = append(rs.nodes, n)
		}
	}
	for _, n := range r.Graph.Nodes {
		if chosen[n.ID()] {
			rs.add(&StepReport{ID: n.ID(), Type: n.Type.Name, Prior: r.record(n)})
		}
	}
	for _, s := range r.Before {
		rs.add(s)
		rs.claims.Claim(s.ID, s.Fills)
	}
	return rs
}

// add adds the report of a step, in place of an earlier one.
func (rs *runState) add(s *StepReport) {
	if i := slices.Index(rs.report.Steps, rs.report.byID[s.ID]); i >= 0 {
		rs.report.Steps[i] = s
	} else {
		rs.report.Steps = append(rs.report.Steps, s)
	}
	rs.report.byID[s.ID] = s
}

func (rs *runState) begin() {
	rs.runner.emit(Event{Kind: RunBegin, Mode: rs.mode, Items: len(rs.nodes)})
}

func (rs *runState) end() {
	rs.report.Took = time.Since(rs.began)
	rs.runner.emit(Event{Kind: RunEnd, Mode: rs.mode, Took: rs.report.Took.Seconds(), Message: rs.report.Summary()})
}

// startNode makes the job for a node from what is known now.
func (rs *runState) startNode(n *Node) work {
	r := &running{began: time.Now(), progress: &progress{}}
	rs.running[n.ID()] = r
	rs.runner.emit(Event{Kind: StepBegin, Step: n.ID(), Type: n.Type.Name})
	j := &job{
		graph: rs.runner.Graph, node: n, mode: rs.mode, prior: rs.runner.prior(n), outputs: map[string]Outputs{},
		others: rs.madeByOthers(n), world: rs.disk, hardWorld: rs.disk.Hard(), progress: r.progress, rehearsal: rs.runner.Rehearsal, allow: rs.runner.Allow,
	}
	if j.rehearsal != nil {
		j.world, j.hardWorld = rehearsed{j.world, j.rehearsal}, rehearsed{j.hardWorld, j.rehearsal}
	}
	for _, e := range n.Needs {
		j.outputs[e.From] = rs.outputs[e.From]
	}
	for _, before := range rs.runner.Graph.Ancestors(n) {
		if s := rs.report.Step(before.ID()); s != nil {
			j.vouched = append(j.vouched, s.Finding.Vouched...)
		}
	}
	if rs.mode == ModeDiff || rs.mode == ModeLookUp {
		rs.addPlannedWorld(j)
	}
	return j.run
}

// addPlannedWorld gives a job of a diff or a lock the world as the steps before it would leave it,
// and says which of these steps would change something or are not known.
func (rs *runState) addPlannedWorld(j *job) {
	var files []*plannedFile
	for _, n := range rs.runner.Graph.Ancestors(j.node) {
		files = append(files, rs.files[n.ID()]...)
		s := rs.report.Step(n.ID())
		if s == nil {
			continue // not in this run
		}
		switch s.Status {
		case ToCreate, ToChange:
			j.changesBefore = n.ID()
		case Waiting, NotAsked:
			j.changesBefore, j.unknownBefore = n.ID(), n.ID()
		default:
			continue
		}
		j.changing = append(j.changing, n.ID())
	}
	j.world = plannedWorld(j.world, files)
}

// onNote passes on a note of a running job.
func (rs *runState) onNote(n *Node, what any) {
	r := rs.running[n.ID()]
	switch what := what.(type) {
	case claiming:
		rs.asking = append(rs.asking, what)
		slices.SortFunc(rs.asking, func(a, b claiming) int { return a.node.place - b.node.place })
		rs.answerClaims()
	case changing:
		rs.startChange(n, r, what)
	case itemDone:
		rs.runner.emit(Event{Kind: ItemDone, Step: n.ID(), Item: &what.item})
	case retrying:
		rs.looked[n.ID()] = true
		rs.answerClaims()
		rs.runner.emit(Event{
			Kind: Retrying, Step: n.ID(), Attempt: what.attempt, Wait: what.wait.Seconds(),
			Error: fault.Text(what.err), Hint: fault.Hint(what.err),
		})
	case panicked:
		rs.runner.emit(Event{Kind: Debug, Step: n.ID(), Message: what.stack})
	}
}

// startChange records that a job begins its change, and then lets it begin.
func (rs *runState) startChange(n *Node, r *running, what changing) {
	if rs.runner.Store != nil {
		if err := rs.runner.Store.Started(n.ID()); err != nil {
			what.ack <- err
			return
		}
	}
	r.total = what.change.bytes()
	rs.runner.emit(Event{
		Kind: StepChange, Step: n.ID(), Items: len(what.change.Items), Total: r.total, Message: what.change.Summary,
		Change: what.change.Items,
	})
	what.ack <- nil
}

// onTick reports the bytes that were moved since the last tick.
func (rs *runState) onTick() {
	for _, n := range rs.nodes {
		r := rs.running[n.ID()]
		if r == nil {
			continue
		}
		if now := r.progress.bytes.Load(); now != r.reported {
			r.reported = now
			rs.runner.emit(Event{Kind: Ticked, Step: n.ID(), Bytes: now, Total: r.total, Items: int(r.progress.items.Load())})
		}
	}
}

// onEnd records the result of a step. It reports whether the steps after it may run.
func (rs *runState) onEnd(n *Node, res result) bool {
	r := rs.running[n.ID()]
	delete(rs.running, n.ID())
	rs.answerClaims()
	if res.status == Changed { // what it fills may be known only now
		if err := rs.claim(n, res.fills); err != nil {
			res.status, res.err, res.record = Failed, err, nil
		}
	}
	res.err = rs.runner.redactor().Error(res.err)
	if rs.mode == ModeApply && rs.runner.Store != nil {
		res = rs.save(n, res)
	}
	s := rs.report.Step(n.ID())
	s.told = rs.mode == ModeApply && res.status == Unchanged && res.record == nil
	s.Status, s.Finding, s.Outputs, s.Inputs = res.status, res.finding, res.outputs, redactInputs(rs.runner.redactor(), rs.runner.Graph.Plan.Name, n.ID(), res.inputs)
	s.Why, s.Err, s.Fills = res.why, res.err, res.fills
	s.Bytes, s.Took = r.progress.bytes.Load(), time.Since(r.began)
	rs.finish(s)
	if r.ended != nil {
		r.ended <- s
	}
	if res.status == Failed || res.status == Interrupted {
		return false
	}
	rs.ending.Lock()
	if rs.outputs[n.ID()] = res.outputs; res.outputs == nil {
		rs.outputs[n.ID()] = n.Type.laterOutputs(n.ID())
	}
	rs.ending.Unlock()
	if c := res.finding.Change; rs.mode != ModeApply && c != nil {
		for _, f := range c.Files {
			file := newPlannedFile(f)
			file.step = n.ID()
			rs.files[n.ID()] = append(rs.files[n.ID()], file)
		}
	}
	return true
}

// save records the result of a step in the state, also while the run is being
// interrupted: what was done must not be forgotten. A step whose result cannot be
// recorded fails.
func (rs *runState) save(n *Node, res result) result {
	var err error
	switch {
	case res.record != nil:
		err = rs.runner.Store.Done(redactRecord(rs.runner.redactor(), rs.runner.Graph.Plan.Name, *res.record))
	case res.status == Failed:
		// A second error would only hide the first.
		_ = rs.runner.Store.Failed(n.ID(), n.Type.Name, res.err)
	case res.status == Interrupted:
		_ = rs.runner.Store.Interrupted(n.ID(), n.Type.Name, res.err)
	case res.status == Unchanged:
		err = rs.runner.Store.recovered(n.ID())
	}
	if err != nil {
		res.status, res.err = Failed, err
	}
	return res
}

// onDrop reports that a step will not run.
func (rs *runState) onDrop(n *Node, blame *Node) {
	s := rs.report.Step(n.ID())
	if blame != nil && rs.report.Step(blame.ID()).Status == Failed {
		s.skip(blame.ID())
	} else {
		s.Status, s.Why = Skipped, "the run was interrupted before it began"
	}
	rs.finish(s)
}

func (rs *runState) finish(s *StepReport) {
	e := Event{
		Kind: StepEnd, Step: s.ID, Type: s.Type, Status: s.Status, Blame: s.Blame,
		Bytes: s.Bytes, Took: s.Took.Seconds(), Message: s.Why, Notes: s.Finding.Notes, Told: s.told,
		Outputs: s.Outputs, Vouched: s.Finding.Vouched, Fills: s.Fills,
	}
	if c := s.Finding.Change; c != nil {
		e.Items, e.Total = len(c.Items), c.bytes()
		if e.Message == "" {
			e.Message = c.Summary
		}
	}
	if s.Err != nil {
		e.Error, e.Hint, e.Problems = fault.Text(s.Err), fault.Hint(s.Err), fault.Problems(s.Err)
	}
	rs.runner.emit(e)
}
