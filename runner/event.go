package runner

import (
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

// An Event is one thing that happened in a run. Its JSON is stable: names are added, but
// never changed or removed.
type Event struct {
	FormatVersion int `json:"format_version"` // see FormatVersion

	Time time.Time `json:"time"`           // when it happened
	Kind EventKind `json:"kind"`           // what happened
	Mode Mode      `json:"mode,omitempty"` // of run-begin and run-end

	Step   string `json:"step,omitempty"`   // the step it is about; none: the run
	Type   string `json:"type,omitempty"`   // of step-begin and step-end
	Status Status `json:"status,omitempty"` // of step-end
	Blame  string `json:"blame,omitempty"`  // of step-end: the failed step because of which it was skipped

	Item  *Item `json:"item,omitempty"`  // of item: what is finished
	Items int   `json:"items,omitempty"` // of run-begin: steps; of step-change: items; of progress: finished items
	Bytes int64 `json:"bytes,omitempty"` // of progress and step-end: moved so far
	Total int64 `json:"total,omitempty"` // of step-change and progress: to be moved, as far as known

	Attempt int     `json:"attempt,omitempty"` // of retry: the attempt that failed, from 1
	Wait    float64 `json:"wait,omitempty"`    // of retry: seconds until the next attempt
	Took    float64 `json:"took,omitempty"`    // of step-end and run-end: seconds

	Message string `json:"message,omitempty"` // for people; one line, except for debug
	Error   string `json:"error,omitempty"`   // of step-end and retry: why it failed
	Hint    string `json:"hint,omitempty"`    // what to do about the error

	Notes []string `json:"notes,omitempty"` // of step-end: what people should know though nothing is done about it
	Told  bool     `json:"-"`               // of step-end: the last apply told the same notes, and the step is unchanged

	Problems []fault.Problem `json:"problems,omitempty"` // of step-end: the parts of the error, if it has parts

	// These are in the log of a run only: they may be long.
	Change  []Item  `json:"-"` // of step-change: what is to be done
	Outputs Outputs `json:"-"` // of step-end: as found or confirmed, without those that hold a secret

	Vouched []string           `json:"-"` // of step-end: see Finding
	Fills   map[string]Content `json:"-"` // of step-end: see StepReport
}

// An EventKind says what happened.
type EventKind string

// All kinds of events. A run has one run-begin at its start and one run-end at its end.
// Each of its steps has one step-end.
const (
	RunBegin   EventKind = "run-begin"   // Items: the number of steps
	StepBegin  EventKind = "step-begin"  // a step begins
	StepChange EventKind = "step-change" // a change is about to be applied
	ItemDone   EventKind = "item"        // one item of a change is finished
	Ticked     EventKind = "progress"    // bytes were moved; at most one for each second and step
	Retrying   EventKind = "retry"       // an attempt failed, another follows
	Debug      EventKind = "debug"       // for whoever fixes bayplan: the stack of a panic
	StepEnd    EventKind = "step-end"    // a step has ended, or will not run
	RunEnd     EventKind = "run-end"     // Message: the summary
)

// FanOut returns an observer that calls all others. It ignores nil ones.
func FanOut(observers ...func(Event)) func(Event) {
	return func(e Event) {
		for _, observe := range observers {
			if observe != nil {
				observe(e)
			}
		}
	}
}
