package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/durable/journal"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/holder"
	"github.com/bayplan/bayplan/internal/owners"
	"github.com/bayplan/bayplan/plan"
)

// A Store is the state of one plan on disk. It holds one record for each step, which
// is durable from the moment the step succeeds. It is a directory:
//
//	lock            held by an apply; names the process
//	state.json      the snapshot
//	journal.jsonl   the entries since the snapshot
//	cache/          may be deleted at any time
//	runs/TIME/      the events of each apply
//
// Only one goroutine may use it at a time.
type Store struct {
	dir     string
	lock    *flock.Flock // nil: opened for reading only
	journal *journal.Journal
	mem     *memory
	disk    *Disk
}

// compactAt is how many lines a journal may have before it is compacted.
const compactAt = 1000

// errReadOnly reports a mistake of the caller.
var errReadOnly = errors.New("the state was opened for reading only")

// StateDir returns the default directory of a plan's state.
func StateDir(p *plan.Plan) string { return filepath.Join(p.Dir, ".bayplan", p.Name) }

// OpenStore opens the state in dir for an apply of the plan file. It makes the state if
// there is none. It takes the lock; if another run holds the lock, the error is
// a *LockedError. It refuses the state of another plan, and one that another user wrote.
func OpenStore(dir, planFile string) (*Store, error) {
	if err := makeStateDir(dir); err != nil {
		return nil, fmt.Errorf("make the state %s: %w", dir, err)
	}
	if err := owners.Check(dir, planFile); err != nil {
		return nil, err
	}
	l, err := holder.Lock(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{dir: dir, lock: l, disk: &Disk{}}
	if err := s.load(planFile); err != nil {
		l.Close()
		return nil, err
	}
	return s, nil
}

// ReadStore reads the state in dir, for everything but an apply. It takes no lock, writes
// nothing, and works while an apply runs. If there is no state, the Store is empty.
func ReadStore(dir, planFile string) (*Store, error) {
	l, err := load(dir, planFile)
	if err != nil {
		return nil, err
	}
	if err := owners.CheckPlan(l.Plan, l.Dir, planFile, dir); err != nil {
		return nil, err
	}
	s := &Store{dir: dir, mem: l.memory, disk: &Disk{}}
	s.disk.Load(s.sumsFile())
	return s, nil
}

func makeStateDir(dir string) error {
	if _, err := durable.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, sub := range []string{"cache", "runs"} {
		if _, err := durable.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return err
		}
	}
	ignore := filepath.Join(dir, ".gitignore")
	if _, err := os.Lstat(ignore); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return durable.WriteBytes(ignore, 0o600, []byte("*\n"))
}

// load reads the state with the lock held. It records the plan's path before anything
// is done for that plan.
func (s *Store) load(planFile string) error {
	l, err := load(s.dir, planFile)
	if err != nil {
		return err
	}
	if err := owners.CheckPlan(l.Plan, l.Dir, planFile, s.dir); err != nil {
		return err
	}
	s.mem = l.memory
	if l.noSnapshot || s.mem.Plan != planFile || s.mem.Dir != s.dir {
		s.mem.Plan, s.mem.Dir = planFile, s.dir
		if err := s.snapshot(); err != nil {
			return err
		}
	}
	s.journal, err = journal.Open(filepath.Join(s.dir, journalName), l.good, l.lines)
	if err != nil {
		return fmt.Errorf("open the state's journal: %w", err)
	}
	s.disk.Load(s.sumsFile())
	return nil
}

// Dir returns the directory of the state.
func (s *Store) Dir() string { return s.dir }

// CheckWritable returns an error for a state that was opened for reading only.
func (s *Store) CheckWritable() error {
	if s.lock == nil {
		return errReadOnly
	}
	return nil
}

// CacheDir returns the directory for files that may be deleted at any time.
func (s *Store) CacheDir() string { return filepath.Join(s.dir, "cache") }

func (s *Store) sumsFile() string { return filepath.Join(s.CacheDir(), "sums.json") }

// Disk returns the disk, with the digests that the state remembers of its files.
func (s *Store) Disk() *Disk { return s.disk }

// Record returns the record of a step, or nil.
func (s *Store) Record(id string) *Record { return s.mem.Records[id] }

// Last returns the last entry of a step, and whether there is one.
func (s *Store) Last(id string) (Last, bool) {
	last, ok := s.mem.Last[id]
	return last, ok
}

// Started records that a step is about to have effects.
func (s *Store) Started(id string) error { return s.write(entry{Kind: EntryStarted, Step: id}) }

// Failed records that a step of a type failed, and what is done of it if the error is
// an *IncompleteError.
func (s *Store) Failed(id, typeName string, err error) error {
	return s.write(entry{Kind: EntryFailed, Step: id, Error: fault.Text(err), Record: doneOf(id, typeName, err)})
}

// Interrupted records what is done of a step that was interrupted, if the error is an
// *IncompleteError.
func (s *Store) Interrupted(id, typeName string, err error) error {
	part := doneOf(id, typeName, err)
	if part == nil {
		return nil
	}
	return s.write(entry{Kind: EntryStarted, Step: id, Record: part})
}

func doneOf(id, typeName string, err error) *Record {
	part := new(IncompleteError)
	if !errors.As(err, &part) {
		return nil
	}
	return &Record{Step: id, Type: typeName, Outputs: part.Done}
}

// partial returns what failed runs have done of a step since its record, or nil.
func (s *Store) partial(id string) *Record { return s.mem.Partial[id] }

// Done records a success.
func (s *Store) Done(r Record) error {
	return s.write(entry{Kind: EntryDone, Step: r.Step, Record: &r})
}

// recovered records that a step is again as its record says, if it failed since then or was
// cut short.
func (s *Store) recovered(id string) error {
	if last := s.mem.Last[id]; last.Kind == EntryDone || s.mem.Records[id] == nil {
		return nil
	}
	return s.Done(*s.mem.Records[id])
}

func (s *Store) write(e entry) error {
	if s.journal == nil {
		return errReadOnly
	}
	e.Seq, e.At = s.mem.Seq+1, time.Now().UTC()
	body, err := json.Marshal(e)
	if err == nil {
		err = s.journal.Append(body)
	}
	if err != nil {
		return fmt.Errorf("write the state in %s: %w", s.dir, err)
	}
	if err := s.mem.apply(e); err != nil {
		return err
	}
	if s.journal.Lines >= compactAt {
		// The entry is durable already. If compacting fails now, the next write tries
		// again, and Close returns the error.
		_ = s.compact()
	}
	return nil
}

// compact moves the journal's entries into the snapshot. A crash between the two
// steps leaves entries that the snapshot holds, too; readers ignore them.
func (s *Store) compact() error {
	if err := s.snapshot(); err != nil {
		return err
	}
	if err := s.journal.Clear(); err != nil {
		return fmt.Errorf("clear the state's journal: %w", err)
	}
	return nil
}

func (s *Store) snapshot() error {
	return durable.WriteSealed(filepath.Join(s.dir, snapshotName), s.mem)
}

// Close compacts the state, saves the digests of files, and releases the lock. It does
// nothing for a Store from ReadStore.
func (s *Store) Close() error {
	if s.lock == nil {
		return nil
	}
	var errs []error
	if s.journal.Lines > 0 && !s.journal.Broken() {
		errs = append(errs, s.compact())
	}
	errs = append(errs, s.journal.Close(), s.disk.Save(s.sumsFile()))
	// Without this the next holder, until it has written its name, looks like this one.
	errs = append(errs, os.Truncate(s.lock.Path(), 0), s.lock.Close())
	s.lock, s.journal = nil, nil
	return errors.Join(errs...)
}

// Steps returns the ids of all steps that have an entry, sorted. Some may not be in the
// plan any more.
func (s *Store) Steps() []string {
	var ids []string
	for id := range s.mem.Last {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// ForgetFailed drops the records of steps that a Verify found not to be as wanted. The
// next apply then looks at them as if for the first time: a Diff may rely on a
// record and not see what is wrong. A step that failed because of a connection keeps
// its record. ForgetFailed holds the state's lock only while it writes, and does not
// take it if there is nothing to drop.
func ForgetFailed(dir, planFile string, verified *Report) error {
	var wrong []*StepReport
	for _, s := range verified.Steps {
		if s.Status == Failed && s.Prior != nil && !fault.IsConnection(s.Err) {
			wrong = append(wrong, s)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	store, err := OpenStore(dir, planFile)
	if err != nil {
		return err
	}
	for _, s := range wrong {
		if err = store.write(entry{Kind: EntryRefuted, Step: s.ID, Error: fault.Text(s.Err)}); err != nil {
			break
		}
	}
	return errors.Join(err, store.Close())
}
