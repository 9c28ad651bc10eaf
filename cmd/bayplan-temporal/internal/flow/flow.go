// Package flow is the workflow that carries out a run: it has each step done at its site when the
// steps before it are done, wave by wave. The steps are data of the run, so a plan that changes
// does not change the workflow. It knows no plan and no step type.
package flow

import (
	"errors"
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/request"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// The names that programs of all versions share. Another way of working gets another name, so that
// open runs end as they began.
const (
	WorkflowName = "bayplan.run.v1"
	ActivityName = "bayplan.step.v1"
	ValuesQuery  = "values" // the outputs of a step that others refer to
	DigestMemo   = "digest"

	Queue = "bayplan-runs" // of workflows
)

// SiteQueue returns the task queue of a site.
func SiteQueue(site string) string { return "bayplan-site-" + site }

// WorkflowID returns the id of the run of a plan. Only one of an id can be open.
func WorkflowID(plan string) string { return "bayplan/" + plan }

// longest is how long one attempt of a step may take. What ends a lost one is the silence of its
// worker.
const longest = 365 * 24 * time.Hour

// maxInline is how many bytes of values go with a task. More are asked for by the worker, or each
// of them would be in the history once a site.
const maxInline = 16 << 10

// A Task is what a worker gets to do.
type Task struct {
	Digest string `json:"digest"` // of the run, which the worker finds where its workflow began
	Step   string `json:"step"`

	Given   map[string]runner.Outputs `json:"given,omitempty"`   // outputs of steps of other sites
	Ask     []string                  `json:"ask,omitempty"`     // steps of other sites whose outputs are asked for
	Vouched []string                  `json:"vouched,omitempty"` // of earlier steps of the same site
}

// A Result is what came of a step.
type Result struct {
	Version string         `json:"version"` // of the worker
	Worker  string         `json:"worker"`  // its identity
	Status  runner.Status  `json:"status"`
	Events  []runner.Event `json:"events"` // of the step, but for items and progress

	Outputs runner.Outputs `json:"outputs,omitempty"` // those to which steps of other sites refer
	Vouched []string       `json:"vouched,omitempty"`
}

// An Ending is how a step ended that has no Result.
type Ending struct {
	ID     string        `json:"id"`
	Status runner.Status `json:"status"` // failed, skipped or interrupted
	Why    string        `json:"why,omitempty"`
	Blame  string        `json:"blame,omitempty"` // the failed step for which it was skipped
}

// An Outcome is what came of a run beside the Results.
type Outcome struct {
	Endings []Ending `json:"endings,omitempty"` // in file order
}

// A run is the state of a workflow. All of it follows from its history.
type run struct {
	*request.Run
	steps   map[string]*step
	order   []*step
	done    workflow.Channel // of *step
	running int
	failed  map[string]bool // sites
}

// A step is what the workflow knows of one.
type step struct {
	*request.Step
	waits  int     // for how many steps
	feeds  []*step // that wait for it
	begun  bool
	ended  bool
	err    error // of an activity without a result
	result *Result
	ending *Ending
}

// Run is the workflow. packed is a request.Run.
func Run(ctx workflow.Context, packed []byte) (*Outcome, error) {
	asked, err := request.Unpack(packed)
	if err != nil {
		return nil, temporal.NewNonRetryableApplicationError(err.Error(), "form", err)
	}
	r := newRun(ctx, asked)
	if err := workflow.SetQueryHandler(ctx, ValuesQuery, r.values); err != nil {
		return nil, err
	}
	for r.start(ctx); r.running > 0; r.start(ctx) {
		var s *step
		r.done.Receive(ctx, &s)
		r.running--
		r.end(ctx, s)
	}
	outcome := r.outcome()
	if ctx.Err() != nil {
		return nil, temporal.NewCanceledError(outcome)
	}
	return outcome, nil
}

func newRun(ctx workflow.Context, asked *request.Run) *run {
	r := &run{Run: asked, steps: map[string]*step{}, done: workflow.NewChannel(ctx), failed: map[string]bool{}}
	for i := range asked.Steps {
		s := &step{Step: &asked.Steps[i], waits: len(asked.Steps[i].Needs)}
		r.steps[s.ID], r.order = s, append(r.order, s)
	}
	for _, s := range r.order {
		for _, need := range s.Needs {
			r.steps[need].feeds = append(r.steps[need].feeds, s)
		}
	}
	return r
}

// values answers ValuesQuery.
func (r *run) values(id string) ([]byte, error) {
	s := r.steps[id]
	if s == nil || s.result == nil {
		return nil, fmt.Errorf("step %s has no outputs yet", id)
	}
	return request.Pack(s.result.Outputs)
}

// start begins all steps that wait for nothing any more, and whose wave has come.
func (r *run) start(ctx workflow.Context) {
	if ctx.Err() != nil {
		r.drop(func(*step) bool { return true }, Ending{Status: runner.Skipped, Why: "the run was cancelled before it began"})
		return
	}
	wave := r.wave()
	for _, s := range r.order {
		if !s.begun && !s.ended && s.waits == 0 && s.Wave <= wave {
			r.begin(ctx, s)
		}
	}
}

// wave returns the wave that may begin: the first one with steps that have not ended. If too many
// sites have failed before it, its steps and those of later waves are dropped.
func (r *run) wave() int {
	wave, begun := r.Waves+1, false
	for _, s := range r.order {
		if s.Wave > 0 && !s.ended {
			wave = min(wave, s.Wave)
		}
	}
	for _, s := range r.order {
		begun = begun || s.Wave == wave && s.begun
	}
	if r.Waves == 0 || r.MaxFailures < 0 || wave == 1 || wave > r.Waves || begun || len(r.failed) <= r.MaxFailures {
		return wave
	}
	why := fmt.Sprintf("wave %d was not begun: %s failed", wave, human.Count(len(r.failed), "site has", "sites have"))
	r.drop(func(s *step) bool { return s.Wave >= wave }, Ending{Status: runner.Skipped, Why: why})
	return wave
}

// drop ends all steps that have not begun and that match, and what waits for them.
func (r *run) drop(match func(*step) bool, as Ending) {
	for _, s := range r.order {
		if !s.begun && !s.ended && match(s) {
			r.skip(s, as)
		}
	}
}

func (r *run) skip(s *step, as Ending) {
	as.ID = s.ID
	s.ended, s.ending = true, &as
	for _, next := range s.feeds {
		if !next.ended {
			r.skip(next, as)
		}
	}
}

// begin hands a step to the workers of its site.
func (r *run) begin(ctx workflow.Context, s *step) {
	s.begun = true
	r.running++
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ActivityID: s.ID, TaskQueue: SiteQueue(s.Site),
		ScheduleToStartTimeout: r.Patience, StartToCloseTimeout: longest, HeartbeatTimeout: r.Silence,
		WaitForCancellation: true,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
	})
	future := workflow.ExecuteActivity(ctx, ActivityName, r.task(s))
	workflow.Go(ctx, func(ctx workflow.Context) {
		var packed []byte
		s.err = future.Get(ctx, &packed)
		if s.err == nil {
			s.result = &Result{}
			s.err = request.Open(packed, s.result)
		}
		r.done.Send(ctx, s)
	})
}

// task makes what the worker gets of a step.
func (r *run) task(s *step) Task {
	t := Task{Digest: r.Digest, Step: s.ID, Given: map[string]runner.Outputs{}}
	size := 0
	for _, id := range s.Asks {
		outputs := r.steps[id].result.Outputs
		for _, v := range outputs {
			size += len(v.String())
		}
		if size > maxInline {
			t.Ask = append(t.Ask, id)
		} else {
			t.Given[id] = outputs
		}
	}
	seen := map[string]bool{}
	var add func(*step)
	add = func(before *step) {
		for _, need := range before.Needs {
			if n := r.steps[need]; !seen[need] {
				seen[need] = true
				if n.Site == s.Site && n.result != nil {
					t.Vouched = append(t.Vouched, n.result.Vouched...)
				}
				add(n)
			}
		}
	}
	add(s)
	slices.Sort(t.Vouched)
	t.Vouched = slices.Compact(t.Vouched)
	return t
}

// end takes a step that has ended, and releases or skips what waits for it.
func (r *run) end(ctx workflow.Context, s *step) {
	s.ended = true
	status := runner.Failed
	switch {
	case s.err != nil && (temporal.IsCanceledError(s.err) || ctx.Err() != nil):
		status = runner.Interrupted
		s.ending = &Ending{ID: s.ID, Status: status}
	case s.err != nil:
		s.ending = &Ending{ID: s.ID, Status: status, Why: r.reason(s)}
	default:
		status = s.result.Status
	}
	if status == runner.Interrupted {
		return // start drops the others
	}
	if status != runner.Failed {
		for _, next := range s.feeds {
			next.waits--
		}
		return
	}
	if s.Site != r.Centre {
		r.failed[s.Site] = true
	}
	for _, next := range s.feeds {
		if !next.ended {
			r.skip(next, Ending{Status: runner.Skipped, Why: "needs " + s.ID + ", which failed", Blame: s.ID})
		}
	}
}

// reason says why a step has no result.
func (r *run) reason(s *step) string {
	var timeout *temporal.TimeoutError
	if errors.As(s.err, &timeout) && timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START {
		return fmt.Sprintf("no worker of site %s has taken it in %s", s.Site, r.Patience)
	}
	return s.err.Error()
}

func (r *run) outcome() *Outcome {
	o := &Outcome{}
	for _, s := range r.order {
		if s.ending != nil {
			o.Endings = append(o.Endings, *s.ending)
		}
	}
	return o
}
