package history

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bayplan/bayplan/runner"
)

// A State says in a word how a run ended.
type State string

// All states of runs.
const (
	Done        State = "done"
	Failed      State = "failed"      // a step failed
	Interrupted State = "interrupted" // by a signal
	Killed      State = "killed"      // its process has ended without a word
	UnderWay    State = "under-way"
	Unknown     State = "unknown" // it is under way or was killed; only its own host knows
	Newer       State = "newer"   // a newer bayplan has recorded it in a form that this one does not know
)

// Words returns all states.
func (State) Words() []string {
	return []string{string(Done), string(Failed), string(Interrupted), string(Killed), string(UnderWay), string(Unknown), string(Newer)}
}

// A Result is what came out of a run, or what is known of one that has not ended.
type Result struct {
	State   State     `json:"state"`
	Ended   time.Time `json:"ended,omitzero"`
	Took    float64   `json:"took,omitempty"` // seconds
	Summary string    `json:"summary,omitempty"`

	Changed []StepChange          `json:"changed,omitempty"` // the steps that changed something, in the order in which they ended
	Failed  []StepFailure         `json:"failed,omitempty"`
	Counts  map[runner.Status]int `json:"counts,omitempty"` // steps

	Items int   `json:"items,omitempty"` // that were finished
	Bytes int64 `json:"bytes,omitempty"` // moved
	// Mounted is the bytes of images that registries had elsewhere and mounted.
	Mounted int64 `json:"mounted,omitempty"`
	// Saved is the bytes that copying each image by itself would have moved besides.
	Saved int64 `json:"saved,omitempty"`
}

// A StepChange is what a run has changed by one step.
type StepChange struct {
	Step  string `json:"step"`
	Items int    `json:"items,omitempty"` // that were finished
	Bytes int64  `json:"bytes,omitempty"` // moved
}

// A StepFailure is why a step failed.
type StepFailure struct {
	Step  string `json:"step"`
	Error string `json:"error"` // its first line; the events have the whole
}

// A tally sums up the events of a run.
type tally struct {
	res       Result
	items     map[string]int   // finished, by step
	moved     map[string]int64 // by step, of those that have not ended
	ended     bool
	unstarted bool // a step was left out because of an interruption
}

func newTally() *tally {
	return &tally{res: Result{Counts: map[runner.Status]int{}}, items: map[string]int{}, moved: map[string]int64{}}
}

// add takes the next event.
func (t *tally) add(e runner.Event) {
	switch e.Kind {
	case runner.Ticked:
		t.moved[e.Step] = e.Bytes
	case runner.ItemDone:
		t.items[e.Step]++
		t.res.Items++
		if it := e.Item; it != nil {
			t.res.Mounted += it.Mounted
			if it.Size > it.Bytes {
				t.res.Saved += it.Size - it.Bytes
			}
		}
	case runner.StepEnd:
		t.step(e)
	case runner.RunEnd:
		t.ended = true
		t.res.Ended, t.res.Took, t.res.Summary = e.Time, e.Took, e.Message
	}
}

func (t *tally) step(e runner.Event) {
	delete(t.moved, e.Step)
	t.res.Counts[e.Status]++
	t.res.Bytes += e.Bytes
	if n := t.items[e.Step]; e.Status == runner.Changed || n > 0 || e.Bytes > 0 {
		t.res.Changed = append(t.res.Changed, StepChange{Step: e.Step, Items: n, Bytes: e.Bytes})
	}
	switch {
	case e.Status == runner.Failed:
		t.res.Failed = append(t.res.Failed, StepFailure{e.Step, firstLine(e.Error)})
	case e.Status == runner.Skipped && e.Blame == "":
		t.unstarted = true
	}
}

// result gives the result as far as it is known. Its State is "" if the run has not ended.
func (t *tally) result() *Result {
	res := t.res
	res.Changed = slices.Clone(res.Changed)
	for _, step := range slices.Sorted(maps.Keys(t.moved)) { // of a run that has not ended
		res.Bytes += t.moved[step]
		res.Changed = append(res.Changed, StepChange{Step: step, Items: t.items[step], Bytes: t.moved[step]})
	}
	switch {
	case !t.ended:
	case res.Counts[runner.Interrupted] > 0 || t.unstarted:
		res.State = Interrupted
	case res.Counts[runner.Failed] > 0:
		res.State = Failed
	default:
		res.State = Done
	}
	return &res
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
