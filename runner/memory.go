package runner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/textfile"
)

// A memory is the content of a state. The snapshot file holds it as JSON.
type memory struct {
	Version int                `json:"version"`
	Plan    string             `json:"plan"` // absolute path of the plan file
	Dir     string             `json:"dir"`  // absolute path of the state when it was written
	Seq     uint64             `json:"seq"`  // of the last entry in it
	Records map[string]*Record `json:"records"`
	Last    map[string]Last    `json:"last"`

	// What failed runs have done since the records: the step's type and some outputs.
	Partial map[string]*Record `json:"partial,omitempty"`
}

// Last is the last entry of a step.
type Last struct {
	Kind  EntryKind `json:"kind"`            // started: it was cut short; refuted: by a verify
	At    time.Time `json:"at"`              // when it was written
	Error string    `json:"error,omitempty"` // of failed and refuted
}

const memoryVersion = 1

func newMemory(dir, planFile string) *memory {
	return &memory{
		Version: memoryVersion, Plan: planFile, Dir: dir,
		Records: map[string]*Record{}, Last: map[string]Last{},
	}
}

// apply adds one entry. It ignores an entry that the snapshot holds already: a crash
// between writing the snapshot and clearing the journal leaves the entry in both.
func (m *memory) apply(e entry) error {
	if e.Seq <= m.Seq {
		return nil
	}
	if e.Seq != m.Seq+1 {
		return fmt.Errorf("the journal begins with number %d, but the snapshot ends with %d", e.Seq, m.Seq)
	}
	m.Seq = e.Seq
	m.Last[e.Step] = Last{Kind: e.Kind, At: e.At, Error: e.Error}
	switch e.Kind {
	case EntryDone:
		m.Records[e.Step] = e.Record
		delete(m.Partial, e.Step)
	case EntryRefuted:
		delete(m.Records, e.Step)
		delete(m.Partial, e.Step)
	case EntryFailed, EntryStarted:
		if e.Record != nil {
			if m.Partial == nil {
				m.Partial = map[string]*Record{}
			}
			m.Partial[e.Step] = e.Record
		}
	}
	return nil
}

// A loaded memory comes with what openJournal needs to know.
type loaded struct {
	*memory
	noSnapshot bool
	good       int64 // bytes of the journal without damage
	lines      int
}

const (
	snapshotName = "state.json"
	journalName  = "journal.jsonl"
	// reloads is how often a reader without the lock reads again because an apply
	// compacts the state at the same time.
	reloads = 100
	// stableReads is how many reads in a row must find the same damage before it is
	// reported: an apply may clear and write the journal while it is read.
	stableReads = 3
)

// load reads the memory in dir. If the caller does not hold the lock, an apply may
// replace snapshot and journal at any moment. load then reads again.
func load(dir, planFile string) (loaded, error) {
	var before []byte // journal that the last try read
	alike := 0
	for try := 1; ; try++ {
		snapshot, err := textfile.ReadIfThere(filepath.Join(dir, snapshotName))
		if err != nil {
			return loaded{}, damage(dir, snapshotName, err)
		}
		journal, err := textfile.ReadIfThere(filepath.Join(dir, journalName))
		if err != nil {
			return loaded{}, damage(dir, journalName, err)
		}
		l, err := loadState(dir, planFile, snapshot, journal)
		again, readErr := textfile.ReadIfThere(filepath.Join(dir, snapshotName))
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

// loadState makes the memory from the content of its two files.
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
	body, err := durable.Unseal(b)
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
		return nil, unknownForm(fmt.Sprintf("it is of version %d, and this bayplan knows version %d", v.Version, memoryVersion))
	}
	if err := json.Unmarshal(body, m); err != nil {
		return nil, err
	}
	if m.Records == nil || m.Last == nil {
		return nil, errors.New("its records are missing")
	}
	return m, nil
}

// An unknownForm says what of a state this bayplan does not know. A newer one has written it.
type unknownForm string

func (u unknownForm) Error() string { return string(u) }

// damage says which file cannot be read, and what to do.
func damage(dir, name string, err error) error {
	if os.IsPermission(err) {
		return err
	}
	hint := "move the state away: the next run looks at everything anew and loses nothing but time"
	if errors.As(err, new(unknownForm)) {
		hint = "use the bayplan that wrote it or a newer one, or " + hint
	}
	return fault.WithHint(fmt.Errorf("read the state %s: %w", filepath.Join(dir, name), err), hint)
}
