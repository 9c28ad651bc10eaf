// Package site does the steps of one site: it gets the plan from the run, keeps it with its state
// in a folder of this host, and has the runner of bayplan do the steps that it is asked for. Secrets
// and logins are those of this host. It does not know which step comes next.
package site

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
	Tell        func(line string)  // tells people at this host, or nil

	mu       sync.Mutex
	sessions map[string]*session // by plan
	attempts map[string]*attempt // by workflow and step
	arrived  int                 // counts attempts
	fetching sync.Mutex          // one plan at a time
	observed sync.Mutex          // one event at a time
	told     map[string]bool     // lines
}

// errStopping is why a step is stopped when its worker stops.
var errStopping = errors.New("the worker stops")

// Step is the activity that does a step. What comes of the step is its Result, also if it failed.
// An error means that another attempt has to follow.
func (s *Site) Step(ctx context.Context, packed []byte) ([]byte, error) {
	info := activity.GetInfo(ctx)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	me := s.newAttempt(cancel)
	defer me.beat(ctx)()
	stop := context.AfterFunc(stopping(ctx), func() { cancel(errStopping) })
	defer stop()

	task, err := flow.OpenTask(packed)
	if form := (*request.FormError)(nil); errors.As(err, &form) {
		err = fault.WithHint(fmt.Errorf("the worker of site %s has version %s: %w", s.Name, s.Version, form), "bring the worker and the centre to one version")
		return s.answer(ctx, info.TaskToken, task, refused(task, err))
	} else if err != nil {
		return nil, s.Secrets.Error(err)
	}
	key := info.WorkflowExecution.RunID + " " + task.Step
	if err := s.supersede(ctx, key, me); err != nil {
		return nil, again(err)
	}
	defer s.finish(key, me)
	result, err := s.do(ctx, me, info.WorkflowExecution, task)
	if err != nil || result.Status == runner.Interrupted {
		if err := s.unfinished(ctx, task, err); err != nil {
			return nil, err
		}
	}
	if err != nil {
		result = refused(task, err)
	}
	return s.answer(ctx, info.TaskToken, task, result)
}

// unfinished returns the error with which an attempt ends after which another one has to follow, nil
// if the step has ended: it failed, or the run was cancelled.
func (s *Site) unfinished(ctx context.Context, task *flow.Task, err error) error {
	cause, locked, lost := context.Cause(ctx), (*runner.LockedError)(nil), (*lostError)(nil)
	switch {
	case temporal.IsCanceledError(cause) && err != nil:
		return temporal.NewCanceledError()
	case cause != nil && !temporal.IsCanceledError(cause):
		return again(cause) // stopped, paused, reset, given up, replaced by another attempt
	case errors.As(err, &locked):
		s.tellOnce(task.Step + " waits: " + err.Error())
		held := fmt.Sprintf("site %s: another run holds the state of the plan there since %s", s.Name, locked.Holder.Since.Format(time.RFC3339))
		return temporal.NewApplicationErrorWithOptions(held, "locked", temporal.ApplicationErrorOptions{NextRetryDelay: 15 * time.Second})
	case errors.As(err, &lost):
		return s.Secrets.Error(err)
	}
	return nil
}

// again returns an error after which the server begins another attempt.
func again(cause error) error {
	return temporal.NewApplicationError(cause.Error(), "stopped")
}

// A lostError says that the server could not be asked.
type lostError struct{ error }

// Unwrap returns the error of the server.
func (e *lostError) Unwrap() error { return e.error }

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

// do has a step done in the session of its run. An error means that the step did not begin.
func (s *Site) do(ctx context.Context, me *attempt, of workflow.Execution, task *flow.Task) (result *flow.Result, err error) {
	bundle, err := s.bundle(ctx, of, task)
	if err != nil {
		return nil, err
	}
	given, err := s.given(ctx, of, task)
	if err != nil {
		return nil, err
	}
	open, err := s.enter(ctx, of.RunID, bundle)
	if err != nil {
		return nil, err
	}
	defer func() {
		if left := s.exit(open); left != nil && result != nil {
			end := &result.Events[len(result.Events)-1]
			end.Notes = append(end.Notes, left.Error())
		}
	}()
	if node := open.loaded.Graph.Node(task.Step); node == nil || node.Step.Site != s.Name {
		return nil, fmt.Errorf("the worker of site %s, version %s, reads the plan in another way than version %s: it has no step %s there", s.Name, s.Version, task.Version, task.Step)
	}
	if err := s.checkRecords(open, task); err != nil {
		return nil, err
	}
	s.watch(open, task.Step, me)
	step, err := open.steps.Do(ctx, task.Step, given)
	if err != nil {
		return nil, err
	}
	return s.result(open, me, step, task), nil
}

// bundle returns the plan of a run: that of the open session, or the one that lies here since an
// earlier step, or else the one with which the workflow began.
func (s *Site) bundle(ctx context.Context, of workflow.Execution, task *flow.Task) (*request.Bundle, error) {
	s.fetching.Lock()
	defer s.fetching.Unlock()
	s.mu.Lock()
	for _, open := range s.sessions {
		if open.bundle.Digest == task.Bundle {
			s.mu.Unlock()
			return open.bundle, nil
		}
	}
	s.mu.Unlock()
	head := request.Head{Form: task.Form, Version: task.Version, Bundle: task.Bundle}
	plan := strings.TrimPrefix(of.ID, flow.WorkflowID(""))
	if plan != filepath.Base(plan) || !filepath.IsLocal(plan) || plan == "." {
		return nil, fmt.Errorf("the run %q is of no plan that has a folder", of.ID)
	}
	file := filepath.Join(s.dir(plan), ownDir, "bundle")
	if packed, err := os.ReadFile(file); err == nil && request.Digest(packed) == task.Bundle {
		return head.OpenBundle(packed)
	}
	began, err := s.Server.Began(ctx, of)
	if err != nil {
		return nil, &lostError{err}
	}
	b, err := head.OpenBundle(began.Bundle)
	if err != nil {
		return nil, err
	}
	if err := put(file, began.Bundle); err != nil {
		return nil, fmt.Errorf("keep the plan: %w", err)
	}
	return b, nil
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
			return nil, &lostError{err}
		}
		result, err := flow.OpenResult(packed, id)
		if err != nil {
			return nil, err
		}
		given[id] = result.Outputs
	}
	return given, nil
}

// dir returns the folder of a plan.
func (s *Site) dir(plan string) string { return filepath.Join(s.Dir, plan) }

// tellOnce tells people at this host.
func (s *Site) tellOnce(line string) {
	s.mu.Lock()
	told := s.told[line]
	if s.told == nil || len(s.told) > 1000 {
		s.told = map[string]bool{}
	}
	s.told[line] = true
	s.mu.Unlock()
	if !told && s.Tell != nil {
		s.Tell(line)
	}
}
