// Package site does the steps of one site: it gets the plan from the run, keeps it with its state
// in a folder of this host, and runs one step at a time with the runner of bayplan. Secrets and
// logins are those of this host. It does not know which step comes next.
package site

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/flow"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/request"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/wire"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/runner"
)

// A Site is the worker of one site. Set its fields before its first step.
type Site struct {
	Name     string
	Dir      string // where the plans lie, one folder each
	StateDir string // where their states lie; "": beside each plan, as with bayplan apply
	Version  string
	Identity string // of the worker

	Connections string // a file whose connections replace those of plans, or ""
	Server      *wire.Wire
	Secrets     *redact.Redactor
	Observe     func(runner.Event) // gets the events of all steps, or nil

	mu       sync.Mutex
	asked    map[string]*request.Bundle // the last plan of each workflow
	sessions map[string]*session        // by plan
	attempts map[string]*attempt        // by workflow and step
	memories map[string]*claimsOfRun    // by plan
	observed sync.Mutex                 // one event at a time
	lastLog  time.Time                  // when the log of a run began
}

// An attempt is a step that runs.
type attempt struct {
	cancel context.CancelCauseFunc
	over   chan struct{}
}

// The reasons for which a step is stopped and another attempt follows.
var (
	errStopping   = errors.New("the worker stops")
	errSuperseded = errors.New("another attempt of the step has begun")
)

// Step is the activity that does a step. What comes of the step is its Result, also if it failed.
// An error means that another attempt has to follow.
func (s *Site) Step(ctx context.Context, packed []byte) ([]byte, error) {
	task, err := flow.OpenTask(packed)
	if form := (*request.FormError)(nil); errors.As(err, &form) {
		return s.refuse(task, fault.WithHint(fmt.Errorf("the worker of site %s has version %s: %w", s.Name, s.Version, form), "bring the worker and the centre to one version"))
	} else if err != nil {
		return nil, err
	}
	info := activity.GetInfo(ctx)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	key := info.WorkflowExecution.RunID + " " + task.Step
	me := &attempt{cancel, make(chan struct{})}
	if err := s.supersede(ctx, key, me); err != nil {
		return nil, err
	}
	defer s.finish(key, me)
	stop := context.AfterFunc(stopping(ctx), func() { cancel(errStopping) })
	defer stop()

	run, err := s.request(ctx, info.WorkflowExecution, task.Bundle)
	if form := (*request.FormError)(nil); errors.As(err, &form) {
		return s.refuse(task, fault.WithHint(fmt.Errorf("the worker of site %s has version %s: %w", s.Name, s.Version, form), "bring the worker and the centre to one version"))
	} else if err != nil {
		return nil, err
	}
	given, err := s.given(ctx, info.WorkflowExecution, task)
	if err != nil {
		return nil, err
	}
	result, err := s.do(ctx, run, &job{run: info.WorkflowExecution.RunID, task: task, given: given})
	if cause := context.Cause(ctx); errors.Is(cause, errStopping) || errors.Is(cause, errSuperseded) {
		return nil, temporal.NewApplicationErrorWithCause(cause.Error(), "stopped", cause)
	}
	if locked := (*runner.LockedError)(nil); errors.As(err, &locked) {
		return nil, temporal.NewApplicationErrorWithOptions(err.Error(), "locked", temporal.ApplicationErrorOptions{NextRetryDelay: 15 * time.Second, Cause: err})
	}
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return s.refuse(task, err)
	}
	return s.pack(result)
}

// stopping returns a context that ends when the worker begins to stop.
func stopping(ctx context.Context) context.Context {
	stop, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer cancel()
		select {
		case <-activity.GetWorkerStopChannel(ctx):
		case <-ctx.Done():
		}
	}()
	return stop
}

// supersede stops an earlier attempt of the same step, which the server has given up, and waits
// until it is over: two would undo each other's work.
func (s *Site) supersede(ctx context.Context, key string, me *attempt) error {
	for {
		s.mu.Lock()
		if s.attempts == nil {
			s.attempts = map[string]*attempt{}
		}
		before := s.attempts[key]
		if before == nil {
			s.attempts[key] = me
		}
		s.mu.Unlock()
		if before == nil {
			return nil
		}
		before.cancel(errSuperseded)
		select {
		case <-before.over:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *Site) finish(key string, me *attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.attempts, key)
	close(me.over)
}

// request returns the plan of a workflow. It is a part of the input with which the workflow began.
func (s *Site) request(ctx context.Context, of workflow.Execution, digest string) (*request.Bundle, error) {
	s.mu.Lock()
	known := s.asked[of.ID]
	s.mu.Unlock()
	if known != nil && known.Digest == digest {
		return known, nil
	}
	began, err := s.Server.Began(ctx, of)
	if err != nil {
		return nil, err
	}
	if began.Head.Bundle != digest {
		return nil, fmt.Errorf("the workflow began with the plan %s, and the task is of %s", began.Head.Bundle, digest)
	}
	bundle, err := began.Head.OpenBundle(began.Bundle)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked == nil {
		s.asked = map[string]*request.Bundle{}
	}
	s.asked[of.ID] = bundle
	return bundle, nil
}

// given returns the outputs of steps of other sites, and asks the workflow for those that did not
// come with the task.
func (s *Site) given(ctx context.Context, of workflow.Execution, task *flow.Task) (map[string]runner.Outputs, error) {
	given := map[string]runner.Outputs{}
	for id, outputs := range task.Given {
		given[id] = outputs
	}
	for id, digest := range task.Ask {
		packed, err := s.Server.Result(ctx, of, id, digest)
		if err != nil {
			return nil, err
		}
		result, err := flow.OpenResult(packed, id)
		if err != nil {
			return nil, err
		}
		given[id] = result.Outputs
	}
	return given, nil
}

// refuse returns the result of a step that could not be begun.
func (s *Site) refuse(task *flow.Task, err error) ([]byte, error) {
	err = s.Secrets.Error(err)
	return s.pack(&flow.Result{Status: runner.Failed, Events: []runner.Event{{
		FormatVersion: runner.FormatVersion, Time: time.Now(), Kind: runner.StepEnd, Step: task.Step, Status: runner.Failed,
		Error: err.Error(), Hint: fault.Hint(err), Problems: fault.Problems(err),
	}}})
}

// pack returns a result as it travels. One that is too large becomes the result of a failed step.
func (s *Site) pack(r *flow.Result) ([]byte, error) {
	r.Version, r.Worker = s.Version, s.Identity
	packed, err := request.Pack(r)
	if err != nil || len(packed) <= request.MaxPayload {
		return packed, err
	}
	r.Outputs, r.Status = nil, runner.Failed
	end := &r.Events[len(r.Events)-1]
	end.Status, end.Problems, end.Notes = runner.Failed, nil, nil
	end.Error = "its outputs are too large to travel to another site: Temporal takes at most 2 MiB in one value"
	end.Hint = "split the list of images over several steps, or let the steps that need the outputs run at this site"
	return request.Pack(r)
}

// dir returns the folder of a plan.
func (s *Site) dir(plan string) string { return filepath.Join(s.Dir, plan) }
