package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/flow"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/request"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// result makes the result of a step that has ended.
func (s *Site) result(open *session, me *attempt, step *runner.StepReport, task *flow.Task) *flow.Result {
	me.mu.Lock()
	events := slices.Clone(me.events)
	me.mu.Unlock()
	r := &flow.Result{Status: step.Status, Events: events, Outputs: runner.Outputs{}}
	if step.Status != runner.Failed && step.Status != runner.Interrupted {
		r.Record = s.remember(open, task.Step, step.Outputs)
	}
	for _, name := range task.Gives {
		if v, ok := step.Outputs[name]; ok {
			r.Outputs[name] = v
		}
	}
	return r
}

// refused makes the result of a step that did not begin.
func refused(task *flow.Task, err error) *flow.Result {
	return &flow.Result{Status: runner.Failed, Events: []runner.Event{{
		FormatVersion: runner.FormatVersion, Time: time.Now(), Kind: runner.StepEnd, Step: task.Step, Status: runner.Failed,
		Error: err.Error(), Hint: fault.Hint(err), Problems: fault.Problems(err),
	}}}
}

// answer gives the server the result of a step, and asks again until the server has taken it.
func (s *Site) answer(ctx context.Context, token []byte, task *flow.Task, r *flow.Result) ([]byte, error) {
	packed, err := s.pack(r, task)
	if err != nil {
		return nil, err
	}
	// The result also counts when the run was cancelled. When the worker stops, the next attempt
	// finds the step done.
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(stopping(sending), cancel)()
	if err := s.Server.Complete(sending, token, packed); err != nil {
		return nil, s.Secrets.Error(err)
	}
	return nil, activity.ErrResultPending
}

// pack returns a result as it travels: without secrets, and small enough. What a step tells is cut
// before its outputs are.
func (s *Site) pack(r *flow.Result, task *flow.Task) ([]byte, error) {
	r.Version, r.Worker = s.Version, s.Identity
	s.mask(r, task)
	packed, err := request.Pack(r)
	if err != nil || fits(packed, r) {
		return packed, err
	}
	end := r.Events[len(r.Events)-1]
	end.Error, end.Problems = human.Cut(end.Error, maxError, "…"), nil
	end.Notes = []string{"what the step told was too much to travel: the log of the run at the site has it"}
	r.Events = []runner.Event{end}
	if packed, err = request.Pack(r); err != nil || fits(packed, r) {
		return packed, err
	}
	size := human.Size(int64(len(packed)))
	r.Outputs = nil
	return s.refuse(r, fault.WithHint(
		fmt.Errorf("its outputs are too large to travel to other sites: they take %s, and one value takes at most %s compressed and %s unpacked", size, human.Size(request.MaxPayload), human.Size(request.MaxResult)),
		"split the list of images over several steps, or let the steps that need the outputs run at this site"))
}

// refuse makes the result that of a failed step.
func (s *Site) refuse(r *flow.Result, err error) ([]byte, error) {
	fail(r, err)
	return request.Pack(r)
}

func fail(r *flow.Result, err error) {
	r.Status, r.Record = runner.Failed, ""
	end := &r.Events[len(r.Events)-1]
	end.Status, end.Error, end.Hint = runner.Failed, err.Error(), fault.Hint(err)
}

// maxError is how many columns an error may have of a step that tells too much.
const maxError = 16 << 10

// fits reports whether a result may travel.
func fits(packed []byte, r *flow.Result) bool {
	b, err := json.Marshal(r)
	return err == nil && len(packed) <= request.MaxPayload && len(b) <= request.MaxResult
}

// mask masks all secrets that are known here. An output with one in it does not travel.
func (s *Site) mask(r *flow.Result, task *flow.Task) {
	for i, e := range r.Events {
		r.Events[i] = runner.RedactEvent(s.Secrets, e)
	}
	shown := runner.RedactEvent(s.Secrets, runner.Event{Outputs: r.Outputs}).Outputs
	for _, name := range task.Gives {
		_, given := r.Outputs[name]
		if _, ok := shown[name]; given && !ok {
			fail(r, fault.WithHint(fmt.Errorf("its output %q has a secret in it, and no secret travels to another site", name), "let the steps that use it run at this site"))
		}
	}
	r.Outputs = shown
}

// checkRecords refuses a step that uses outputs of steps of this site if they are not those with which
// these steps have ended in this run: another worker has done them, or the state is an older one.
func (s *Site) checkRecords(open *session, task *flow.Task) error {
	var errs []error
	for id, digest := range task.Records {
		if s.recorded(open, id) != digest {
			errs = append(errs, fmt.Errorf("what the state here has of step %s is not what the step gave in this run: another worker of site %s did it, or the state is an older one", id, s.Name))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return fault.WithHint(errors.Join(errs...), "keep one worker for the site, and run the plan again")
}
