package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
)

// A Store is the state of one plan on disk: one record a step, durable at the
// moment the step succeeds. It is a directory:
//
//	lock            held by an apply, says by whom
//	state.json      a snapshot
//	journal.jsonl   what happened since
//	cache/          may be deleted at any time
//	runs/TIME/      the events of each apply
//
// It is used by one goroutine at a time.
type Store struct {
	dir     string
	lock    *flock.Flock // nil: only for reading
	journal *journal
	mem     *memory
	disk    *Disk
}

// compactAt is how many lines make a journal long.
const compactAt = 1000

// errReadOnly is a mistake of the caller's.
var errReadOnly = errors.New("the state was opened for reading only")

// StateDir gives the directory of a plan's state where nothing else was asked for.
func StateDir(p *plan.Plan) string { return filepath.Join(p.Dir, ".bayplan", p.Name) }

// OpenStore opens the state in dir for an apply of the plan file, and makes it
// where there is none. It takes the lock; when another run holds it, the error
// is a *LockedError. The state of another plan is refused.
func OpenStore(dir, planFile string) (*Store, error) {
	if err := makeStateDir(dir); err != nil {
		return nil, fmt.Errorf("make the state %s: %w", dir, err)
	}
	l, err := lock(dir, filepath.Join(dir, "lock"))
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

// ReadStore reads the state in dir for a diff or a look at it. It takes no
// lock, writes nothing, and works while an apply runs. Where there is no state
// it is empty.
func ReadStore(dir, planFile string) (*Store, error) {
	l, err := load(dir, planFile)
	if err != nil {
		return nil, err
	}
	if err := checkOwner(l.memory, dir, planFile); err != nil {
		return nil, err
	}
	s := &Store{dir: dir, mem: l.memory, disk: &Disk{}}
	s.disk.sums.load(s.sumsFile())
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

// load reads the state with the lock held, and writes down whose it is before
// anything is done on its account.
func (s *Store) load(planFile string) error {
	l, err := load(s.dir, planFile)
	if err != nil {
		return err
	}
	if err := checkOwner(l.memory, s.dir, planFile); err != nil {
		return err
	}
	s.mem = l.memory
	if l.noSnapshot || s.mem.Plan != planFile || s.mem.Dir != s.dir {
		s.mem.Plan, s.mem.Dir = planFile, s.dir
		if err := s.snapshot(); err != nil {
			return err
		}
	}
	s.journal, err = openJournal(filepath.Join(s.dir, journalName), l.good, l.lines)
	if err != nil {
		return fmt.Errorf("open the state's journal: %w", err)
	}
	s.disk.sums.load(s.sumsFile())
	return nil
}

func checkOwner(m *memory, dir, planFile string) error {
	if m.belongsTo(dir, planFile) {
		return nil
	}
	return fault.WithHint(
		fmt.Errorf("the state in %s belongs to another plan of the same name, %s", dir, m.Plan),
		"give one of the two plans another name, or keep its state elsewhere with --state-dir")
}

// Dir gives the directory of the state.
func (s *Store) Dir() string { return s.dir }

// CacheDir gives the directory for what may be deleted at any time.
func (s *Store) CacheDir() string { return filepath.Join(s.dir, "cache") }

func (s *Store) sumsFile() string { return filepath.Join(s.CacheDir(), "sums.json") }

// Disk gives the disk, with what the state remembers of its files' digests.
func (s *Store) Disk() *Disk { return s.disk }

// Record gives the record of a step, or nil.
func (s *Store) Record(id string) *Record { return s.mem.Records[id] }

// Last gives the last thing that is known of a step, and whether there is any.
func (s *Store) Last(id string) (Last, bool) {
	last, ok := s.mem.Last[id]
	return last, ok
}

// Started makes durable that a step is about to have effects.
func (s *Store) Started(id string) error { return s.write(entry{Kind: started, Step: id}) }

// Failed notes that a step failed.
func (s *Store) Failed(id string, err error) error {
	return s.write(entry{Kind: failed, Step: id, Error: err.Error()})
}

// Done makes the record of a success durable.
func (s *Store) Done(r Record) error {
	return s.write(entry{Kind: done, Step: r.Step, Record: &r})
}

func (s *Store) write(e entry) error {
	if s.journal == nil {
		return errReadOnly
	}
	e.Seq, e.At = s.mem.Seq+1, time.Now().UTC()
	if err := s.journal.append(e); err != nil {
		return fmt.Errorf("write the state in %s: %w", s.dir, err)
	}
	if err := s.mem.apply(e); err != nil {
		return err
	}
	if s.journal.lines >= compactAt {
		// The entry is durable as it is. When this does not work now, the next
		// write tries again, and Close tells.
		_ = s.compact()
	}
	return nil
}

// compact moves what the journal holds into the snapshot. A crash between the
// two leaves entries that the snapshot knows, which a reader passes over.
func (s *Store) compact() error {
	if err := s.snapshot(); err != nil {
		return err
	}
	if err := s.journal.clear(); err != nil {
		return fmt.Errorf("clear the state's journal: %w", err)
	}
	return nil
}

func (s *Store) snapshot() error { return writeSealed(filepath.Join(s.dir, snapshotName), s.mem) }

// Close compacts the state, keeps what is known of files' digests, and gives
// the lock back. After a ReadStore it does nothing.
func (s *Store) Close() error {
	if s.lock == nil {
		return nil
	}
	var errs []error
	if s.journal.lines > 0 && s.journal.err == nil {
		errs = append(errs, s.compact())
	}
	errs = append(errs, s.journal.file.Close(), s.disk.sums.save(s.sumsFile()))
	// So that the next holder is not taken for this one before it has said who it is.
	errs = append(errs, os.Truncate(s.lock.Path(), 0), s.lock.Close())
	s.lock, s.journal = nil, nil
	return errors.Join(errs...)
}

// Steps gives the ids of all steps that the state knows of, sorted; some may
// not be in the plan any more.
func (s *Store) Steps() []string {
	var ids []string
	for id := range s.mem.Last {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// ForgetFailed forgets the records of steps that a Verify found not to be as wanted,
// so that the next apply looks at them as if for the first time: a Diff may
// believe a record, and then would not see what is wrong. Steps that could not
// be looked at, as a connection failed, keep theirs. The state's lock is held
// for no longer than it takes, and not at all where there is nothing to forget.
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
		if err = store.write(entry{Kind: refuted, Step: s.ID, Error: s.Err.Error()}); err != nil {
			break
		}
	}
	return errors.Join(err, store.Close())
}
