package runner

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/bayplan/bayplan/internal/durable"
)

// A RunLog keeps the events of one run in the state, one JSON object a line.
type RunLog struct {
	Dir string // runs/TIME of the state

	file *os.File
	err  error // the first one
}

// keptRuns is how many runs are kept.
const keptRuns = 50

// NewRun makes a directory for a run that begins now. The oldest runs make
// room for it.
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

// removeOldest leaves the given number of entries; their names sort by time.
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

// Observe writes an event. What goes wrong is told by Close.
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

// Close ends the log and gives the first error there was.
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
