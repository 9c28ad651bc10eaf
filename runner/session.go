package runner

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Session is an apply whose steps are asked for one by one, by any number of goroutines. It keeps
// no order between them but that of the questions.
type Session struct {
	orders chan order
	over   chan struct{}
	rs     *runState // belongs to the walk
}

// An order asks a walk for the work of one node.
type order struct {
	ctx   context.Context // of the work
	node  *Node
	start func() work // called by the walk; nil: it does not start
}

// Session begins a Session for the steps that Only and Skip leave. End ends it.
func (r *Runner) Session() (*Session, error) {
	if r.Store != nil && r.Store.lock == nil {
		return nil, errReadOnly
	}
	chosen, err := r.Selected()
	if err != nil {
		return nil, err
	}
	s := &Session{make(chan order), make(chan struct{}), newRunState(r, ModeApply, chosen, map[string]Outputs{})}
	s.rs.begin()
	w := newWalk(nil, 0, s.rs)
	w.orders = s.orders
	go func() {
		defer close(s.over)
		w.run(context.Background())
		s.rs.end()
	}()
	return s, nil
}

// Do does a step and returns its report; when ctx ends before, the step is Interrupted. given are
// outputs of steps that are not of this Session. What is not given comes from the Session, else from
// records. An error means that the step did not begin. No other Do of the same step may run.
func (s *Session) Do(ctx context.Context, id string, given map[string]Outputs) (*StepReport, error) {
	node := s.rs.runner.Graph.Node(id)
	if node == nil {
		return nil, fmt.Errorf("the plan has no step %s", quoted(id))
	}
	ended, bad := make(chan *StepReport, 1), make(chan error, 1)
	s.orders <- order{ctx, node, func() work {
		do, err := s.rs.startOrder(node, given, ended)
		bad <- err
		return do
	}}
	if err := <-bad; err != nil {
		return nil, err
	}
	return <-ended, nil
}

// End waits until all steps have ended, and returns the report. Steps that were not asked for have no
// status in it.
func (s *Session) End() *Report {
	close(s.orders)
	<-s.over
	return s.rs.report
}

// startOrder starts a step of a Session. ended gets its report.
func (rs *runState) startOrder(n *Node, given map[string]Outputs, ended chan<- *StepReport) (work, error) {
	if rs.report.Step(n.ID()) == nil {
		return nil, fmt.Errorf("step %s is not in this run", quoted(n.ID()))
	}
	rs.ending.Lock()
	err := rs.give(given)
	if err == nil {
		err = rs.runner.addRecorded(n, nil, rs.outputs)
	}
	rs.ending.Unlock()
	if err != nil {
		return nil, err
	}
	rs.add(&StepReport{ID: n.ID(), Type: n.Type.Name, Prior: rs.runner.record(n)})
	delete(rs.looked, n.ID())
	do := rs.startNode(n)
	rs.running[n.ID()].ended = ended
	return do, nil
}

// give makes the outputs known that another site gave. They are recorded, so that a later apply finds
// them, but never in place of what this host did itself.
func (rs *runState) give(given map[string]Outputs) error {
	var errs []error
	for id, outputs := range given {
		n := rs.runner.Graph.Node(id)
		if n == nil {
			return fmt.Errorf("the plan has no step %s", quoted(id))
		}
		rs.outputs[id] = outputs
		if rec := rs.runner.recorded(n); rs.runner.Store == nil || rec != nil && (!rec.Given || sameOutputs(rec.Outputs, outputs)) {
			continue
		}
		rec := Record{Step: id, Type: n.Type.Name, Outputs: outputs, At: time.Now().UTC(), Given: true}
		errs = append(errs, rs.runner.Store.Done(redactRecord(rs.runner.redactor(), rs.runner.Graph.Plan.Name, rec)))
	}
	return errors.Join(errs...)
}
