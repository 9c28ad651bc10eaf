package history

import (
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

// Text returns the state in words for people.
func (s State) Text() string {
	switch s {
	case UnderWay:
		return "under way"
	case Unknown:
		return "under way or killed"
	case Newer:
		return "recorded by a newer bayplan"
	}
	return string(s)
}

// A Result is what came out of a run, or what is known of one that has not ended.
type Result struct {
	State   State     `json:"state"`             // how it ended
	Ended   time.Time `json:"ended,omitzero"`    // when it ended
	Took    float64   `json:"took,omitempty"`    // seconds
	Summary string    `json:"summary,omitempty"` // its last line, for people

	Changed []StepChange          `json:"changed,omitempty"` // the steps that changed something, in the order in which they ended
	Failed  []StepFailure         `json:"failed,omitempty"`  // the steps that failed
	Counts  map[runner.Status]int `json:"counts,omitempty"`  // steps

	Items int   `json:"items,omitempty"` // that were finished
	Bytes int64 `json:"bytes,omitempty"` // moved
	// Mounted is the bytes of images that registries had elsewhere and mounted.
	Mounted int64 `json:"mounted,omitempty"`
	// Saved is the bytes that copying each image by itself would have moved besides.
	Saved int64 `json:"saved,omitempty"`
}

// A StepChange is what a run has changed by one step.
type StepChange struct {
	Step  string `json:"step"`            // its id
	Items int    `json:"items,omitempty"` // that were finished
	Bytes int64  `json:"bytes,omitempty"` // moved
}

// A StepFailure is why a step failed.
type StepFailure struct {
	Step  string `json:"step"`  // its id
	Error string `json:"error"` // its first line; the events have the whole
}

// Result returns what came out of the run, as far as it is known. Its State is "" if the
// run has not ended.
func (p *Progress) Result() Result {
	res := Result{Ended: p.Ended, Took: p.Took, Summary: p.Summary, Counts: map[runner.Status]int{}}
	unstarted := false // a step was left out because of an interruption
	for _, s := range p.ended {
		res.Counts[s.Status]++
		res.addStep(s)
		switch {
		case s.Status == runner.Failed:
			res.Failed = append(res.Failed, StepFailure{s.ID, firstLine(s.Error)})
		case s.Status == runner.Skipped && s.Blame == "":
			unstarted = true
		}
	}
	for _, s := range p.Running() {
		res.addStep(s)
	}
	switch {
	case !p.Over:
	case res.Counts[runner.Interrupted] > 0 || unstarted:
		res.State = Interrupted
	case res.Counts[runner.Failed] > 0:
		res.State = Failed
	default:
		res.State = Done
	}
	return res
}

// addStep adds what a step has done.
func (r *Result) addStep(s *StepProgress) {
	r.Items += s.Done
	r.Bytes += s.Bytes
	r.Mounted += s.Mounted
	r.Saved += s.Saved
	if s.Status == runner.Changed || s.Done > 0 || s.Bytes > 0 {
		r.Changed = append(r.Changed, StepChange{Step: s.ID, Items: s.Done, Bytes: s.Bytes})
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
