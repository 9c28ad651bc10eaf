package hostdisk

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/durable"
)

// write makes a file with its directory.
func write(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(content), 0o644))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func digest(t *testing.T, algo Algo, content string) string {
	t.Helper()
	h, err := newHash(algo)
	must(t, err)
	h.Write([]byte(content))
	return hex.EncodeToString(h.Sum(nil))
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

// A summer is a Disk or a Hard one.
type summer interface {
	Sum(ctx context.Context, path string, algos ...Algo) (map[Algo]string, error)
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
			for _, w := range []summer{&Disk{}, (&Disk{}).Hard()} {
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

// remembered reports whether the next Sum of a file would come from memory.
func remembered(c *sumCache, path string, algo Algo) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	id, err := statOpenFile(f)
	return err == nil && c.recall(path, id)[algo] != ""
}

func TestSumRemembers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	write(t, file, "hello")
	var d Disk
	sum := func(w summer) string {
		t.Helper()
		got, err := w.Sum(t.Context(), file, SHA256)
		must(t, err)
		return got[SHA256]
	}
	waitForClockTick(t, file)
	sum(&d)
	if !remembered(&d.sums, file, SHA256) {
		t.Fatal("not remembered")
	}
	corruptSums(&d, file)
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
		waitForClockTick(t, file)
		sum(&d)
		corruptSums(&d, file)
		tt.change()
		content, err := os.ReadFile(file)
		must(t, err)
		if got := sum(&d); got != digest(t, SHA256, string(content)) {
			t.Errorf("%s changed, and Sum gave %s", tt.name, got)
		}
	}
}

// waitForClockTick waits until a file's times are old enough to be trusted. Nothing
// but time can make a ctime old, so this spins until the clock has moved on.
func waitForClockTick(t *testing.T, file string) {
	t.Helper()
	f, err := os.Open(file)
	must(t, err)
	defer f.Close()
	id, err := statOpenFile(f)
	must(t, err)
	for !id.changeWouldShow(time.Now()) {
		<-time.After(time.Millisecond)
	}
}

// corruptSums makes the memory of a file wrong, so that using it shows.
func corruptSums(d *Disk, file string) {
	e := d.sums.files[file]
	e.Sums = map[Algo]string{SHA256: "a lie"}
	d.sums.files[file] = e
}

func TestChangeWouldShow(t *testing.T) {
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
			if got := (fileStat{Mtime: tt.mtime, Ctime: tt.ctime}).changeWouldShow(now); got != tt.want {
				t.Errorf("changeWouldShow = %v, want %v", got, tt.want)
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
	waitForClockTick(t, gone)
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
	for _, bad := range [][]byte{nil, []byte("{"), whole[:len(whole)-1], bytes.Replace(whole, []byte("2cf2"), []byte("2cf3"), 1), durable.Seal([]byte("[]"))} {
		must(t, os.WriteFile(cache, bad, 0o600))
		var d Disk
		d.sums.load(cache)
		if len(d.sums.files) != 0 {
			t.Errorf("believed %q", bad)
		}
	}
}
