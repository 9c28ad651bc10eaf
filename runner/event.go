package runner

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
)

// An Event is one thing that happened in a run. Its JSON is stable: names are added, but
// never changed or removed.
type Event struct {
	Time time.Time `json:"time"`
	Kind EventKind `json:"kind"`
	Mode Mode      `json:"mode,omitempty"` // of run-begin and run-end

	Step   string `json:"step,omitempty"`
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
	Error   string `json:"error,omitempty"`
	Hint    string `json:"hint,omitempty"` // what to do about Error

	Notes []string `json:"notes,omitempty"` // of step-end: see Finding
	Told  bool     `json:"-"`               // of step-end: the last apply told the same notes, and the step is unchanged

	Problems []fault.Problem `json:"problems,omitempty"` // of step-end: the parts of Error, if it has parts
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

// A RunLog keeps the events of one run in the state, one JSON object for each line.
type RunLog struct {
	Dir string // runs/TIME of the state

	file *os.File
	err  error // the first one
}

// keptRuns is how many runs a state keeps.
const keptRuns = 50

// NewRun makes the directory of a run that begins now. It deletes the oldest runs to
// keep no more than keptRuns.
func (s *Store) NewRun(now time.Time) (*RunLog, error) {
	if s.lock == nil {
		return nil, errReadOnly
	}
	runs := filepath.Join(s.dir, "runs")
	if err := removeOldest(runs, keptRuns-1); err != nil {
		return nil, fmt.Errorf("remove old runs: %w", err)
	}
	dir := filepath.Join(runs, now.UTC().Format("20060102T150405.000Z"))
	if _, err := durable.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keep the events of this run: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "events.jsonl"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("keep the events of this run: %w", err)
	}
	return &RunLog{Dir: dir, file: f}, nil
}

// removeOldest deletes all but the last leave entries. Their names sort by time.
func removeOldest(dir string, leave int) error {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return err
	}
	for _, e := range entries[:max(0, len(entries)-leave)] {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Observe writes an event. Close returns the error, if there is one.
func (l *RunLog) Observe(e Event) {
	if l.err != nil {
		return
	}
	b, err := json.Marshal(e)
	if err == nil {
		_, err = l.file.Write(append(b, '\n'))
	}
	l.err = err
}

// Close ends the log and returns the first error of the log.
func (l *RunLog) Close() error {
	err := l.file.Close()
	if l.err != nil {
		err = l.err
	}
	if err != nil {
		return fmt.Errorf("keep the events of this run: %w", err)
	}
	return nil
}
