package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/bayplan/bayplan/internal/durable/journal"
)

// An entry is one line of the journal.
type entry struct {
	Seq    uint64    `json:"seq"` // one more than the entry before
	At     time.Time `json:"at"`
	Kind   EntryKind `json:"kind"`
	Step   string    `json:"step"`
	Record *Record   `json:"record,omitempty"` // of done; of failed and started what is done, if known
	Error  string    `json:"error,omitempty"`  // of failed
}

// An EntryKind says what an entry of the state is about.
type EntryKind string

// All kinds of entries.
const (
	EntryStarted EntryKind = "started" // effects may follow; as the last one, it was cut short
	EntryDone    EntryKind = "done"    // effects are there and confirmed or verified
	EntryFailed  EntryKind = "failed"
	EntryRefuted EntryKind = "refuted" // a verify found that the record is wrong
)

// parseJournal returns the entries in the text of a journal, and how many bytes of it are good.
func parseJournal(b []byte) (entries []entry, good int64, err error) {
	good, err = journal.Read(b, func(body []byte) error {
		e, err := parseEntry(body)
		if err != nil {
			return err
		}
		if n := len(entries); n > 0 && e.Seq != entries[n-1].Seq+1 {
			return fmt.Errorf("number %d follows %d", e.Seq, entries[n-1].Seq)
		}
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	return entries, good, nil
}

func parseEntry(body []byte) (entry, error) {
	var e entry
	if err := json.Unmarshal(body, &e); err != nil {
		return entry{}, err
	}
	switch e.Kind {
	case EntryStarted, EntryDone, EntryFailed, EntryRefuted:
	default:
		return entry{}, unknownForm(fmt.Sprintf("it is of the kind %q, which this bayplan does not know", e.Kind))
	}
	if e.Kind == EntryDone && (e.Record == nil || e.Record.Step != e.Step) {
		return entry{}, errors.New("its record is missing")
	}
	return e, nil
}
