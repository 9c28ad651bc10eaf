package history

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
	"github.com/bayplan/bayplan/runner"
)

// A Run is a run that the state has kept.
type Run struct {
	ID  string // its time: 20260102T150405.000Z
	Dir string

	Info // only Mode and Began are known of a run of an earlier version
	Result

	secrets *redact.Redactor
}

// List returns the runs that the state has kept, the last one first. It leaves out a run
// that cannot be read.
func List(s *runner.Store) ([]*Run, error) {
	entries, err := os.ReadDir(filepath.Join(s.Dir(), "runs")) // sorted by name
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var runs []*Run
	for _, e := range slices.Backward(entries) {
		if _, err := time.Parse(runIDFormat, e.Name()); err != nil || !e.IsDir() {
			continue
		}
		r, err := readRun(s, e.Name(), len(runs) == 0)
		if err != nil {
			continue
		}
		runs = append(runs, r)
	}
	return runs, nil
}

// readRun reads what is known of a run. Only the last run may be under way.
func readRun(s *runner.Store, id string, last bool) (*Run, error) {
	r := &Run{ID: id, Dir: filepath.Join(s.Dir(), "runs", id)}
	r.Began, _ = time.Parse(runIDFormat, id)
	rec, err := readRunRecord(r.Dir)
	if err != nil {
		return nil, err
	}
	if rec != nil {
		if r.Info = rec.Info; r.Began.IsZero() {
			r.Began, _ = time.Parse(runIDFormat, id)
		}
		if rec.Result != nil {
			r.Result = *rec.Result
		}
	}
	if r.State != "" {
		return r, nil
	}
	p := &Progress{}
	for e, err := range r.Events() {
		if err != nil {
			return nil, err
		}
		p.Add(e)
	}
	r.Mode, r.Result = cmp.Or(r.Mode, p.Mode), p.Result()
	if r.State == "" {
		r.State = unended(s, latest(r.Began, r.Resumed), last || !r.Resumed.IsZero())
	}
	return r, nil
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// unended says what a run is that began, or went on, at a time and has not recorded its end.
func unended(s *runner.Store, began time.Time, last bool) State {
	h := s.Holder()
	if !last || h.PID <= 0 || h.Since.After(began.Add(time.Millisecond)) { // began is without its microseconds
		return Killed
	}
	if host, err := os.Hostname(); err == nil && host != h.Host {
		return Unknown
	}
	if _, alive := s.Running(); alive {
		return UnderWay
	}
	return Killed
}

// Events returns the events of the run in order. The last line of a run that was killed
// may be cut off; it is left out, as everything after it.
func (r *Run) Events() iter.Seq2[runner.Event, error] {
	return func(yield func(runner.Event, error) bool) {
		f, err := textfile.OpenRegular(filepath.Join(r.Dir, eventsFile))
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			yield(runner.Event{}, err)
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
			if !yield(runner.RedactEvent(r.secrets, e), err) || err != nil {
				return
			}
		}
	}
}

func parseEvent(line []byte) (runner.Event, error) {
	var l loggedEvent
	if err := json.Unmarshal(line, &l); err != nil {
		return runner.Event{}, err
	}
	e := l.Event
	e.Change, e.Outputs, e.Vouched, e.Fills = l.Change, l.Outputs, l.Vouched, l.Fills
	return e, nil
}

// Find returns the run that a text names: the beginning of its ID that no other run
// shares. Empty text names the last run. It returns nil if there is none.
func Find(runs []*Run, id string) (*Run, error) {
	if id == "" && len(runs) > 0 {
		return runs[0], nil
	}
	var found []*Run
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
func (r *Run) Redact(secrets *redact.Redactor) {
	r.secrets = secrets
	r.Command = secrets.Text(r.Command)
	for i := range r.Texts {
		r.Texts[i].Text = secrets.Text(r.Texts[i].Text)
	}
	for i := range r.Failed {
		r.Failed[i].Error = secrets.Text(r.Failed[i].Error)
	}
}
