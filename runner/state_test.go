package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
)

const planFile = "/plans/bayplan.yaml"

func openStore(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := OpenStore(dir, planFile)
	must(t, err)
	return s
}

func readStore(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := ReadStore(dir, planFile)
	must(t, err)
	return s
}

func TestStoreRemembers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), ".bayplan", "p")
	s := openStore(t, dir)
	must(t, s.Started("a"))
	must(t, s.Done(record("a")))
	must(t, s.Started("b"))
	must(t, s.Failed("b", "fake", errors.New("no route to host")))
	must(t, s.Started("c"))
	must(t, s.Close())
	must(t, s.Close()) // twice does no harm

	r := readStore(t, dir)
	if diff := cmp.Diff(record("a"), *r.Record("a"), cmp.AllowUnexported(plan.Value{})); diff != "" {
		t.Errorf("record of a (-want +got):\n%s", diff)
	}
	if r.Record("b") != nil || r.Record("c") != nil {
		t.Error("b or c has a record")
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, r.Steps()); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	for id, want := range map[string]Last{"a": {Kind: "done"}, "b": {Kind: "failed", Error: "no route to host"}, "c": {Kind: "started"}} {
		got, _ := r.Last(id)
		got.At = time.Time{}
		if got != want {
			t.Errorf("last of %s = %+v, want %+v", id, got, want)
		}
	}
}

func TestStoreOnDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), ".bayplan", "p")
	s := openStore(t, dir)
	defer s.Close()
	for name, mode := range map[string]fs.FileMode{
		"": fs.ModeDir | 0o700, "cache": fs.ModeDir | 0o700, "runs": fs.ModeDir | 0o700,
		"lock": 0o600, snapshotName: 0o600, journalName: 0o600, ".gitignore": 0o600,
	} {
		fi, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if fi.Mode() != mode {
			t.Errorf("mode of %q = %v, want %v", name, fi.Mode(), mode)
		}
	}
	ignore, err := os.ReadFile(filepath.Join(dir, ".gitignore"))
	must(t, err)
	if string(ignore) != "*\n" {
		t.Errorf(".gitignore = %q", ignore)
	}
	var snapshot struct {
		Body struct{ Plan string }
	}
	b, err := os.ReadFile(filepath.Join(dir, snapshotName))
	must(t, err)
	must(t, json.Unmarshal(b, &snapshot))
	if snapshot.Body.Plan != planFile {
		t.Errorf("the snapshot names the plan %q before anything is done", snapshot.Body.Plan)
	}
}

func TestReadStoreWritesNothing(t *testing.T) {
	top := t.TempDir()
	r := readStore(t, filepath.Join(top, ".bayplan", "p"))
	if r.Record("a") != nil {
		t.Error("an absent state has records")
	}
	if left, _ := os.ReadDir(top); len(left) != 0 {
		t.Errorf("made %v", left)
	}
	for what, err := range map[string]error{
		"Started": r.Started("a"), "Done": r.Done(record("a")), "Failed": r.Failed("a", "fake", errors.New("x")),
	} {
		if err == nil {
			t.Errorf("%s was taken by a state opened for reading", what)
		}
	}
	if r.CheckWritable() == nil {
		t.Error("a state opened for reading is writable")
	}
	must(t, r.Close())
}

func TestSecondApplyIsToldWhoHoldsTheState(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	s := openStore(t, dir)
	_, err := OpenStore(dir, planFile)
	var locked *LockedError
	if !errors.As(err, &locked) {
		t.Fatalf("error %v, want a *LockedError", err)
	}
	if locked.Holder.PID != os.Getpid() || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("error %q does not name process %d", err, os.Getpid())
	}
	if fault.Hint(err) == "" {
		t.Error("no hint")
	}
	must(t, s.Started("a"))
	readStore(t, dir) // needs no lock
	must(t, s.Close())
	if h := readStore(t, dir).Holder(); h.PID != 0 {
		t.Errorf("the lock still names %+v", h)
	}
	must(t, openStore(t, dir).Close())
}

func TestRunning(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	s := openStore(t, dir)
	if h, ok := readStore(t, dir).Running(); !ok || h.PID != os.Getpid() {
		t.Errorf("while the state is held: %+v, %v, want this process", h, ok)
	}
	h := readStore(t, dir).Holder()
	must(t, s.Close())
	if h, ok := readStore(t, dir).Running(); ok {
		t.Errorf("after it was given back: %+v, want no holder", h)
	}
	for name, left := range map[string]Holder{
		"killed":       {PID: 1 << 30, Host: h.Host},
		"another host": {PID: os.Getpid(), Host: h.Host + "2"},
		"a group":      {PID: -os.Getpid(), Host: h.Host},
	} {
		b, err := json.Marshal(left)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, "lock"), b, 0o600))
		if h, ok := readStore(t, dir).Running(); ok {
			t.Errorf("%s: %+v, want no holder", name, h)
		}
	}
}

func TestStateOfAnotherPlan(t *testing.T) {
	top := t.TempDir()
	dir, planFile, other := filepath.Join(top, "p"), filepath.Join(top, "bayplan.yaml"), filepath.Join(top, "other.yaml")
	write(t, planFile, "x")
	write(t, other, "x")
	must(t, must1(OpenStore(dir, planFile))(t).Close())
	_, errOpen := OpenStore(dir, other)
	_, errRead := ReadStore(dir, other)
	for _, err := range []error{errOpen, errRead} {
		if err == nil || !strings.Contains(err.Error(), planFile) || fault.Hint(err) == "" {
			t.Errorf("error %v, want one that names %s, with a hint", err, planFile)
		}
	}
	must(t, must1(OpenStore(dir, planFile))(t).Close()) // the lock was given back
}

// A plan that was renamed or moved carries on with its state.
func TestStateOfARenamedPlan(t *testing.T) {
	for what, newName := range map[string]string{"renamed": "new.yaml", "moved": "sub/bayplan.yaml"} {
		top := t.TempDir()
		dir, old, renamed := filepath.Join(top, "p"), filepath.Join(top, "old.yaml"), filepath.Join(top, newName)
		write(t, old, "x")
		s := must1(OpenStore(dir, old))(t)
		must(t, s.Done(record("a")))
		must(t, s.Close())
		write(t, renamed, "x")
		if _, err := ReadStore(dir, renamed); err == nil {
			t.Errorf("%s: the state was taken while the old plan is there", what)
		}
		must(t, os.Remove(old))
		if s := must1(ReadStore(dir, renamed))(t); s.Record("a") == nil {
			t.Errorf("%s: the record is lost", what)
		}
		s = must1(OpenStore(dir, renamed))(t)
		if s.Record("a") == nil || s.mem.Plan != renamed {
			t.Errorf("%s: the state is of %s", what, s.mem.Plan)
		}
		must(t, s.Close())
		write(t, old, "x") // another plan, later
		if _, err := OpenStore(dir, old); err == nil {
			t.Errorf("%s: another plan took the state", what)
		}
	}
}

func TestStateOfAPlanByAnotherName(t *testing.T) {
	top := t.TempDir()
	file, link, state := filepath.Join(top, "real", "bayplan.yaml"), filepath.Join(top, "link"), filepath.Join(top, "state")
	write(t, file, "x")
	must(t, os.Symlink(filepath.Dir(file), link))
	s, err := OpenStore(state, file)
	must(t, err)
	must(t, s.Close())
	if _, err := ReadStore(state, filepath.Join(link, "bayplan.yaml")); err != nil {
		t.Error(err)
	}
}

func TestStateMovedWithItsPlan(t *testing.T) {
	top := t.TempDir()
	old, moved := filepath.Join(top, "old"), filepath.Join(top, "new")
	s, err := OpenStore(filepath.Join(old, ".bayplan", "p"), filepath.Join(old, "bayplan.yaml"))
	must(t, err)
	must(t, s.Done(record("a")))
	must(t, s.Close())
	must(t, os.Rename(old, moved))
	dir, file := filepath.Join(moved, ".bayplan", "p"), filepath.Join(moved, "bayplan.yaml")
	s, err = OpenStore(dir, file)
	must(t, err)
	if s.Record("a") == nil {
		t.Error("the record is lost")
	}
	must(t, s.Close())
	write(t, file, "x")
	if _, err := ReadStore(dir, filepath.Join(moved, "other.yaml")); err == nil {
		t.Error("another plan in the new place was taken")
	}
	if s := must1(ReadStore(dir, file))(t); s.mem.Plan != file {
		t.Errorf("the state still names %s", s.mem.Plan)
	}
}

func must1[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		must(t, err)
		return v
	}
}

// A crash after the snapshot was renamed and before the journal was cleared
// leaves every entry in both.
func TestCrashInTheMiddleOfCompaction(t *testing.T) {
	dir, journal := twentyLines(t)
	s := openStore(t, dir)
	must(t, s.snapshot())
	kill(t, s)

	s = openStore(t, dir)
	for i := range 10 {
		if s.Record(fmt.Sprintf("step%d", i)) == nil {
			t.Errorf("step%d lost its record", i)
		}
	}
	must(t, s.Done(record("more")))
	kill(t, s)
	b, err := os.ReadFile(filepath.Join(dir, journalName))
	must(t, err)
	if len(b) <= len(journal) {
		t.Error("the entry was not appended")
	}
	if readStore(t, dir).Record("more") == nil {
		t.Error("the entry after the crash is lost")
	}
}

func TestLongJournalIsCompacted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	s := openStore(t, dir)
	s.journal.Lines = compactAt - 1
	must(t, s.Done(record("a")))
	if fi, err := os.Stat(filepath.Join(dir, journalName)); s.journal.Lines != 0 || err != nil || fi.Size() != 0 {
		t.Errorf("%d lines are left (%v, %v)", s.journal.Lines, fi, err)
	}
	must(t, s.Done(record("b")))
	kill(t, s)
	r := readStore(t, dir)
	if r.Record("a") == nil || r.Record("b") == nil {
		t.Error("a record is lost")
	}
}

// A reader during an apply that writes and compacts sees everything that was done
// before it began to read, and never an error.
func TestReadersDuringAnApply(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	s := openStore(t, dir)
	var mu sync.Mutex
	written := 0
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				mu.Lock()
				least := written
				mu.Unlock()
				r, err := ReadStore(dir, planFile)
				if err != nil {
					t.Error(err)
					return
				}
				if got := len(r.Steps()); got < least {
					t.Errorf("read %d steps, %d were written before", got, least)
					return
				}
			}
		})
	}
	for i := range 150 {
		must(t, s.Done(record(fmt.Sprintf("step%d", i))))
		if i%5 == 4 {
			must(t, s.compact())
		}
		mu.Lock()
		written = i + 1
		mu.Unlock()
	}
	close(stop)
	readers.Wait()
	must(t, s.Close())
}

func TestStateOfALaterVersion(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	s := openStore(t, dir)
	s.mem.Version = 99
	must(t, s.snapshot())
	kill(t, s)
	_, err := ReadStore(dir, planFile)
	if err == nil || !strings.Contains(err.Error(), "version 99") {
		t.Errorf("error %v, want one about version 99", err)
	}
}

func TestStateDir(t *testing.T) {
	p := &plan.Plan{Dir: "/plans", Name: "rhosp13"}
	if got, want := StateDir(p), "/plans/.bayplan/rhosp13"; got != want {
		t.Errorf("StateDir = %s, want %s", got, want)
	}
}
