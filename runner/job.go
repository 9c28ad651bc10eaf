package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"slices"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
)

// A job is the work on one step. It holds copies of everything it needs to know, so
// that it shares nothing with the runState.
type job struct {
	graph     *Graph
	node      *Node
	mode      Mode
	prior     *Record
	outputs   map[string]Outputs // of the steps that it waits for
	world     World              // for Inputs and Diff
	hardWorld World              // for Verify
	progress  *progress
	allow     func(step string, inputs []Input, items []Item) error // of the Runner

	vouched       []string // by the steps before it
	others        func() map[string]string
	rehearsal     Rehearsal // or nil
	changesBefore string    // in a diff: the nearest step before it that would change something, or ""
	unknownBefore string    // in a diff or a lock: the nearest step before it that was not looked at, or ""
	changing      []string  // in a diff or a lock: the steps before it that would change something or are not known
}

// A result is what a job returns.
type result struct {
	status  Status
	finding Finding
	outputs Outputs
	inputs  []Input
	why     string
	err     error
	record  *Record            // to be kept; nil: nothing new
	fills   map[string]Content // what is where when the step is done, by the names that claims knows
}

// Waits between the attempts of a step.
const (
	firstWait = time.Second
	maxWait   = 30 * time.Second
)

// run does the job: it attempts the step and finds the status for what came out.
func (j *job) run(ctx context.Context, note func(any)) result {
	j.progress.note = note
	if j.mode == ModeLookUp && !j.resolves() {
		return j.notAsked()
	}
	if why := j.waitReason(); why != "" {
		return j.waiting("%s", why)
	}
	if j.mode == ModeDiff && j.node.Type.Check && j.changesBefore != "" {
		return result{status: CheckAfter, why: "check, after " + j.changesBefore}
	}
	res := j.attempts(ctx, note)
	var unwritten *unwrittenError
	switch {
	case res.err == nil:
	case ctx.Err() != nil:
		res.status = Interrupted
	case errors.Is(res.err, fs.ErrNotExist) && j.bringer() != "":
		// What is missing is probably what that step would make.
		return j.waiting("%s has run (%v)", j.bringer(), res.err)
	case errors.As(res.err, &unwritten):
		return j.waiting("%s has run, which writes %s", unwritten.step, unwritten.path)
	default:
		res.status = Failed
	}
	return res
}

// bringer gives the nearest step before it that may make what the step reads: one that was not
// looked at, or one that would bring it to a server. It is "" if there is none.
func (j *job) bringer() string {
	if j.unknownBefore != "" {
		return j.unknownBefore
	}
	for _, id := range slices.Backward(j.changing) {
		if j.graph.makers.mayFill(id, j.node) {
			return id
		}
	}
	return ""
}

// waitReason says what a diff or a lock waits for: a reference whose value is not known yet.
// It is "" if there is none.
func (j *job) waitReason() string {
	if j.mode != ModeDiff && j.mode != ModeLookUp {
		return ""
	}
	for _, ref := range j.node.Step.With.Refs() {
		if _, later := lookup(j.outputs)(ref).Later(); later {
			return fmt.Sprintf("%s has run, which gives %s", ref.Step, ref.Output)
		}
	}
	return ""
}

// attempts tries the step until it succeeds, fails with an error that another
// attempt cannot help, or has no attempts left.
func (j *job) attempts(ctx context.Context, note func(any)) result {
	wait := firstWait
	for n := 1; ; n++ {
		res := j.attempt(ctx, note)
		if res.err == nil || n > j.node.Step.Retry || !fault.IsConnection(res.err) || ctx.Err() != nil {
			return res
		}
		note(retrying{attempt: n, wait: wait, err: res.err})
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return res
		}
		wait = min(2*wait, maxWait)
	}
}

// attempt makes a new step, so that it holds nothing of a failed attempt, and runs it
// as the mode demands. A panic becomes an error.
func (j *job) attempt(parent context.Context, note func(any)) (res result) {
	ctx, cancel := parent, context.CancelFunc(func() {})
	if d := j.node.Step.Timeout; d > 0 {
		ctx, cancel = context.WithTimeout(parent, d)
	}
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			note(panicked{stack: string(debug.Stack())})
			res = result{err: contractError("panic: %v", p)}
		}
		if res.err != nil && ctx.Err() != nil && parent.Err() == nil {
			res.err = fmt.Errorf("stopped after its timeout of %s: %w", j.node.Step.Timeout, res.err)
		}
	}()
	step, err := j.newStep()
	if err != nil {
		return result{err: err}
	}
	if j.mode == ModeVerify {
		outputs, err := j.verify(ctx, step)
		return result{status: Verified, outputs: outputs, err: err}
	}
	if r, ok := step.(Resolver); ok && j.mode == ModeLookUp {
		return j.lookUp(ctx, r)
	}
	return j.diffAndApply(ctx, step, note)
}

// newStep makes the step with its references resolved.
func (j *job) newStep() (Step, error) {
	step, with := j.graph.newStep(j.node), j.node.Step.With
	errs := with.Decode(step, lookup(j.outputs))
	if r, ok := step.(Rehearser); ok && j.rehearsal != nil {
		r.Rehearse(j.rehearsal)
	}
	if v, ok := step.(Validator); ok && len(errs) == 0 {
		errs = with.Explain(v.Validate())
	}
	if len(errs) > 0 {
		return nil, fault.WithHint(configError{errs}, errs[0].Hint)
	}
	if t, ok := step.(Truster); ok {
		t.Trust(j.vouched)
	}
	if s, ok := step.(Sparer); ok {
		s.Spare(j.others)
	}
	return step, nil
}

// A configError is a configuration that is wrong once its references are resolved.
// It is not a plan.Errors, since the plan could be run and one step failed.
type configError struct{ errs plan.Errors }

func (u configError) Error() string { return u.errs.Error() }

func (u configError) Unwrap() []error {
	all := make([]error, len(u.errs))
	for i, err := range u.errs {
		all[i] = err
	}
	return all
}

// diffAndApply diffs the step and, in an apply, applies the change and makes the record.
func (j *job) diffAndApply(ctx context.Context, step Step, note func(any)) result {
	if h, ok := step.(BeforeApplier); ok && j.mode == ModeApply && j.allow == nil {
		h.BeforeApply()
	}
	inputs, err := j.inputs(ctx, step)
	if err != nil {
		return result{err: err}
	}
	f, err := step.Diff(ctx, j.world, j.prior)
	if err == nil && f == nil {
		err = contractError("Diff gave neither a finding nor an error")
	}
	if err == nil && f.Change == nil && lacksDigest(inputs) {
		inputs, err = j.completeInputs(ctx, step)
	}
	key := keyOf(j.node.Type.Name, inputs)
	res := result{inputs: inputs, err: err, status: statusOf(f, j.prior != nil && j.prior.Key == key, err)}
	if err != nil {
		return res
	}
	res.finding = *f
	res.fills = byTruePlace(f.Fills)
	if res.err = j.claim(res.fills, note); res.err != nil {
		res.finding.Change = nil // nothing of it is done
		return res
	}
	if f.Change != nil && j.node.Type.Check {
		res.err = contractError("a check must not find a change")
		return res
	}
	if f.Err != nil && (f.Change == nil || j.mode == ModeDiff) {
		res.err = f.Err
		return res
	}
	if j.mode == ModeDiff {
		return j.diffResult(res)
	}
	if res.outputs = f.Outputs; f.Change != nil {
		res.outputs, res.err = j.apply(ctx, step, res, note)
		res.finding.Notes, res.fills = f.Notes, byTruePlace(f.Fills)
	} else {
		res.err = j.node.Type.checkOutputs(f.Outputs)
	}
	if res.err == nil && lacksDigest(inputs) {
		res.inputs, res.err = j.completeInputs(ctx, step)
		key = keyOf(j.node.Type.Name, res.inputs)
	}
	if res.err == nil {
		res.record = j.newRecord(res, key)
	}
	return res
}

// lacksDigest reports whether an input has no digest yet.
func lacksDigest(inputs []Input) bool {
	return slices.ContainsFunc(inputs, func(in Input) bool { return in.Digest == "" })
}

// completeInputs asks for the inputs again. Now each of them must have a digest.
func (j *job) completeInputs(ctx context.Context, step Step) ([]Input, error) {
	inputs, err := j.inputs(ctx, step)
	if err == nil && lacksDigest(inputs) {
		err = contractError("an input still has no digest at the end")
	}
	return inputs, err
}

func (j *job) inputs(ctx context.Context, step Step) ([]Input, error) {
	config, err := configInputs(step)
	if err != nil {
		return nil, err
	}
	config = shortened(j.redacted(config)) // the digest of a text with a secret would tell it
	own, err := step.Inputs(ctx, j.world)
	if err != nil {
		return nil, err
	}
	return j.redacted(slices.Concat(config, linkInputs(step), own)), nil
}

func (j *job) redacted(inputs []Input) []Input {
	return redactInputs(j.graph.Plan.Redactor, j.graph.Plan.Name, j.node.ID(), inputs)
}

// diffResult turns what an apply would do into the result of a diff.
func (j *job) diffResult(res result) result {
	change := res.finding.Change
	switch {
	case change == nil && j.unknownBefore != "":
		// That step may change what is right now.
		return j.waiting("%s has run", j.unknownBefore)
	case change == nil:
		res.status, res.outputs = Unchanged, res.finding.Outputs
		res.err = j.node.Type.checkOutputs(res.outputs)
		return res
	}
	res.status = ToCreate
	if len(change.Items) == 0 || slices.ContainsFunc(change.Items, func(it Item) bool { return it.Op != Create }) {
		res.status = ToChange
	}
	res.outputs, res.err = j.node.Type.planOutputs(res.finding.Outputs, j.node.ID())
	return res
}

// apply applies a change and returns the outputs, confirmed or verified.
func (j *job) apply(ctx context.Context, step Step, found result, note func(any)) (Outputs, error) {
	c := found.finding.Change
	if c.Apply == nil {
		return nil, contractError("the change has no Apply")
	}
	if j.allow != nil {
		secrets := j.graph.Plan.Redactor
		if err := j.allow(j.node.ID(), j.redacted(found.inputs), redactItems(secrets, c.Items)); err != nil {
			return nil, err
		}
	}
	ack := make(chan error, 1)
	note(changing{change: c, ack: ack})
	if err := <-ack; err != nil {
		return nil, err
	}
	outputs, err := c.Apply(ctx, j.progress)
	switch {
	case err != nil:
		return nil, err
	case found.finding.Err != nil:
		return nil, found.finding.Err
	case outputs != nil:
		return outputs, j.node.Type.checkOutputs(outputs)
	}
	return j.verify(ctx, step)
}

func (j *job) verify(ctx context.Context, step Step) (Outputs, error) {
	outputs, err := step.Verify(ctx, j.hardWorld)
	if err != nil {
		return nil, err
	}
	return outputs, j.node.Type.checkOutputs(outputs)
}

// newRecord makes the record to be kept. It is nil if the recorded one still holds, with
// the notes that the last apply told.
func (j *job) newRecord(res result, key string) *Record {
	notes := notesDigest(j.graph.Plan.Redactor, res.finding.Notes)
	if res.status == Unchanged && sameOutputs(res.outputs, j.prior.Outputs) {
		if notes == j.prior.Notes {
			return nil
		}
		again := *j.prior
		again.Notes = notes
		return &again
	}
	return &Record{
		Step: j.node.ID(), Type: j.node.Type.Name, Key: key, Inputs: res.inputs, Outputs: res.outputs,
		Changed: res.status == Changed, At: time.Now().UTC(), Notes: notes,
	}
}

// contractError is the error of a step that breaks its contract.
func contractError(format string, args ...any) error {
	return fault.WithHint(fmt.Errorf(format, args...), "this is a mistake in bayplan itself; please report it")
}

// lookup finds the values of references in outputs.
func lookup(outputs map[string]Outputs) plan.Lookup {
	return func(ref plan.Ref) plan.Value { return outputs[ref.Step][ref.Output] }
}

// statusOf decides the status of a step from what its Diff found. The key only decides
// whether there is something to record.
func statusOf(f *Finding, keyRecorded bool, err error) Status {
	switch {
	case err != nil:
		return Failed
	case f.Change != nil:
		return Changed
	case keyRecorded:
		return Unchanged
	default:
		return Adopted
	}
}
