package follow

import (
	"context"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	workflowpb "go.temporal.io/api/workflow/v1"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/flow"
	"github.com/bayplan/bayplan/runner"
)

// How long a step waits for its site, and a worker may be silent, before people are told.
const (
	tellAfter   = 5 * time.Second
	quietWorker = 90 * time.Second
	manyTurns   = 3 // of a run that does not go on
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
		s.stopped = nil
		e := runner.Event{Kind: runner.StepEnd, Step: ending.ID, Type: s.report.Type, Status: ending.Status, Blame: ending.Blame, Message: ending.Why}
		if ending.Status == runner.Failed {
			e.Error, e.Message = ending.Why, ""
		}
		f.end(s, e)
		f.emit(e)
	}
	for _, step := range f.Run.Steps {
		if s := f.steps[step.ID]; s.stopped != nil {
			f.end(s, *s.stopped)
			f.emit(*s.stopped)
		}
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
	waiting := map[string]time.Time{} // by site: since when the oldest step waits
	busy := map[string]bool{}
	for _, a := range d.GetPendingActivities() {
		s, site := f.steps[a.GetActivityId()], f.sites[a.GetActivityId()]
		f.clock.saw(a.GetLastStartedTime().AsTime())
		f.clock.saw(a.GetLastHeartbeatTime().AsTime())
		if taken := a.GetLastStartedTime().AsTime(); taken.After(f.heard[site]) {
			f.heard[site] = taken
		}
		if s == nil || s.ended {
			continue
		}
		f.retried(s, a)
		if a.GetState() != enumspb.PENDING_ACTIVITY_STATE_SCHEDULED {
			busy[site] = true
			f.running(s, a)
			continue
		}
		if since, ok := waiting[site]; !s.scheduled.IsZero() && (!ok || s.scheduled.Before(since)) {
			waiting[site] = s.scheduled
		}
	}
	if t := d.GetPendingWorkflowTask(); t.GetAttempt() > manyTurns {
		f.tellOnce(stuckText)
	}
	for site := range busy {
		delete(waiting, site) // its worker does others first
	}
	f.waiting(asking, waiting)
}

// stuckText says that workers cannot advance the run.
const stuckText = "the run does not go on: no worker could advance it, and it is tried again; " +
	"if it stays so, bring the workers with --runs and this program to one version, with one key"

// stuck tells that a worker could not advance the run. The server gives the run to the next one.
func (f *Follower) stuck(worker string, why *failurepb.Failure) {
	f.tellOnce(fmt.Sprintf("%s could not advance the run, which is tried again: %s", worker, f.Server.Reason(why)))
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
		wait = max(0, next.AsTime().Sub(f.clock.now()))
	}
	text := f.Server.Reason(a.GetLastFailure())
	if t := a.GetLastFailure().GetTimeoutFailureInfo(); t != nil && t.GetTimeoutType() == enumspb.TIMEOUT_TYPE_HEARTBEAT {
		text = fmt.Sprintf("the worker of site %s has said nothing for %s", f.sites[s.report.ID], f.Run.Silence)
	}
	f.emit(runner.Event{Kind: runner.Retrying, Step: s.report.ID, Attempt: int(a.GetAttempt()) - 1, Wait: wait.Seconds(), Error: text})
}

// waiting tells of the sites whose steps no worker takes, once each. All times are the server's.
func (f *Follower) waiting(ctx context.Context, sites map[string]time.Time) {
	for name, oldest := range sites {
		if heard := f.heard[name]; heard.After(oldest) {
			oldest = heard
		}
		since := f.clock.now().Sub(oldest)
		if since < tellAfter || f.told["waits "+name] {
			continue
		}
		workers, err := f.workers(ctx, name)
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

// workers returns the identities of the workers that have asked for steps of a site lately.
func (f *Follower) workers(ctx context.Context, name string) ([]string, error) {
	return f.clock.workers(ctx, f.Server, name)
}

// WorkersOf returns the identities of the workers that have asked for steps of a site lately. The
// clock of this host is taken for that of the server.
func WorkersOf(ctx context.Context, c TaskQueues, name string) ([]string, error) {
	return (&clock{}).workers(ctx, c, name)
}
