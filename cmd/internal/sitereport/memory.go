package sitereport

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/owners"
	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/internal/textfile"
	"github.com/bayplan/bayplan/runner"
)

// A Memory is what a state keeps of the reports of its runs.
type Memory struct {
	file string
	memory
}

// memory is what the file of a Memory holds.
type memory struct {
	Form         int       `json:"format_version"`         // see runner.FormatVersion
	StateID      string    `json:"state_id"`               // made at random
	FailingSince time.Time `json:"failing_since,omitzero"` // the end of the first run since which none was done
	Failing      string    `json:"failing,omitempty"`      // the part of the plan that such runs were for, "" for the whole
	LastDone     time.Time `json:"last_done,omitzero"`     // the end of the last run that was done
	Unsent       int       `json:"unsent,omitempty"`       // runs whose reports were not sent, one after the other

	Place  string          `json:"place,omitempty"`  // where Report is to be sent
	Report json.RawMessage `json:"report,omitempty"` // of the last run, if it was not sent
}

// memoryFile is the file of a state that holds its Memory.
const memoryFile = "site-report.json"

// Remember reads what a state keeps of its reports. A file that is missing or damaged is as
// a new state. What another user wrote is refused.
func Remember(dir, planFile string) (*Memory, error) {
	if err := owners.Check(dir, planFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if _, err := durable.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	m := &Memory{file: filepath.Join(dir, memoryFile)}
	b, err := textfile.Read(context.Background(), m.file, 2*maxReport)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if json.Unmarshal(b, &m.memory) != nil || m.StateID == "" || m.Form > runner.FormatVersion {
		m.memory = memory{StateID: rand.Text()}
	}
	m.Form = runner.FormatVersion
	return m, nil
}

// Keep takes a report of a run as the newest one. It stays in the state until Sent. It tells
// the report what is known of the runs before.
func (m *Memory) Keep(p Place, r *document.SiteReport, secrets *redact.Redactor) error {
	r.StateID = m.StateID
	m.add(*r)
	r.FailingSince, r.LastDone, r.Unsent = m.FailingSince, m.LastDone, m.Unsent
	b, err := encode(*r, secrets)
	if err != nil {
		return err
	}
	m.Unsent++
	m.Place, m.Report = p.String(), b
	return m.write()
}

// add takes a run into what is known of all runs. One for a part of the plan says nothing of
// the rest.
func (m *memory) add(r document.SiteReport) {
	part := ""
	if len(r.Only)+len(r.Skip) > 0 {
		part = fmt.Sprintf("only %q, not %q", r.Only, r.Skip)
	}
	switch done := r.Verdict == document.VerdictDone; {
	case done && (part == "" || part == m.Failing):
		m.FailingSince, m.Failing = time.Time{}, ""
	case done || !m.FailingSince.IsZero() && part == m.Failing:
	case m.FailingSince.IsZero():
		m.FailingSince, m.Failing = r.Ended, part
	default: // another part, too: only a run of the whole plan ends that
		m.Failing = ""
	}
	if r.Verdict == document.VerdictDone && part == "" {
		m.LastDone = r.Ended
	}
}

// Waiting returns the report that was not sent to a place, and false if there is none.
func (m *Memory) Waiting(p Place) (document.SiteReport, bool) {
	if m.Place != p.String() || len(m.Report) == 0 {
		return document.SiteReport{}, false
	}
	r, err := decode(m.Report)
	return r, err == nil
}

// Sent forgets the report that was waiting.
func (m *Memory) Sent() error {
	m.Unsent, m.Place, m.Report = 0, "", nil
	return m.write()
}

func (m *Memory) write() error {
	b, err := json.Marshal(m.memory)
	if err != nil {
		return err
	}
	if err := durable.WriteBytes(m.file, 0o600, append(b, '\n')); err != nil {
		return fmt.Errorf("keep the report: %w", err)
	}
	return nil
}
