package flow

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/request"
	"github.com/bayplan/bayplan/runner"
)

// The names that programs of all versions share. Another way of working gets another name, so that
// open runs end as they began.
const (
	WorkflowName = "bayplan.run.v1"
	ActivityName = "bayplan.step.v1"
	ValuesQuery  = "values" // takes a Wanted, gives a Piece
	DigestMemo   = "digest"

	queue = "bayplan-runs"
)

// Queue returns the task queue of the runs that are encrypted with a key, "": with none. Programs
// with other keys cannot advance them, and ask for none of them.
func Queue(key string) string {
	if key == "" {
		return queue
	}
	return queue + "-" + key
}

// SiteQueue returns the task queue of a site.
func SiteQueue(site string) string { return "bayplan-site-" + site }

// WorkflowID returns the id of the run of a plan. Only one of an id can be open.
func WorkflowID(plan string) string { return "bayplan/" + plan }

// A Task is what a worker gets to do. It travels packed.
type Task struct {
	Form    int      `json:"form"`
	Version string   `json:"version"` // of the program that started the run
	Bundle  string   `json:"bundle"`  // the digest of the plan, which the worker finds where the workflow began
	Step    string   `json:"step"`
	Gives   []string `json:"gives,omitempty"` // which outputs its Result has

	// Given are the outputs of steps of other sites to which the step refers. Ask has the steps
	// whose outputs are too large to come with the task, each with the digest of its packed Result.
	Given map[string]runner.Outputs `json:"given,omitempty"`
	Ask   map[string]string         `json:"ask,omitempty"`

	// Records has the steps of the same site to whose outputs the step refers, each with the
	// Record of its Result.
	Records map[string]string `json:"records,omitempty"`
}

// OpenTask reads a packed Task. If the form is not known, the error is a *request.FormError.
func OpenTask(packed []byte) (*Task, error) {
	t := &Task{}
	if err := request.Open(packed, request.MaxResult, t); err != nil {
		return nil, fmt.Errorf("read a task: %w", err)
	}
	return t, request.CheckForm(t.Form, t.Version)
}

// A Result is what came of a step. It travels packed.
type Result struct {
	Version string         `json:"version"` // of the worker
	Worker  string         `json:"worker"`  // its identity
	Status  runner.Status  `json:"status"`
	Events  []runner.Event `json:"events"` // of the step, but for items and progress; the last one is its end

	Outputs runner.Outputs `json:"outputs,omitempty"` // those to which steps of other sites refer
	Record  string         `json:"record,omitempty"`  // the digest of all its outputs, as RecordOf gives it
}

// RecordOf returns the digest of the outputs of a step in the state of its site.
func RecordOf(outputs runner.Outputs) string {
	b, err := json.Marshal(outputs)
	if err != nil {
		return "" // a text that is no JSON does not exist
	}
	return request.Digest(b)
}

// statuses are those that a step can end with.
var statuses = []runner.Status{runner.Unchanged, runner.Changed, runner.Adopted, runner.Failed, runner.Skipped, runner.Interrupted}

// done reports whether a step that ended with a status is done.
func done(s runner.Status) bool {
	return s == runner.Unchanged || s == runner.Changed || s == runner.Adopted
}

// kinds are those of events that a Result may have.
var kinds = []runner.EventKind{runner.StepBegin, runner.StepChange, runner.Retrying, runner.Debug, runner.StepEnd}

// Check returns an error if a Result cannot be one of the step with an id. What a site sends is
// checked by all who read it: one site must not confuse the run.
func (r *Result) Check(id string) error {
	if !slices.Contains(statuses, r.Status) {
		return fmt.Errorf("a result of step %s has the status %q, which is none", id, r.Status)
	}
	ends := 0
	for _, e := range r.Events {
		if e.Step != id || !slices.Contains(kinds, e.Kind) {
			return fmt.Errorf("a result of step %s has an event %q of step %q", id, e.Kind, e.Step)
		}
		if e.Kind == runner.StepEnd {
			ends++
		}
	}
	if ends != 1 {
		return fmt.Errorf("a result of step %s has %d ends of the step", id, ends)
	}
	if last := r.Events[len(r.Events)-1]; last.Kind != runner.StepEnd || last.Status != r.Status {
		return fmt.Errorf("a result of step %s says %s, and its last event says %s %s", id, r.Status, last.Kind, last.Status)
	}
	return nil
}

// OpenResult reads and checks the packed Result of a step.
func OpenResult(packed []byte, id string) (*Result, error) {
	r := &Result{}
	if err := request.Open(packed, request.MaxResult, r); err != nil {
		return nil, fmt.Errorf("read a result of step %s: %w", id, err)
	}
	if err := r.Check(id); err != nil {
		return nil, err
	}
	return r, nil
}

// An Ending is how a step ended that has no Result that counts.
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

// A Wanted asks for a piece of the packed Result of a step.
type Wanted struct {
	Step string `json:"step"`
	From int    `json:"from"` // how many bytes are there already
}

// PieceSize is how many bytes a Piece has at most: a thin line brings it within one answer.
const PieceSize = 128 << 10

// A Piece is a part of a packed Result.
type Piece struct {
	Total int    `json:"total"` // bytes of the whole
	Data  []byte `json:"data"`
}

// A Beat is how far a step is. It is for people; nothing is decided by it.
type Beat struct {
	Bytes   int64  `json:"bytes,omitempty"`
	Total   int64  `json:"total,omitempty"`
	Items   int    `json:"items,omitempty"` // to do
	Done    int    `json:"done,omitempty"`
	Summary string `json:"summary,omitempty"` // of the change
}
