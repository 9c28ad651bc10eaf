package runner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/textfile"
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

// A journalFile is the part of *os.File that a journal uses. It is open for appending.
type journalFile interface {
	io.Writer
	Truncate(size int64) error
	Sync() error
	Close() error
}

// A journal is the file of the entries since the snapshot.
type journal struct {
	file  journalFile
	size  int64 // of the good part
	lines int
	err   error // why it takes no more entries
}

// openJournal opens the journal for appending and cuts it to its first good bytes.
func openJournal(file string, good int64, lines int) (*journal, error) {
	fi, err := os.Stat(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	isNew := err != nil
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{file: f, size: good, lines: lines}
	switch {
	case isNew:
		err = durable.SyncDir(filepath.Dir(file)) // so that a crash keeps its name
	case fi.Size() != good:
		err = j.cut(good)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return j, nil
}

// append makes an entry durable. If it fails, it leaves nothing of the entry.
func (j *journal) append(e entry) error {
	if j.err != nil {
		return j.err
	}
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	line := append(durable.Seal(body), '\n')
	if _, err := j.file.Write(line); err != nil {
		return j.undoAppend(err)
	}
	if err := j.file.Sync(); err != nil {
		return j.undoAppend(err)
	}
	j.size += int64(len(line))
	j.lines++
	return nil
}

// undoAppend cuts off what a failed append may have left. If that fails, too, nothing
// more may be appended.
func (j *journal) undoAppend(cause error) error {
	if err := j.cut(j.size); err != nil {
		j.err = fmt.Errorf("the journal takes no more entries after this error: %w", cause)
	}
	return cause
}

func (j *journal) cut(size int64) error {
	if err := j.file.Truncate(size); err != nil {
		return err
	}
	return j.file.Sync()
}

// clear empties the journal. The snapshot must hold all of it.
func (j *journal) clear() error {
	if err := j.cut(0); err != nil {
		j.err = fmt.Errorf("the journal takes no more entries after this error: %w", err)
		return err
	}
	j.size, j.lines = 0, 0
	return nil
}

// parseJournal returns the entries in b and how many bytes of b are good. It leaves out
// a last line without an end, since its process or machine died while writing it. Any
// other bad line is damage.
func parseJournal(b []byte) (entries []entry, good int64, err error) {
	for line := range bytes.Lines(b) {
		if line[len(line)-1] != '\n' {
			break
		}
		e, err := parseEntry(line[:len(line)-1])
		if err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", len(entries)+1, err)
		}
		if n := len(entries); n > 0 && e.Seq != entries[n-1].Seq+1 {
			return nil, 0, fmt.Errorf("line %d: number %d follows %d", n+1, e.Seq, entries[n-1].Seq)
		}
		entries = append(entries, e)
		good += int64(len(line))
	}
	return entries, good, nil
}

func parseEntry(line []byte) (entry, error) {
	body, err := durable.Unseal(line)
	if err != nil {
		return entry{}, err
	}
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

// readIfThere returns nil for a file that does not exist.
func readIfThere(file string) ([]byte, error) {
	f, err := textfile.OpenRegular(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}
