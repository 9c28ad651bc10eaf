package runner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/durable/journal"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
)

func record(id string) Record {
	return Record{
		Step: id, Type: "fake", Key: "sha256:k-" + id, Inputs: []Input{{"with.name", `"` + id + `"`}},
		Outputs: Outputs{"path": plan.Text("/home/stack/" + id), "files": plan.List("a", "b")},
		Changed: true, At: time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC),
	}
}

// twentyLines writes a state whose journal has 20 lines, ten steps started and
// done, and leaves it as a killed process would.
func twentyLines(t *testing.T) (dir string, journal []byte) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), ".bayplan", "p")
	s, err := OpenStore(dir, planFile)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		id := fmt.Sprintf("step%d", i)
		must(t, s.Started(id))
		must(t, s.Done(record(id)))
	}
	kill(t, s)
	journal, err = os.ReadFile(filepath.Join(dir, journalName))
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(journal, []byte("\n")); n != 20 {
		t.Fatalf("the journal has %d lines, want 20", n)
	}
	return dir, journal
}

// kill ends a store the way a killed process does: the kernel closes its files.
func kill(t *testing.T, s *Store) {
	t.Helper()
	must(t, s.journal.File.Close())
	must(t, s.lock.Close())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// doneAfter says for each step whether a reader may believe that it is done, when
// the first n bytes of the journal are whole.
func doneAfter(journal []byte, n int) map[string]bool {
	done := map[string]bool{}
	for line := range bytes.Lines(journal[:n]) {
		body, err := durable.Unseal(bytes.TrimSuffix(line, []byte("\n")))
		var e entry
		if err == nil {
			e, err = parseEntry(body)
		}
		if err == nil && e.Kind == "done" && bytes.HasSuffix(line, []byte("\n")) {
			done[e.Step] = true
		}
	}
	return done
}

func TestJournalCutAnywhere(t *testing.T) {
	dir, journal := twentyLines(t)
	for n := range len(journal) + 1 {
		s, err := loadState(dir, planFile, nil, journal[:n])
		if err != nil {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
		want := doneAfter(journal, n)
		for i := range 10 {
			id := fmt.Sprintf("step%d", i)
			if got := s.Records[id] != nil; got != want[id] {
				t.Fatalf("cut to %d bytes: %s has a record: %v, want %v", n, id, got, want[id])
			}
		}
	}
}

func TestJournalWithOneByteFlipped(t *testing.T) {
	dir, journal := twentyLines(t)
	file := filepath.Join(dir, journalName)
	last := bytes.LastIndexByte(journal[:len(journal)-1], '\n') + 1
	for i := range journal {
		for _, flip := range []byte{0x01, 0x80, '\n' ^ journal[i]} {
			if flip == 0 {
				continue
			}
			damaged := bytes.Clone(journal)
			damaged[i] ^= flip
			s, err := loadState(dir, planFile, nil, damaged)
			if err != nil {
				if !strings.Contains(err.Error(), file) || fault.Hint(err) == "" {
					t.Fatalf("byte %d flipped by %#x: the error %q does not name %s, or has no hint", i, flip, err, file)
				}
				continue
			}
			// Only the end of the last line can look like a torn write.
			if i < last || len(s.Records) != 9 {
				t.Fatalf("byte %d flipped by %#x: no error, %d records", i, flip, len(s.Records))
			}
		}
	}
}

func TestSnapshotWithOneByteFlippedOrCut(t *testing.T) {
	dir, _ := twentyLines(t)
	s, err := OpenStore(dir, planFile)
	must(t, err)
	must(t, s.Close())
	file := filepath.Join(dir, snapshotName)
	whole, err := os.ReadFile(file)
	must(t, err)
	check := func(what string, b []byte) {
		t.Helper()
		if _, err := loadState(dir, planFile, b, nil); err == nil || !strings.Contains(err.Error(), file) {
			t.Fatalf("%s: error %v, want one that names %s", what, err, file)
		}
	}
	for i := range whole {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 1
		check(fmt.Sprintf("byte %d flipped", i), damaged)
		check(fmt.Sprintf("cut to %d bytes", i), whole[:i])
	}
}

func TestDamagedJournalIsNotWrittenTo(t *testing.T) {
	dir, journal := twentyLines(t)
	damaged := bytes.Clone(journal)
	damaged[40] ^= 1
	file := filepath.Join(dir, journalName)
	must(t, os.WriteFile(file, damaged, 0o600))
	if _, err := OpenStore(dir, planFile); err == nil {
		t.Fatal("no error")
	}
	after, err := os.ReadFile(file)
	must(t, err)
	if !bytes.Equal(after, damaged) {
		t.Error("the damaged journal was touched")
	}
	must(t, os.WriteFile(file, journal, 0o600))
	s, err := OpenStore(dir, planFile)
	if err != nil {
		t.Fatalf("the refused run kept the lock: %v", err)
	}
	must(t, s.Close())
}

func TestTornLineIsCutOffBeforeTheNextOne(t *testing.T) {
	dir, journal := twentyLines(t)
	file := filepath.Join(dir, journalName)
	must(t, os.WriteFile(file, journal[:len(journal)-7], 0o600))
	s, err := OpenStore(dir, planFile)
	must(t, err)
	if s.Record("step9") != nil {
		t.Error("a torn record was believed")
	}
	if last, ok := s.Last("step9"); !ok || last.Kind != "started" {
		t.Errorf("last of step9 = %+v, want started", last)
	}
	must(t, s.Done(record("step9")))
	kill(t, s)
	again, err := ReadStore(dir, planFile)
	must(t, err)
	if diff := cmp.Diff(record("step9"), *again.Record("step9"), cmp.AllowUnexported(plan.Value{})); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestJournalWithALineMissing(t *testing.T) {
	_, journal := twentyLines(t)
	lines := bytes.SplitAfter(journal, []byte("\n"))
	tests := []struct {
		name  string
		lines [][]byte
		want  string
	}{
		{"in the middle", append(append([][]byte{}, lines[:5]...), lines[6:]...), "line 6: number 7 follows 5"},
		{"at the beginning", lines[1:], "begins with number 2, but the snapshot ends with 0"},
		{"twice", append([][]byte{lines[0]}, lines...), "line 2: number 1 follows 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, _ := twentyLines(t)
			must(t, os.WriteFile(filepath.Join(dir, journalName), bytes.Join(tt.lines, nil), 0o600))
			_, err := ReadStore(dir, planFile)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// A brokenFile fails after a number of bytes, like a full disk, and can be
// made to fail at other things.
type brokenFile struct {
	journal.File
	room          int
	noSync, noCut error
}

func (f *brokenFile) Write(p []byte) (int, error) {
	if len(p) <= f.room {
		f.room -= len(p)
		return f.File.Write(p)
	}
	n, _ := f.File.Write(p[:f.room])
	f.room = 0
	return n, syscall.ENOSPC
}

func (f *brokenFile) Sync() error {
	if f.noSync != nil {
		return f.noSync
	}
	return f.File.Sync()
}

func (f *brokenFile) Truncate(size int64) error {
	if f.noCut != nil {
		return f.noCut
	}
	return f.File.Truncate(size)
}

func TestFullDiskLosesNothing(t *testing.T) {
	// One line is about 350 bytes: the disk is full at every place of one.
	for room := 0; room < 450; room += 29 {
		dir := filepath.Join(t.TempDir(), "p")
		s, err := OpenStore(dir, planFile)
		must(t, err)
		must(t, s.Done(record("before")))
		whole := s.journal.File
		s.journal.File = &brokenFile{File: whole, room: room}
		err = s.Done(record("during"))
		fits := err == nil
		if !fits && (!errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), dir)) {
			t.Fatalf("room %d: error %v, want ENOSPC and the state's name", room, err)
		}
		if got := s.Record("during") != nil; got != fits {
			t.Errorf("room %d: record in memory: %v, want %v", room, got, fits)
		}
		s.journal.File = whole // somebody made room
		must(t, s.Done(record("after")))
		kill(t, s)
		r, err := ReadStore(dir, planFile)
		must(t, err)
		if r.Record("before") == nil || r.Record("after") == nil || (r.Record("during") != nil) != fits {
			t.Errorf("room %d: records %v, fits %v", room, r.mem.Records, fits)
		}
	}
}

func TestJournalThatCannotBeMendedTakesNoMore(t *testing.T) {
	tests := []struct {
		name  string
		file  brokenFile
		cause error
	}{
		{"sync and cut fail", brokenFile{room: 1 << 20, noSync: syscall.EIO, noCut: syscall.EIO}, syscall.EIO},
		{"full, and cut fails", brokenFile{room: 30, noCut: syscall.EROFS}, syscall.ENOSPC},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "p")
			s, err := OpenStore(dir, planFile)
			must(t, err)
			must(t, s.Done(record("before")))
			whole := s.journal.File
			broken := tt.file
			broken.File = whole
			s.journal.File = &broken
			for range 2 {
				if err := s.Done(record("during")); !errors.Is(err, tt.cause) {
					t.Errorf("error %v, want %v", err, tt.cause)
				}
			}
			s.journal.File = whole
			if err := s.Done(record("after")); !errors.Is(err, tt.cause) {
				t.Errorf("written to after it broke: %v", err)
			}
			must(t, s.Close())
			r, err := ReadStore(dir, planFile)
			must(t, err)
			if r.Record("before") == nil {
				t.Error("the record from before is lost")
			}
		})
	}
}

// Whatever the two files of a state hold, reading them gives a memory or an
// error, and never a record without its line.
func FuzzRecollect(f *testing.F) {
	line := func(e entry) []byte {
		body, err := json.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		return append(durable.Seal(body), '\n')
	}
	rec := record("a")
	first := line(entry{Seq: 1, Kind: EntryStarted, Step: "a"})
	both := append(bytes.Clone(first), line(entry{Seq: 2, Kind: EntryDone, Step: "a", Record: &rec})...)
	f.Add([]byte(nil), both)
	f.Add(durable.Seal([]byte(`{"version":1,"seq":1}`)), both)
	f.Add(durable.Seal([]byte(`{"version":1,"seq":0,"records":null,"last":null}`)), both)
	f.Add(durable.Seal([]byte(`{"version":1,"seq":0,"records":{"a":null}}`)), both[:len(both)-3])
	f.Add([]byte("{}"), []byte("\n"))
	f.Fuzz(func(t *testing.T, snapshot, journal []byte) {
		if len(snapshot) == 0 {
			snapshot = nil
		}
		l, err := loadState("/plans/.bayplan/p", planFile, snapshot, journal)
		if err != nil {
			return
		}
		for id := range l.Records {
			if !bytes.Contains(journal, []byte(id)) && !bytes.Contains(snapshot, []byte(id)) {
				t.Errorf("a record of %q out of nowhere", id)
			}
		}
	})
}
