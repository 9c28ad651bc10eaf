package runner

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// write makes a file with its directory.
func write(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(content), 0o644))
}

func digest(t *testing.T, algo Algo, content string) string {
	t.Helper()
	h, err := newHash(algo)
	must(t, err)
	h.Write([]byte(content))
	return hex.EncodeToString(h.(hash.Hash).Sum(nil))
}

func TestSumGivesWhatIsAskedFor(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	write(t, file, "hello")
	want := map[Algo]string{
		MD5:    "5d41402abc4b2a76b9719d911017c592",
		SHA256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
	}
	var d Disk
	got, err := d.Sum(t.Context(), file, SHA256, MD5, SHA256)
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Sum (-want +got):\n%s", diff)
	}
	got, err = d.Hard().Sum(t.Context(), file, SHA512)
	must(t, err)
	if diff := cmp.Diff(map[Algo]string{SHA512: digest(t, SHA512, "hello")}, got); diff != "" {
		t.Errorf("Sum (-want +got):\n%s", diff)
	}
}

func TestSumRefuses(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "f"), "x")
	pipe := filepath.Join(dir, "pipe")
	must(t, syscall.Mkfifo(pipe, 0o600))
	tests := []struct {
		name, path string
		algo       Algo
		want       error
	}{
		{"nothing there", filepath.Join(dir, "absent"), MD5, fs.ErrNotExist},
		{"a directory", dir, MD5, nil},
		{"a pipe, which would block", pipe, MD5, nil},
		{"an unknown algorithm", filepath.Join(dir, "f"), "crc32", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, w := range []World{&Disk{}, (&Disk{}).Hard(), Planned(&Disk{}, File{Path: filepath.Join(dir, "other")})} {
				_, err := w.Sum(t.Context(), tt.path, tt.algo)
				if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
					t.Errorf("error %v, want %v", err, tt.want)
				}
			}
		})
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("stopped"))
	if _, err := (&Disk{}).Sum(ctx, filepath.Join(dir, "f"), MD5); err == nil || !errors.Is(err, context.Cause(ctx)) {
		t.Errorf("error %v, want the context's cause", err)
	}
}

// remembered says whether the next Sum of a file would come from memory.
func remembered(c *sumCache, path string, algo Algo) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	id, err := identify(f)
	return err == nil && c.recall(path, id)[algo] != ""
}

func TestSumRemembers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	write(t, file, "hello")
	var d Disk
	sum := func(w World) string {
		t.Helper()
		got, err := w.Sum(t.Context(), file, SHA256)
		must(t, err)
		return got[SHA256]
	}
	settle(t, file)
	sum(&d)
	if !remembered(&d.sums, file, SHA256) {
		t.Fatal("not remembered")
	}
	lie(&d, file)
	if got := sum(&d); got != "a lie" {
		t.Errorf("hashed again, though nothing changed: %s", got)
	}
	if got := sum(d.Hard()); got != digest(t, SHA256, "hello") {
		t.Errorf("the hard mode gave %s", got)
	}
	if got := sum(&d); got != digest(t, SHA256, "hello") {
		t.Errorf("the hard mode did not refresh the memory: %s", got)
	}
	changes := []struct {
		name   string
		change func()
	}{
		{"content", func() { write(t, file, "jello") }},
		{"content, with its mtime set back", func() {
			fi, err := os.Stat(file)
			must(t, err)
			write(t, file, "cello")
			must(t, os.Chtimes(file, time.Time{}, fi.ModTime()))
		}},
		{"another file in its place", func() {
			write(t, file+".new", "hallo")
			must(t, os.Rename(file+".new", file))
		}},
	}
	for _, tt := range changes {
		settle(t, file)
		sum(&d)
		lie(&d, file)
		tt.change()
		content, err := os.ReadFile(file)
		must(t, err)
		if got := sum(&d); got != digest(t, SHA256, string(content)) {
			t.Errorf("%s changed, and Sum gave %s", tt.name, got)
		}
	}
}

// settle makes a file's times old enough to be trusted. Nothing but time can
// make a ctime old, so this spins until the clock has moved on.
func settle(t *testing.T, file string) {
	t.Helper()
	f, err := os.Open(file)
	must(t, err)
	defer f.Close()
	id, err := identify(f)
	must(t, err)
	for !id.settled(time.Now()) {
		<-time.After(time.Millisecond)
	}
}

// lie makes the memory of a file wrong, so that using it shows.
func lie(d *Disk, file string) {
	e := d.sums.files[file]
	e.Sums = map[Algo]string{SHA256: "a lie"}
	d.sums.files[file] = e
}

func TestSettled(t *testing.T) {
	now := time.Date(2026, 11, 22, 13, 0, 0, 123456789, time.UTC)
	at := func(d time.Duration) int64 { return now.Add(d).UnixNano() }
	whole := func(d time.Duration) int64 { return now.Truncate(time.Second).Add(d).UnixNano() }
	tests := []struct {
		name         string
		mtime, ctime int64
		want         bool
	}{
		{"long ago", at(-time.Hour), at(-time.Hour), true},
		{"just written", at(-time.Millisecond), at(-time.Millisecond), false},
		{"old content, just renamed", at(-time.Hour), at(-time.Millisecond), false},
		{"a tenth of a second ago", at(-100 * time.Millisecond), at(-100 * time.Millisecond), true},
		{"a clock of whole seconds, a second ago", whole(-time.Second), whole(-time.Second), false},
		{"a clock of whole seconds, long ago", whole(-time.Minute), whole(-time.Minute), true},
		{"in the future", at(time.Hour), at(-time.Hour), false},
		{"in 1970", 0, at(-time.Hour), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := (fileID{Mtime: tt.mtime, Ctime: tt.ctime}).settled(now); got != tt.want {
				t.Errorf("settled = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestFreshFileIsNotRemembered(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	write(t, file, "hello")
	must(t, os.Chtimes(file, time.Time{}, time.Now().Add(time.Hour)))
	var d Disk
	_, err := d.Sum(t.Context(), file, MD5)
	must(t, err)
	if remembered(&d.sums, file, MD5) {
		t.Error("a file from the future is trusted")
	}
}

func TestSumsAreKept(t *testing.T) {
	dir := t.TempDir()
	file, gone, cache := filepath.Join(dir, "f"), filepath.Join(dir, "gone"), filepath.Join(dir, "sums.json")
	write(t, file, "hello")
	write(t, gone, "hello")
	settle(t, gone)
	var d Disk
	for _, f := range []string{file, gone} {
		_, err := d.Sum(t.Context(), f, SHA256)
		must(t, err)
	}
	must(t, os.Remove(gone))
	must(t, d.sums.save(cache))
	whole, err := os.ReadFile(cache)
	must(t, err)

	var again Disk
	again.sums.load(cache)
	if !remembered(&again.sums, file, SHA256) || len(again.sums.files) != 1 {
		t.Errorf("kept: %v", again.sums.files)
	}
	for _, bad := range [][]byte{nil, []byte("{"), whole[:len(whole)-1], bytes.Replace(whole, []byte("2cf2"), []byte("2cf3"), 1), seal([]byte("[]"))} {
		must(t, os.WriteFile(cache, bad, 0o600))
		var d Disk
		d.sums.load(cache)
		if len(d.sums.files) != 0 {
			t.Errorf("believed %q", bad)
		}
	}
}

// A store keeps the digests for the next run, in applies only.
func TestStoreKeepsSums(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	file := filepath.Join(t.TempDir(), "f")
	write(t, file, "hello")
	settle(t, file)
	sum := func(s *Store) {
		t.Helper()
		_, err := s.Disk().Sum(t.Context(), file, SHA256)
		must(t, err)
		must(t, s.Close())
	}
	must(t, openStore(t, dir).Close())
	sum(readStore(t, dir))
	if s := readStore(t, dir); remembered(&s.Disk().sums, file, SHA256) {
		t.Error("a reader wrote")
	}
	sum(openStore(t, dir))
	if s := readStore(t, dir); !remembered(&s.Disk().sums, file, SHA256) {
		t.Error("not kept")
	}
}

// Many that ask for one file at once wait for one hashing of it.
func TestSumOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c sumCache
		first, mine := c.board("/f", false)
		if !mine {
			t.Fatal("the first is not to fly")
		}
		var waiting sync.WaitGroup
		for range 3 {
			waiting.Go(func() {
				f, mine := c.board("/f", false)
				if mine {
					t.Error("a second hashing of the same file")
				}
				<-f.done
				if f.sums[MD5] != "d" {
					t.Error("another result")
				}
			})
		}
		synctest.Wait()
		first.sums = map[Algo]string{MD5: "d"}
		c.land("/f", first)
		waiting.Wait()
		if _, mine := c.board("/f", false); !mine {
			t.Error("the landed flight is still there")
		}
	})
}

// Whoever waits for another's hashing does it himself when that fails, when it
// lacks an algorithm, or when it was not hard enough; and can be stopped.
func TestSumAfterAnothersFlight(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	write(t, file, "hello")
	tests := []struct {
		name   string
		flight flight
		hard   bool
		want   string
	}{
		{"it failed", flight{err: errors.New("stopped")}, false, digest(t, MD5, "hello")},
		{"it has another algorithm", flight{sums: map[Algo]string{SHA256: "x"}}, false, digest(t, MD5, "hello")},
		{"it was from memory", flight{sums: map[Algo]string{MD5: "x"}}, true, digest(t, MD5, "hello")},
		{"it will do", flight{sums: map[Algo]string{MD5: "x"}, hard: true}, true, "x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var d Disk
				f, _ := d.sums.board(file, tt.flight.hard)
				result := make(chan string)
				go func() {
					got, err := d.sums.sum(t.Context(), file, []Algo{MD5}, tt.hard)
					if err != nil {
						t.Error(err)
					}
					result <- got[MD5]
				}()
				synctest.Wait()
				f.sums, f.err = tt.flight.sums, tt.flight.err
				d.sums.land(file, f)
				if got := <-result; got != tt.want {
					t.Errorf("got %s, want %s", got, tt.want)
				}
			})
		})
	}
	t.Run("stopped while waiting", func(t *testing.T) {
		var d Disk
		d.sums.board(file, false)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := d.sums.sum(ctx, file, []Algo{MD5}, false); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

func TestSumFromManySides(t *testing.T) {
	dir := t.TempDir()
	var d Disk
	var all sync.WaitGroup
	for i := range 40 {
		file := filepath.Join(dir, string(rune('a'+i%5)))
		if i < 5 {
			write(t, file, "hello")
		}
		all.Go(func() {
			w := []World{&d, d.Hard()}[i%2]
			got, err := w.Sum(t.Context(), file, MD5, SHA256)
			if err != nil || len(got) != 2 {
				t.Errorf("Sum = %v, %v", got, err)
			}
			got[MD5] = "mine to change"
		})
	}
	all.Wait()
}

func content(s string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewBufferString(s)), nil }
}

func TestPlannedWorld(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write(t, at("real"), "real")
	write(t, at("both"), "as it is")
	w := Planned(&Disk{},
		File{Path: at("made"), Mode: fs.ModeDir | 0o700},
		File{Path: at("both"), Size: 3, Mode: 0o600, Open: content("old")},
		File{Path: at("a/b/f"), Size: 5, Mode: 0o640, Open: content("hello"), Sums: map[Algo]string{SHA256: "as planned"}},
		File{Path: at("both/"), Size: 3, Mode: 0o600, Open: content("new")},
		File{Path: at("later"), Size: 9, Mode: 0o600},
	)
	stats := []struct {
		name string
		want string // mode and size, "" for absent
		size int64
	}{
		{"made", "drwx------", 0},
		{"a", "drwxr-xr-x", 0},
		{"a/b", "drwxr-xr-x", 0},
		{"a/b/f", "-rw-r-----", 5},
		{"a/b/../b/f", "-rw-r-----", 5},
		{"both", "-rw-------", 3},
		{"real", "-rw-r--r--", 4},
		{"absent", "", 0},
		{"a/absent", "", 0},
	}
	for _, tt := range stats {
		fi, err := w.Stat(at(tt.name))
		switch {
		case tt.want == "":
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Stat %s: %v, want not exist", tt.name, err)
			}
		case err != nil:
			t.Errorf("Stat %s: %v", tt.name, err)
		case fi.Mode().String() != tt.want || fi.Size() != tt.size || fi.IsDir() != fi.Mode().IsDir() || fi.Name() != filepath.Base(tt.name):
			t.Errorf("Stat %s = %v %d %s", tt.name, fi.Mode(), fi.Size(), fi.Name())
		}
	}
	for name, want := range map[string]string{"a/b/f": "hello", "both": "new", "real": "real"} {
		r, err := w.Open(at(name))
		must(t, err)
		if got, _ := io.ReadAll(r); string(got) != want {
			t.Errorf("Open %s reads %q, want %q", name, got, want)
		}
		must(t, r.Close())
	}
	for name, want := range map[string]error{
		"made": syscall.EISDIR, "a": syscall.EISDIR, "absent": fs.ErrNotExist, "later": errNoContent, "both/f": syscall.ENOTDIR,
	} {
		if _, err := w.Open(at(name)); !errors.Is(err, want) {
			t.Errorf("Open %s: %v, want %v", name, err, want)
		}
	}
	if _, err := w.Stat(at("both/f")); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("Stat below a file: %v", err)
	}
}

func TestPlannedSums(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	opened := atomic.Int32{}
	planned := File{Path: file, Size: 5, Sums: map[Algo]string{SHA256: "as planned"}, Open: func() (io.ReadCloser, error) {
		opened.Add(1)
		return content("hello")()
	}}
	shared := []*plannedFile{newPlannedFile(planned)}
	worlds := []World{plannedWorld(&Disk{}, shared), plannedWorld(&Disk{}, shared)}
	got, err := worlds[0].Sum(t.Context(), file, SHA256)
	must(t, err)
	if got[SHA256] != "as planned" || opened.Load() != 0 {
		t.Errorf("Sum = %v, opened %d times", got, opened.Load())
	}
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			got, err := worlds[i%2].Sum(t.Context(), file, MD5, SHA256)
			if err != nil || got[MD5] != digest(t, MD5, "hello") || got[SHA256] != "as planned" {
				t.Errorf("Sum = %v, %v", got, err)
			}
		})
	}
	all.Wait()
	if opened.Load() != 1 {
		t.Errorf("opened %d times, want once", opened.Load())
	}
	if planned.Sums[MD5] != "" {
		t.Error("the step's own map was written to")
	}
	if _, err := worlds[0].Sum(t.Context(), dir, MD5); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("Sum of a directory: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Planned(&Disk{}, planned).Sum(ctx, file, SHA512); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
}
