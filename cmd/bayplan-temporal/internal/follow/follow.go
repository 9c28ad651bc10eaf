// Package follow shows a run while it goes on: it reads the history of its workflow, asks what is
// pending, and makes of both the events and the report that a run of bayplan apply has.
package follow

import (
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/workflow"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/flow"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/request"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/wire"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner"
)

// look is how often the server is asked what is pending.
const look = time.Second

// ErrCancelled says that the run was cancelled.
var ErrCancelled = errors.New("the run was cancelled")

// A Follower follows one run.
type Follower struct {
	Server  *wire.Wire
	Run     *request.Run
	Version string // of the program that started the run
	Of      workflow.Execution
	Observe func(runner.Event) // gets the events of the run
	Tell    func(string)       // gets lines for people about sites and workers

	clock     clock
	heard     map[string]time.Time // by site: when a step of it was taken or ended last, by the server's clock
	scheduled map[int64]string     // steps by the number of their event
	last      int64                // the number of the last event
	steps     map[string]*followed
	sites     map[string]string // of steps
	began     time.Time
	over      bool
	failure   error // of the workflow
	told      map[string]bool
	silent    bool // the server does not answer
}

// A followed is what is known of a step.
type followed struct {
	report    *runner.StepReport
	begun     bool
	changing  bool
	ended     bool
	attempt   int32 // that was told
	scheduled time.Time
	stopped   *runner.Event // its end as its site has said it, if that is not the last word
}

// Follow shows the run until it has ended, and returns its report. If ctx ends before, the run goes
// on, and Follow returns the cause with the report of what is known.
func (f *Follower) Follow(ctx context.Context) (*runner.Report, error) {
	f.prepare()
	f.emit(runner.Event{Kind: runner.RunBegin, Mode: runner.ModeApply, Items: len(f.Run.Steps)})
	events := f.watch(ctx)
	tick := time.NewTicker(look)
	defer tick.Stop()
	for !f.over && ctx.Err() == nil {
		select {
		case e := <-events:
			if err := f.take(e); err != nil {
				return nil, err
			}
		case <-tick.C:
			f.look(ctx)
		case <-ctx.Done():
		}
	}
	report := f.report()
	f.emit(runner.Event{Kind: runner.RunEnd, Mode: runner.ModeApply, Took: report.Took.Seconds(), Message: report.Summary()})
	if !f.over {
		return report, context.Cause(ctx)
	}
	return report, f.failure
}

// prepare makes the state of what has not begun.
func (f *Follower) prepare() {
	f.scheduled, f.steps, f.told, f.began = map[int64]string{}, map[string]*followed{}, map[string]bool{}, time.Now()
	f.heard, f.sites = map[string]time.Time{}, map[string]string{}
	for _, s := range f.Run.Steps {
		f.steps[s.ID] = &followed{report: &runner.StepReport{ID: s.ID, Type: s.Type}}
		f.sites[s.ID] = s.Site
	}
}

func (f *Follower) emit(e runner.Event) {
	e.FormatVersion = runner.FormatVersion
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	f.Observe(e)
}

// watch sends the events of the history, those of the past first. When the server does not answer,
// it asks again from the beginning; the caller ignores what it knows.
func (f *Follower) watch(ctx context.Context) <-chan *historypb.HistoryEvent {
	events := make(chan *historypb.HistoryEvent)
	go func() {
		for ctx.Err() == nil {
			history := f.Server.GetWorkflowHistory(ctx, f.Of.ID, f.Of.RunID, true, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
			for history.HasNext() {
				e, err := history.Next()
				if err != nil {
					break
				}
				select {
				case events <- e:
				case <-ctx.Done():
					return
				}
			}
			select {
			case <-time.After(look):
			case <-ctx.Done():
			}
		}
	}()
	return events
}

// take takes an event of the history.
func (f *Follower) take(e *historypb.HistoryEvent) error {
	if e.GetEventId() <= f.last {
		return nil
	}
	f.last = e.GetEventId()
	at := e.GetEventTime().AsTime()
	f.clock.saw(at)
	switch e.GetEventType() {
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		id := e.GetActivityTaskScheduledEventAttributes().GetActivityId()
		f.scheduled[e.GetEventId()] = id
		if s := f.steps[id]; s != nil {
			s.scheduled, s.attempt = at, 0
		}
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
		done := e.GetActivityTaskCompletedEventAttributes()
		id := f.scheduled[done.GetScheduledEventId()]
		f.heard[f.sites[id]] = at
		f.completed(id, done.GetResult())
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED:
		// The server itself throws turns away, without a reason, when too much comes while they last.
		if failed := e.GetWorkflowTaskFailedEventAttributes(); failed.GetFailure() != nil {
			f.stuck(failed.GetIdentity(), failed.GetFailure())
		}
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		return f.outcome(e.GetWorkflowExecutionCompletedEventAttributes().GetResult())
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
		f.failure = ErrCancelled
		return f.outcome(e.GetWorkflowExecutionCanceledEventAttributes().GetDetails())
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		f.over, f.failure = true, fmt.Errorf("the run failed: %s", f.Server.Reason(e.GetWorkflowExecutionFailedEventAttributes().GetFailure()))
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
		f.over, f.failure = true, errors.New("the run was ended at the server, without its steps being stopped")
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
		f.over, f.failure = true, errors.New("the server has ended the run after its time limit")
	}
	return nil
}

// completed takes the result of a step. One that cannot be read or makes no sense is left out: the
// workflow says that its step has failed.
func (f *Follower) completed(id string, payloads *commonpb.Payloads) {
	var packed []byte
	if f.Server.Read(payloads, &packed) != nil {
		return
	}
	if result, err := flow.OpenResult(packed, id); err == nil {
		f.result(id, result)
	}
}

// result takes what came of a step.
func (f *Follower) result(id string, r *flow.Result) {
	s := f.steps[id]
	if s == nil || s.ended {
		return
	}
	if r.Version != f.Version {
		f.tellOnce(fmt.Sprintf("the worker of site %s has version %s, and the run was started by version %s", f.sites[id], r.Version, f.Version))
	}
	for _, e := range r.Events {
		switch {
		case e.Kind == runner.StepBegin && s.begun, e.Kind == runner.StepChange && s.changing:
			continue
		case e.Kind == runner.StepEnd && (r.Status == runner.Interrupted || r.Status == runner.Skipped):
			s.stopped = &e // the run says whether it was cancelled
			continue
		case e.Kind == runner.StepEnd:
			f.end(s, e)
		}
		f.emit(e)
	}
}

// end keeps how a step ended.
func (f *Follower) end(s *followed, e runner.Event) {
	s.begun, s.ended = true, true
	to := s.report
	to.Status, to.Why, to.Blame, to.Bytes = e.Status, e.Message, e.Blame, e.Bytes
	to.Took = time.Duration(e.Took * float64(time.Second))
	to.Finding.Notes = e.Notes
	if e.Error != "" {
		to.Err = fault.WithProblems(fault.WithHint(errors.New(e.Error), e.Hint), e.Problems...)
	}
}

// report makes the report of what is known. Steps without an end are interrupted or have not begun.
func (f *Follower) report() *runner.Report {
	r := &runner.Report{Mode: runner.ModeApply, Took: time.Since(f.began)}
	for _, step := range f.Run.Steps {
		s := f.steps[step.ID]
		if !s.ended {
			s.report.Status = runner.Skipped
			if s.begun {
				s.report.Status = runner.Interrupted
			}
		}
		r.Steps = append(r.Steps, s.report)
	}
	return r
}

func (f *Follower) tellOnce(line string) {
	if !f.told[line] {
		f.told[line] = true
		f.Tell(line)
	}
}

// gone reports whether an error means that the run is not there any more.
func gone(err error) bool {
	var missing *serviceerror.NotFound
	return errors.As(err, &missing)
}
