package runner

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// A RunState says in a word how a run ended.
type RunState string

// All states of runs.
const (
	RunDone        RunState = "done"
	RunFailed      RunState = "failed"      // a step failed
	RunInterrupted RunState = "interrupted" // by a signal
	RunKilled      RunState = "killed"      // its process has ended without a word
	RunUnderWay    RunState = "under-way"
	RunUnknown     RunState = "unknown" // it is under way or was killed; only its own host knows
)

// A RunResult is what came out of a run, or what is known of one that has not ended.
type RunResult struct {
	State   RunState  `json:"state"`
	Ended   time.Time `json:"ended,omitzero"`
	Took    float64   `json:"took,omitempty"` // seconds
	Summary string    `json:"summary,omitempty"`

	Changed []RunChange    `json:"changed,omitempty"` // the steps that changed something, in the order in which they ended
	Failed  []RunFailure   `json:"failed,omitempty"`
	Counts  map[Status]int `json:"counts,omitempty"` // steps

	Items int   `json:"items,omitempty"` // that were finished
	Bytes int64 `json:"bytes,omitempty"` // moved
	// Mounted is the bytes of images that registries had elsewhere and mounted.
	Mounted int64 `json:"mounted,omitempty"`
	// Saved is the bytes that copying each image by itself would have moved besides.
	Saved int64 `json:"saved,omitempty"`
}

// A RunChange is what a run has changed by one step.
type RunChange struct {
	Step  string `json:"step"`
	Items int    `json:"items,omitempty"` // that were finished
	Bytes int64  `json:"bytes,omitempty"` // moved
}

// A RunFailure is why a step failed.
type RunFailure struct {
	Step  string `json:"step"`
	Error string `json:"error"` // its first line; the events have the whole
}

// A tally sums up the events of a run.
type tally struct {
	res       RunResult
	items     map[string]int   // finished, by step
	moved     map[string]int64 // by step, of those that have not ended
	ended     bool
	unstarted bool // a step was left out because of an interruption
}

func newTally() *tally {
	return &tally{res: RunResult{Counts: map[Status]int{}}, items: map[string]int{}, moved: map[string]int64{}}
}

// add takes the next event.
func (t *tally) add(e Event) {
	switch e.Kind {
	case Ticked:
		t.moved[e.Step] = e.Bytes
	case ItemDone:
		t.items[e.Step]++
		t.res.Items++
		if it := e.Item; it != nil {
			t.res.Mounted += it.Mounted
			if it.Size > it.Bytes {
				t.res.Saved += it.Size - it.Bytes
			}
		}
	case StepEnd:
		t.step(e)
	case RunEnd:
		t.ended = true
		t.res.Ended, t.res.Took, t.res.Summary = e.Time, e.Took, e.Message
	}
}

func (t *tally) step(e Event) {
	delete(t.moved, e.Step)
	t.res.Counts[e.Status]++
	t.res.Bytes += e.Bytes
	if n := t.items[e.Step]; e.Status == Changed || n > 0 || e.Bytes > 0 {
		t.res.Changed = append(t.res.Changed, RunChange{Step: e.Step, Items: n, Bytes: e.Bytes})
	}
	switch {
	case e.Status == Failed:
		t.res.Failed = append(t.res.Failed, RunFailure{e.Step, firstLine(e.Error)})
	case e.Status == Skipped && e.Blame == "":
		t.unstarted = true
	}
}

// result gives the result as far as it is known. Its State is "" if the run has not ended.
func (t *tally) result() *RunResult {
	res := t.res
	res.Changed = slices.Clone(res.Changed)
	for _, step := range slices.Sorted(maps.Keys(t.moved)) { // of a run that has not ended
		res.Bytes += t.moved[step]
		res.Changed = append(res.Changed, RunChange{Step: step, Items: t.items[step], Bytes: t.moved[step]})
	}
	switch {
	case !t.ended:
	case res.Counts[Interrupted] > 0 || t.unstarted:
		res.State = RunInterrupted
	case res.Counts[Failed] > 0:
		res.State = RunFailed
	default:
		res.State = RunDone
	}
	return &res
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
