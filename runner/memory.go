package runner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

// A memory is what a state holds, as the snapshot file has it.
type memory struct {
	Version int                `json:"version"`
	Plan    string             `json:"plan"` // absolute path of the plan file
	Dir     string             `json:"dir"`  // absolute path of the state when it was written
	Seq     uint64             `json:"seq"`  // of the last entry in it
	Records map[string]*Record `json:"records"`
	Last    map[string]Last    `json:"last"`
}

// Last is the last thing that the state was told of a step.
type Last struct {
	Kind  string    `json:"kind"` // started, done, failed or refuted; started: it was cut short
	At    time.Time `json:"at"`
	Error string    `json:"error,omitempty"` // of failed and refuted
}

const memoryVersion = 1

func newMemory(dir, planFile string) *memory {
	return &memory{
		Version: memoryVersion, Plan: planFile, Dir: dir,
		Records: map[string]*Record{}, Last: map[string]Last{},
	}
}

// apply takes in one entry. What the snapshot holds already is passed over: a
// crash between writing it and clearing the journal leaves both.
func (m *memory) apply(e entry) error {
	if e.Seq <= m.Seq {
		return nil
	}
	if e.Seq != m.Seq+1 {
		return fmt.Errorf("the journal begins with number %d, but the snapshot ends with %d", e.Seq, m.Seq)
	}
	m.Seq = e.Seq
	m.Last[e.Step] = Last{Kind: string(e.Kind), At: e.At, Error: e.Error}
	switch e.Kind {
	case done:
		m.Records[e.Step] = e.Record
	case refuted:
		delete(m.Records, e.Step)
	}
	return nil
}

// A loaded memory comes with what is to be known about its journal.
type loaded struct {
	*memory
	noSnapshot bool  // there was no snapshot
	good       int64 // bytes of the journal that are good
	lines      int
}

const (
	snapshotName = "state.json"
	journalName  = "journal.jsonl"
	// reloads bounds how often a reader without the lock looks again when an
	// apply compacts the state under it.
	reloads = 100
	// stableReads is how often the very same damage must be seen to be believed: the
	// journal may be cleared and written to just while it is read.
	stableReads = 3
)

// load reads the memory in dir. Without the lock an apply may swap snapshot
// and journal at any moment: then it looks again.
func load(dir, planFile string) (loaded, error) {
	var before []byte // journal that the last try read
	alike := 0
	for try := 1; ; try++ {
		snapshot, err := readIfThere(filepath.Join(dir, snapshotName))
		if err != nil {
			return loaded{}, damage(dir, snapshotName, err)
		}
		journal, err := readIfThere(filepath.Join(dir, journalName))
		if err != nil {
			return loaded{}, damage(dir, journalName, err)
		}
		l, err := loadState(dir, planFile, snapshot, journal)
		again, readErr := readIfThere(filepath.Join(dir, snapshotName))
		still := readErr == nil && bytes.Equal(snapshot, again)
		if alike++; !still || !bytes.Equal(journal, before) {
			alike = 1
		}
		if still && (err == nil || alike >= stableReads) || try == reloads {
			return l, err
		}
		before = journal
	}
}

// loadState makes the memory of what its two files hold.
func loadState(dir, planFile string, snapshot, journal []byte) (loaded, error) {
	m, err := parseSnapshot(dir, planFile, snapshot)
	if err != nil {
		return loaded{}, damage(dir, snapshotName, err)
	}
	entries, good, err := parseJournal(journal)
	if err != nil {
		return loaded{}, damage(dir, journalName, err)
	}
	for _, e := range entries {
		if err := m.apply(e); err != nil {
			return loaded{}, damage(dir, journalName, err)
		}
	}
	return loaded{memory: m, noSnapshot: snapshot == nil, good: good, lines: len(entries)}, nil
}

func parseSnapshot(dir, planFile string, b []byte) (*memory, error) {
	m := newMemory(dir, planFile)
	if b == nil {
		return m, nil
	}
	body, err := unseal(b)
	if err != nil {
		return nil, err
	}
	var v struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(body, &v); err != nil {
		return nil, err
	}
	if v.Version != memoryVersion {
		return nil, fmt.Errorf("it is of version %d, this bayplan knows version %d", v.Version, memoryVersion)
	}
	if err := json.Unmarshal(body, m); err != nil {
		return nil, err
	}
	if m.Records == nil || m.Last == nil {
		return nil, errors.New("its records are missing")
	}
	return m, nil
}

// damage says which file cannot be read, and what that means.
func damage(dir, name string, err error) error {
	if os.IsPermission(err) {
		return err
	}
	return fault.WithHint(
		fmt.Errorf("read the state %s: %w", filepath.Join(dir, name), err),
		"the state is a memory that saves work: moved away, everything is looked at anew and nothing is lost but time")
}

// belongsTo says whether the memory is that of the plan: of the same file, by
// whatever name, or of the file in the same place beside it when the state was
// moved or copied.
func (m *memory) belongsTo(dir, planFile string) bool {
	if m.Plan == planFile || sameFile(m.Plan, planFile) {
		return true
	}
	then, errThen := filepath.Rel(m.Dir, m.Plan)
	now, errNow := filepath.Rel(dir, planFile)
	return errThen == nil && errNow == nil && m.Dir != dir && then == now
}

func sameFile(a, b string) bool {
	fa, errA := os.Stat(a)
	fb, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(fa, fb)
}
