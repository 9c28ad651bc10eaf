package history

import (
	"slices"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner"
)

// A Progress is what the events of a run have said so far: how far each step has come,
// and how the run has ended. Add takes the events in their order. The zero Progress is
// that of a run without events.
type Progress struct {
	// Detail makes each step keep its items, problems and outputs. Without it, a step
	// only counts its items: a run may have many thousands.
	Detail bool

	Mode    runner.Mode
	Last    time.Time // of the last event
	Ended   time.Time // zero: the run has not ended
	Took    float64   // seconds; of a run that has ended
	Summary string    // of a run that has ended
	Over    bool      // the run has ended

	// Steps are in the order in which Step or an event has named them first.
	Steps []*StepProgress

	byID    map[string]*StepProgress
	running []*StepProgress // in the order in which they have begun
	ended   []*StepProgress // in the order in which they have ended
}

// A StepProgress is how far a step has come.
type StepProgress struct {
	ID, Type string
	Status   runner.Status // "": it has not begun; Running until it has ended
	Killed   bool          // the run is over, and the end of the step was not recorded

	Began, Ended time.Time
	Took         float64 // seconds; of a step that has ended

	Summary string // of its change
	Why     string // why it did nothing
	Blame   string // the failed step because of which it was skipped

	Error    string
	Hint     string
	Problems []fault.Problem
	Notes    []string
	Outputs  runner.Outputs
	Retries  []Retry

	// Of all attempts.
	Items    []*ItemProgress // in the order of its change; none without Detail
	Finished []ItemCount     // in the order in which the first of each was finished
	Done     int             // items that were finished
	Bytes    int64           // moved
	Mounted  int64           // bytes that registries had elsewhere and mounted
	Saved    int64           // bytes that copying each item by itself would have moved besides

	Attempt Attempt // the present or last one

	Needs []runner.Edge // what it waits for, if the run says it

	byKey map[itemKey]*ItemProgress
}

// An Attempt is how far one attempt of a step has come.
type Attempt struct {
	Changing bool      // it applies its change
	ToDo     int       // items of the change
	Done     int       // of them
	Total    int64     // bytes to move; 0: not known
	Before   int64     // bytes that the attempts before have moved
	NextAt   time.Time // when the next attempt begins, if this one has failed
}

// A Retry is an attempt that failed.
type Retry struct {
	Attempt int // from 1
	At      time.Time
	Error   string
}

// An ItemProgress is one thing that a step was to change, as it is known last.
type ItemProgress struct {
	runner.Item
	Done    bool
	Ended   time.Time      // of one that is done
	Problem *fault.Problem // what is wrong with it at the end of its step; nil: nothing that is known
}

type itemKey struct {
	what runner.Thing
	name string
}

// An ItemCount counts finished items of one kind to which the same was done.
type ItemCount struct {
	Op   runner.Op
	What runner.Thing
	N    int
	Name string // of the last one
}

// Step returns the step with an id. One that was not named before has not begun.
func (p *Progress) Step(id string) *StepProgress {
	s := p.byID[id]
	if s == nil {
		if p.byID == nil {
			p.byID = map[string]*StepProgress{}
		}
		s = &StepProgress{ID: id}
		p.byID[id] = s
		p.Steps = append(p.Steps, s)
	}
	return s
}

// Add takes the next event. It returns the step that the event is about, or nil.
func (p *Progress) Add(e runner.Event) *StepProgress {
	if e.Time.After(p.Last) {
		p.Last = e.Time
	}
	switch e.Kind {
	case runner.RunBegin: // also of a further part
		p.Mode, p.Over, p.Ended = e.Mode, false, time.Time{}
	case runner.RunEnd:
		p.Over, p.Ended, p.Took, p.Summary = true, e.Time, e.Took, e.Message
	}
	if e.Step == "" {
		return nil
	}
	s := p.Step(e.Step)
	if e.Kind == runner.StepBegin && s.Status != "" { // once more
		s.Status, s.Ended, s.Attempt = "", time.Time{}, Attempt{Before: s.Bytes}
		isIt := func(other *StepProgress) bool { return other == s }
		p.running, p.ended = slices.DeleteFunc(p.running, isIt), slices.DeleteFunc(p.ended, isIt)
	}
	if s.Status == "" && e.Kind != runner.StepEnd {
		s.Status = runner.Running
		p.running = append(p.running, s)
	}
	switch e.Kind {
	case runner.StepBegin:
		s.Type, s.Began = e.Type, e.Time
	case runner.StepChange:
		s.change(e, p.Detail)
	case runner.Ticked:
		s.Bytes, s.Attempt.NextAt = e.Bytes, time.Time{}
	case runner.ItemDone:
		s.finish(e, p.Detail)
	case runner.Retrying:
		s.Retries = append(s.Retries, Retry{e.Attempt, e.Time, e.Error})
		s.Attempt = Attempt{Before: s.Bytes, NextAt: e.Time.Add(time.Duration(e.Wait * float64(time.Second)))}
	case runner.StepEnd:
		s.end(e, p.Detail)
		p.running = slices.DeleteFunc(p.running, func(r *StepProgress) bool { return r == s })
		p.ended = append(p.ended, s)
	}
	return s
}

// change takes the change that an attempt applies.
func (s *StepProgress) change(e runner.Event, keep bool) {
	s.Summary = e.Message
	s.Attempt = Attempt{Changing: true, ToDo: e.Items, Total: e.Total, Before: s.Bytes}
	if keep {
		for _, it := range e.Change {
			s.item(it)
		}
	}
}

// finish takes an item that is finished.
func (s *StepProgress) finish(e runner.Event, keep bool) {
	s.Done++
	s.Attempt.Done++
	it := e.Item
	if it == nil {
		return
	}
	s.Mounted += it.Mounted
	s.Saved += max(0, it.Size-it.Bytes)
	s.count(it)
	if keep {
		known := s.item(*it)
		known.Done, known.Ended = true, e.Time
	}
}

func (s *StepProgress) count(it *runner.Item) {
	for i := range s.Finished {
		if c := &s.Finished[i]; c.Op == it.Op && c.What == it.What {
			c.N, c.Name = c.N+1, it.Name
			return
		}
	}
	s.Finished = append(s.Finished, ItemCount{it.Op, it.What, 1, it.Name})
}

// item returns the item of the step with this name, as it is known now.
func (s *StepProgress) item(it runner.Item) *ItemProgress {
	key := itemKey{it.What, it.Name}
	known := s.byKey[key]
	if known == nil {
		if s.byKey == nil {
			s.byKey = map[itemKey]*ItemProgress{}
		}
		known = &ItemProgress{}
		s.byKey[key] = known
		s.Items = append(s.Items, known)
	}
	known.Item = it
	return known
}

// end takes the result of the step.
func (s *StepProgress) end(e runner.Event, keep bool) {
	if e.Type != "" {
		s.Type = e.Type
	}
	s.Status, s.Ended, s.Took, s.Blame, s.Bytes = e.Status, e.Time, e.Took, e.Blame, e.Bytes
	s.Error, s.Hint, s.Notes = e.Error, e.Hint, e.Notes
	s.Attempt.NextAt = time.Time{}
	switch {
	case s.Attempt.ToDo == 0 && e.Items == 0:
		s.Why = e.Message
	case e.Message != "":
		s.Summary = e.Message
	}
	if !keep {
		return
	}
	s.Problems, s.Outputs = e.Problems, e.Outputs
	for i := range s.Problems {
		problem := &s.Problems[i]
		if it := s.byKey[itemKey{runner.Thing(problem.What), problem.Name}]; it != nil {
			it.Problem = problem
		}
	}
}

// Running returns the steps that have begun and not ended, in the order in which they have
// begun.
func (p *Progress) Running() []*StepProgress { return p.running }

// Count returns how many steps have ended with a status, "" for any.
func (p *Progress) Count(status runner.Status) int {
	n := 0
	for _, s := range p.ended {
		if status == "" || s.Status == status {
			n++
		}
	}
	return n
}

// Progress reads the events of the run. The steps that the run names are in the order of
// its plan. A step whose end the run has not recorded is interrupted, unless the run may
// be under way.
func (r *Run) Progress() (*Progress, error) {
	p := &Progress{Detail: true, Last: r.Began}
	for _, s := range r.Steps {
		step := p.Step(s.ID)
		step.Type, step.Needs = s.Type, s.Needs
	}
	for e, err := range r.Events() {
		if err != nil {
			return nil, err
		}
		p.Add(e)
	}
	if r.State == UnderWay || r.State == Unknown {
		return p, nil
	}
	for _, s := range p.Running() {
		s.Status, s.Killed = runner.Interrupted, true
	}
	return p, nil
}
