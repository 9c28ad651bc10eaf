// Package flow is the workflow that carries out a run: it has each step done at its site when the
// steps before it are done, wave by wave. The steps are data of the run, so a plan that changes
// does not change the workflow. It knows no plan and no step type.
package flow

import (
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/request"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/seal"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// longest is how long one attempt of a step may take. What ends a lost one is the silence of its
// worker.
const longest = 365 * 24 * time.Hour

// grace is how long a step that no worker has taken waits for the same news of other steps of its
// site, which tell a site that is busy from one that is silent.
const grace = 2 * time.Second

// A run is the state of a workflow. All of it follows from its history.
type run struct {
	*request.Run
	head  request.Head
	steps map[string]*step
	order []*step
	done  workflow.Channel // of *step
	hold  hold
	pack  request.Packer
}

// A step is what the workflow knows of one.
type step struct {
	*request.Step
	waits  int     // for how many steps
	feeds  []*step // that wait for it
	begun  int     // the hold's count when it began; 0: not yet
	over   int     // the hold's count when its activity was over
	ended  bool
	err    error  // of an activity without a result
	packed []byte // the result, if steps of other sites refer to it
	digest string // of packed
	bytes  int    // of the outputs in it
	result *Result
	ending *Ending

	untaken bool // no worker has taken it within the patience
}

// Run is the workflow. Its input is that of request.Packed; the plan, which comes last, is not opened.
// What this program cannot read is a panic: the turn fails and is tried again, and another worker
// may take it. An error would end the run.
func Run(ctx workflow.Context, head, packed converter.RawValue) (*Outcome, error) {
	opened, asked := open(head, packed)
	r := newRun(ctx, opened, asked)
	if err := workflow.SetQueryHandler(ctx, ValuesQuery, r.piece); err != nil {
		return nil, err
	}
	for r.start(ctx); r.hold.running > 0 || r.hold.pausing; r.start(ctx) {
		var s *step
		for more := r.done.Receive(ctx, &s); more; more = r.done.ReceiveAsync(&s) {
			if s.Step != nil { // a pause has none
				r.end(ctx, s)
			}
		}
	}
	for _, s := range r.order {
		if !s.ended {
			return nil, temporal.NewNonRetryableApplicationError("step "+s.ID+" was never begun: this is a fault of bayplan", "order", nil)
		}
	}
	outcome := r.outcome()
	if ctx.Err() != nil {
		return nil, temporal.NewCanceledError(outcome)
	}
	return outcome, nil
}

// open opens the input of a workflow, which the library has decrypted.
func open(head, packed converter.RawValue) (request.Head, *request.Run) {
	values := seal.Opened()
	var (
		h request.Head
		b []byte
	)
	err := errors.Join(values.FromPayload(head.Payload(), &h), values.FromPayload(packed.Payload(), &b))
	if err != nil {
		panic(err)
	}
	r, err := h.OpenRun(b)
	if err != nil {
		panic(err)
	}
	return h, r
}

func newRun(ctx workflow.Context, head request.Head, asked *request.Run) *run {
	r := &run{Run: asked, head: head, steps: map[string]*step{}, done: workflow.NewNamedChannel(ctx, "steps")}
	for i := range asked.Steps {
		s := &step{Step: &asked.Steps[i], waits: len(asked.Steps[i].Needs)}
		r.steps[s.ID], r.order = s, append(r.order, s)
	}
	for _, s := range r.order {
		for _, need := range s.Needs {
			r.steps[need].feeds = append(r.steps[need].feeds, s)
		}
	}
	r.hold = newHold(r.order)
	return r
}

// piece answers ValuesQuery.
func (r *run) piece(w Wanted) (*Piece, error) {
	s := r.steps[w.Step]
	if s == nil || s.packed == nil || w.From < 0 || w.From > len(s.packed) {
		return nil, fmt.Errorf("step %s has no outputs from byte %d on", w.Step, w.From)
	}
	return &Piece{Total: len(s.packed), Data: s.packed[w.From:min(len(s.packed), w.From+PieceSize)]}, nil
}

// start begins all steps that wait for nothing any more, and whose wave has come, as far as the
// server takes them.
func (r *run) start(ctx workflow.Context) {
	if ctx.Err() != nil {
		r.drop(func(*step) bool { return true }, Ending{Status: runner.Skipped, Why: "the run was cancelled before it began"})
		return
	}
	if why := full(ctx); why != "" {
		r.drop(func(*step) bool { return true }, Ending{Status: runner.Skipped, Why: why})
		return
	}
	wave := r.wave()
	for _, s := range r.order {
		if s.begun > 0 || s.ended || s.waits > 0 || s.Wave > wave || !r.hold.has(s.Site) {
			continue
		}
		if r.hold.running >= maxPending || r.hold.sent >= maxTurn {
			r.pause(ctx)
			return
		}
		r.begin(ctx, s)
	}
}

// wave returns the wave that may begin: the first one with steps that have not ended. If too many
// sites are not done with those before it, its steps and those of later waves are dropped.
func (r *run) wave() int {
	wave, begun := r.Waves+1, false
	for _, s := range r.order {
		if s.Wave > 0 && !s.ended {
			wave = min(wave, s.Wave)
		}
	}
	failed := map[string]bool{}
	for _, s := range r.order {
		begun = begun || s.Wave == wave && s.begun > 0
		if s.Wave > 0 && s.Wave < wave && (s.ending != nil || !done(s.result.Status)) {
			failed[s.Site] = true
		}
	}
	if r.Waves == 0 || r.MaxFailures < 0 || wave == 1 || wave > r.Waves || begun || len(failed) <= r.MaxFailures {
		return wave
	}
	why := fmt.Sprintf("wave %d was not begun: %s failed", wave, human.Count(len(failed), "site has", "sites have"))
	r.drop(func(s *step) bool { return s.Wave >= wave }, Ending{Status: runner.Skipped, Why: why})
	return wave
}

// drop ends all steps that have not begun and that match, and what waits for them.
func (r *run) drop(match func(*step) bool, as Ending) {
	for _, s := range r.order {
		if s.begun == 0 && !s.ended && match(s) {
			r.skip(s, as)
		}
	}
}

func (r *run) skip(s *step, as Ending) {
	as.ID = s.ID
	s.ended, s.ending = true, &as
	r.hold.ended(s)
	for _, next := range s.feeds {
		if !next.ended {
			r.skip(next, as)
		}
	}
}

// begin hands a step to the workers of its site.
func (r *run) begin(ctx workflow.Context, s *step) {
	packed, err := r.pack.Pack(r.task(s))
	if err != nil {
		panic(err) // a task is JSON
	}
	r.hold.begin(s, len(packed))
	workflow.Go(ctx, func(ctx workflow.Context) {
		for r.attempt(ctx, s, packed); r.busy(ctx, s); r.attempt(ctx, s, packed) {
			r.hold.again(s, len(packed))
		}
		r.done.Send(ctx, s)
	})
}

// attempt has a step done, and keeps what came of it.
func (r *run) attempt(ctx workflow.Context, s *step, packed []byte) {
	var result []byte
	s.err = workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ActivityID: s.ID, TaskQueue: SiteQueue(s.Site),
		ScheduleToStartTimeout: r.Patience, StartToCloseTimeout: longest, HeartbeatTimeout: r.Silence,
		WaitForCancellation: true,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
	}), ActivityName, packed).Get(ctx, &result)
	if s.err == nil {
		s.result, s.err = OpenResult(result, s.ID)
	}
	if s.err == nil && len(s.Gives) > 0 {
		s.packed, s.digest = result, request.Digest(result)
	}
}

// busy reports whether a step that no worker has taken waits behind others that its site does.
func (r *run) busy(ctx workflow.Context, s *step) bool {
	if s.untaken = untaken(s.err); !s.untaken || ctx.Err() != nil || workflow.Sleep(ctx, grace) != nil {
		return false
	}
	for _, other := range r.order {
		if other == s || other.Site != s.Site || other.begun == 0 || other.untaken {
			continue
		}
		if other.over == 0 && other.begun < s.begun || other.over > s.begun && other.result != nil {
			return true
		}
	}
	return false
}

// untaken reports whether the patience for a worker has ended.
func untaken(err error) bool {
	var timeout *temporal.TimeoutError
	return errors.As(err, &timeout) && timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START
}

// end takes a step that has ended, and releases or skips what waits for it.
func (r *run) end(ctx workflow.Context, s *step) {
	r.hold.end(s)
	r.hold.ended(s)
	s.ended = true
	switch cancelled := ctx.Err() != nil; {
	case s.err != nil && (temporal.IsCanceledError(s.err) || cancelled):
		s.ending = &Ending{ID: s.ID, Status: runner.Interrupted}
	case s.err != nil:
		s.ending = &Ending{ID: s.ID, Status: runner.Failed, Why: r.reason(s)}
	case !cancelled && (s.result.Status == runner.Interrupted || s.result.Status == runner.Skipped):
		s.ending = &Ending{ID: s.ID, Status: runner.Failed, Why: fmt.Sprintf("it was stopped at site %s, and the run was not cancelled", s.Site)}
	}
	if s.ending == nil && done(s.result.Status) {
		for _, next := range s.feeds {
			next.waits--
		}
		return
	}
	if ctx.Err() != nil {
		return // start drops the others
	}
	for _, next := range s.feeds {
		if !next.ended {
			r.skip(next, Ending{Status: runner.Skipped, Why: "needs " + s.ID + ", which failed", Blame: s.ID})
		}
	}
}

// reason says why a step has no result.
func (r *run) reason(s *step) string {
	if untaken(s.err) {
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
