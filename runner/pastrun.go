package runner

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/internal/textfile"
)

// A PastRun is a run that the state has kept.
type PastRun struct {
	ID  string // its time: 20260102T150405.000Z
	Dir string

	RunInfo // only Mode and Began are known of a run of an earlier version
	RunResult

	secrets *redact.Redactor
}

// Runs returns the runs that the state has kept, the last one first. What cannot be read
// of a run is left out.
func (s *Store) Runs() ([]*PastRun, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, "runs")) // sorted by name
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var runs []*PastRun
	for _, e := range slices.Backward(entries) {
		if _, err := time.Parse(runIDFormat, e.Name()); err != nil || !e.IsDir() {
			continue
		}
		r, err := s.readRun(e.Name(), len(runs) == 0)
		if err != nil {
			return nil, fmt.Errorf("read the run %s: %w", e.Name(), err)
		}
		runs = append(runs, r)
	}
	return runs, nil
}

// readRun reads what is known of a run. Only the last run may be under way.
func (s *Store) readRun(id string, last bool) (*PastRun, error) {
	r := &PastRun{ID: id, Dir: filepath.Join(s.dir, "runs", id)}
	r.Began, _ = time.Parse(runIDFormat, id)
	rec, err := readRunRecord(r.Dir)
	if err != nil {
		return nil, err
	}
	if rec != nil {
		r.RunInfo = rec.RunInfo
		if rec.Result != nil {
			r.RunResult = *rec.Result
		}
	}
	if r.State != "" {
		return r, nil
	}
	t := newTally()
	for e, err := range r.Events() {
		if err != nil {
			return nil, err
		}
		r.Mode = cmp.Or(r.Mode, e.Mode)
		t.add(e)
	}
	r.RunResult = *t.result()
	if r.State == "" {
		r.State = s.unended(r.Began, last)
	}
	return r, nil
}

// unended says what a run is that began at a time and has not recorded its end.
func (s *Store) unended(began time.Time, last bool) RunState {
	h := readHolder(filepath.Join(s.dir, "lock"))
	if !last || h.PID <= 0 || h.Since.After(began.Add(time.Millisecond)) { // began is without its microseconds
		return RunKilled
	}
	if host, err := os.Hostname(); err == nil && host != h.Host {
		return RunUnknown
	}
	if _, alive := s.Running(); alive {
		return RunUnderWay
	}
	return RunKilled
}

// Events returns the events of the run in order. The last line of a run that was killed
// may be cut off; it is left out, as everything after it.
func (r *PastRun) Events() iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		f, err := textfile.OpenRegular(filepath.Join(r.Dir, eventsFile))
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			yield(Event{}, err)
			return
		}
		defer f.Close()
		in := bufio.NewReader(f)
		for {
			line, err := in.ReadBytes('\n')
			if errors.Is(err, io.EOF) {
				return
			}
			e, bad := parseEvent(line)
			if err == nil && bad != nil {
				return
			}
			if !yield(redactEvent(r.secrets, e), err) || err != nil {
				return
			}
		}
	}
}

func parseEvent(line []byte) (Event, error) {
	var l loggedEvent
	if err := json.Unmarshal(line, &l); err != nil {
		return Event{}, err
	}
	e := l.Event
	e.Change, e.Outputs = l.Change, l.Outputs
	return e, nil
}

// FindRun returns the run that a text names: the beginning of its ID that no other run
// shares. Empty text names the last run. It returns nil if there is none.
func FindRun(runs []*PastRun, id string) (*PastRun, error) {
	if id == "" && len(runs) > 0 {
		return runs[0], nil
	}
	var found []*PastRun
	for _, r := range runs {
		if r.ID == id {
			return r, nil
		}
		if id != "" && strings.HasPrefix(r.ID, id) {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("%q are several runs: %s, %s", id, found[1].ID, found[0].ID)
}

// Redact masks secrets in all that the run gives from now on.
func (r *PastRun) Redact(secrets *redact.Redactor) {
	r.secrets = secrets
	r.Command = secrets.Text(r.Command)
	for i := range r.Texts {
		r.Texts[i].Text = secrets.Text(r.Texts[i].Text)
	}
	for i := range r.Failed {
		r.Failed[i].Error = secrets.Text(r.Failed[i].Error)
	}
}
