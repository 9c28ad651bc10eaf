package site

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/flow"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/request"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
)

// beat is how often a worker says that it works on a step.
const beat = 2 * time.Second

// A job is one attempt of a step.
type job struct {
	run   string // of the workflow
	task  *flow.Task
	given map[string]runner.Outputs
}

// do runs a step in the session of its run. An error means that the step was not begun.
func (s *Site) do(ctx context.Context, run *request.Bundle, j *job) (result *flow.Result, err error) {
	open, err := s.enter(ctx, run)
	if err != nil {
		return nil, err
	}
	defer func() {
		if left := s.exit(open); left != nil && result != nil {
			end := &result.Events[len(result.Events)-1]
			end.Notes = append(end.Notes, left.Error())
		}
	}()
	node := open.loaded.Graph.Node(j.task.Step)
	if node == nil || node.Step.Site != s.Name {
		return nil, fmt.Errorf("the worker of site %s, version %s, reads the plan in another way than version %s: it has no step %s there", s.Name, s.Version, j.task.Version, j.task.Step)
	}
	for id, outputs := range j.given {
		from := open.loaded.Graph.Node(id)
		if from == nil {
			return nil, fmt.Errorf("the plan has no step %s", id)
		}
		// The runner finds them as the records of steps that are not in this run. They stay, so
		// that bayplan apply --only can go on here.
		if err := open.store.Done(runner.Record{Step: id, Type: from.Type.Name, Outputs: outputs, At: time.Now().UTC()}); err != nil {
			return nil, err
		}
	}
	return s.walk(ctx, open, j)
}

// walk has the runner do the one step, with its events in the log of the state.
func (s *Site) walk(ctx context.Context, open *session, j *job) (*flow.Result, error) {
	graph := open.loaded.Graph
	log, err := s.begin(open, j)
	if err != nil {
		return nil, err
	}
	seen := &witness{step: j.task.Step}
	beating := seen.beat(ctx)
	r := &runner.Runner{
		Graph: graph, Store: open.store, Parallel: 1, Only: []string{j.task.Step},
		Vouched: j.task.Vouched, Claims: s.claims(graph.Plan.Name, j.run),
		Observe: runner.FanOut(log.Observe, seen.observe, s.observe),
	}
	report, err := r.Apply(ctx)
	beating()
	closed := log.Close()
	if report == nil {
		return nil, err
	}
	step := report.Step(j.task.Step)
	result := &flow.Result{Status: step.Status, Events: seen.events, Record: flow.RecordOf(step.Outputs), Vouched: step.Finding.Vouched, Outputs: runner.Outputs{}}
	if closed != nil {
		end := &result.Events[len(result.Events)-1]
		end.Notes = append(end.Notes, closed.Error())
	}
	for _, name := range j.task.Gives {
		if v, ok := step.Outputs[name]; ok {
			result.Outputs[name] = v
		}
	}
	return result, nil
}

// begin begins the log of the step. The logs of two steps have different names.
func (s *Site) begin(open *session, j *job) (*history.Log, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if next := s.lastLog.Add(time.Millisecond); now.Before(next) {
		now = next
	}
	s.lastLog = now
	graph := open.loaded.Graph
	return history.Begin(open.store, history.Info{
		Plan: graph.Plan.Name, Mode: runner.ModeApply, Began: now, Command: runner.CommandLine(), Version: s.Version,
		Only: []string{j.task.Step}, Steps: history.StepsOf(graph), Texts: graph.Plan.Texts(),
	}, graph.Plan.Redactor)
}

// observe hands on an event, one at a time.
func (s *Site) observe(e runner.Event) {
	if s.Observe != nil {
		s.observed.Lock()
		defer s.observed.Unlock()
		s.Observe(e)
	}
}

// A witness keeps what the events of a step say.
type witness struct {
	step   string
	mu     sync.Mutex // the heart beats in a goroutine of its own
	now    flow.Beat
	events []runner.Event
}

func (w *witness) observe(e runner.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.Step != w.step {
		return
	}
	switch e.Kind {
	case runner.StepChange:
		w.now = flow.Beat{Items: e.Items, Total: e.Total, Summary: e.Message}
	case runner.ItemDone:
		w.now.Done++
		return
	case runner.Ticked:
		w.now.Bytes = e.Bytes
		return
	}
	w.events = append(w.events, e)
}

// beat tells the server how far the step is until the function that it returns is called.
func (w *witness) beat(ctx context.Context) (stop func()) {
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(beat)
		defer tick.Stop()
		for {
			w.mu.Lock()
			now := w.now
			w.mu.Unlock()
			activity.RecordHeartbeat(ctx, now)
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-over }
}
