package follow

import (
	"context"
	"fmt"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/flow"
	"github.com/bayplan/bayplan/runner"
)

// How long a step waits for its site, and a worker may be silent, before people are told.
const (
	tellAfter   = 5 * time.Second
	quietWorker = 90 * time.Second
)

// outcome takes how the steps ended that have no result.
func (f *Follower) outcome(payloads *commonpb.Payloads) error {
	f.over = true
	var o flow.Outcome
	if payloads == nil {
		return nil
	}
	if err := f.Server.Read(payloads, &o); err != nil {
		return fmt.Errorf("read what came of the run: %w", err)
	}
	for _, ending := range o.Endings {
		s := f.steps[ending.ID]
		if s == nil || s.ended {
			continue
		}
		e := runner.Event{Kind: runner.StepEnd, Step: ending.ID, Type: s.report.Type, Status: ending.Status, Blame: ending.Blame, Message: ending.Why}
		if ending.Status == runner.Failed {
			e.Error, e.Message = ending.Why, ""
		}
		f.end(s, e)
		f.emit(e)
	}
	return nil
}

// look asks the server what is pending, and shows how far it is.
func (f *Follower) look(ctx context.Context) {
	asking, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	d, err := f.Server.DescribeWorkflowExecution(asking, f.Of.ID, f.Of.RunID)
	if ctx.Err() != nil {
		return
	}
	if gone(err) {
		f.over, f.failure = true, fmt.Errorf("the server does not know the run any more: %w", err)
		return
	}
	if f.server(err); err != nil {
		return
	}
	waiting := map[string]time.Duration{}
	for _, a := range d.GetPendingActivities() {
		s := f.steps[a.GetActivityId()]
		if s == nil || s.ended {
			continue
		}
		f.retried(s, a)
		if a.GetState() == enumspb.PENDING_ACTIVITY_STATE_SCHEDULED {
			if step := f.Run.Step(a.GetActivityId()); !s.scheduled.IsZero() {
				waiting[step.Site] = max(waiting[step.Site], time.Since(s.scheduled))
			}
			continue
		}
		f.running(s, a)
	}
	f.waiting(asking, waiting)
}

// server tells when the server does not answer, and when it does again.
func (f *Follower) server(err error) {
	switch {
	case err != nil && !f.silent:
		f.Tell(fmt.Sprintf("the server does not answer, and is asked again: %v", err))
	case err == nil && f.silent:
		f.Tell("the server answers again")
	}
	f.silent = err != nil
}

// running shows a step that a worker has taken.
func (f *Follower) running(s *followed, a *workflowpb.PendingActivityInfo) {
	if !s.begun {
		s.begun = true
		f.emit(runner.Event{Kind: runner.StepBegin, Step: s.report.ID, Type: s.report.Type})
	}
	var b flow.Beat
	if a.GetHeartbeatDetails() == nil || f.Server.Read(a.GetHeartbeatDetails(), &b) != nil {
		return
	}
	if !s.changing && (b.Items > 0 || b.Summary != "") {
		s.changing = true
		f.emit(runner.Event{Kind: runner.StepChange, Step: s.report.ID, Items: b.Items, Total: b.Total, Message: b.Summary})
	}
	if s.changing && (b.Bytes > 0 || b.Done > 0) {
		f.emit(runner.Event{Kind: runner.Ticked, Step: s.report.ID, Bytes: b.Bytes, Total: b.Total, Items: b.Done})
	}
}

// retried shows that an attempt of a step was lost.
func (f *Follower) retried(s *followed, a *workflowpb.PendingActivityInfo) {
	if a.GetAttempt() <= max(1, s.attempt) || a.GetLastFailure() == nil {
		return
	}
	s.attempt, s.changing = a.GetAttempt(), false
	wait := time.Duration(0)
	if next := a.GetNextAttemptScheduleTime(); next != nil {
		wait = max(0, time.Until(next.AsTime()))
	}
	text := a.GetLastFailure().GetMessage()
	if t := a.GetLastFailure().GetTimeoutFailureInfo(); t != nil && t.GetTimeoutType() == enumspb.TIMEOUT_TYPE_HEARTBEAT {
		text = fmt.Sprintf("the worker of site %s has said nothing for %s", f.Run.Step(s.report.ID).Site, f.Run.Silence)
	}
	f.emit(runner.Event{Kind: runner.Retrying, Step: s.report.ID, Attempt: int(a.GetAttempt()) - 1, Wait: wait.Seconds(), Error: text})
}

// waiting tells of the sites whose steps no worker takes, once each.
func (f *Follower) waiting(ctx context.Context, sites map[string]time.Duration) {
	for name, since := range sites {
		if since < tellAfter || f.told["waits "+name] {
			continue
		}
		workers, err := WorkersOf(ctx, f.Server, name)
		if err != nil || len(workers) > 0 && since < quietWorker {
			continue
		}
		f.told["waits "+name] = true
		if len(workers) == 0 {
			f.Tell(fmt.Sprintf("site %s: no worker asks for its steps; the run waits for one up to %s", name, f.Run.Patience))
			continue
		}
		f.Tell(fmt.Sprintf("site %s: its worker has not taken a step for %s", name, since.Round(time.Second)))
	}
}

// WorkersOf returns the identities of the workers that have asked for steps of a site lately.
func WorkersOf(ctx context.Context, c client.Client, name string) ([]string, error) {
	queue, err := c.DescribeTaskQueue(ctx, flow.SiteQueue(name), enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	if err != nil {
		return nil, err
	}
	var workers []string
	for _, p := range queue.GetPollers() {
		if time.Since(p.GetLastAccessTime().AsTime()) < quietWorker {
			workers = append(workers, p.GetIdentity())
		}
	}
	slices.Sort(workers)
	return slices.Compact(workers), nil
}
