package durable_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/durable"
)

func TestWriteFile(t *testing.T) {
	tests := []struct {
		name string
		mode fs.FileMode
		old  string // content before, "" for no file
	}{
		{"new", 0o644, ""},
		{"over an old one", 0o644, "old"},
		{"private", 0o600, ""},
		{"wider than the umask", 0o666, "old"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			if tt.old != "" {
				write(t, path, tt.old)
			}
			if err := durable.WriteBytes(path, tt.mode, []byte("new")); err != nil {
				t.Fatal(err)
			}
			if got := read(t, path); got != "new" {
				t.Errorf("content = %q, want new", got)
			}
			fi, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if fi.Mode() != tt.mode {
				t.Errorf("mode = %v, want %v", fi.Mode(), tt.mode)
			}
			wantNames(t, filepath.Dir(path), "file")
		})
	}
}

func TestWriteFileFails(t *testing.T) {
	boom := errors.New("boom")
	tests := []struct {
		name    string
		prepare func(t *testing.T, path string)
		write   func(w io.Writer) error
		want    error
	}{
		{"writer fails half-way", nil, func(w io.Writer) error { io.WriteString(w, "ne"); return boom }, boom},
		{"target is a directory", func(t *testing.T, path string) { mkdir(t, path) }, noError, syscall.EISDIR},
		{"no directory", func(t *testing.T, path string) { os.Remove(filepath.Dir(path)) }, noError, fs.ErrNotExist},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "dir")
			mkdir(t, dir)
			path := filepath.Join(dir, "file")
			if tt.prepare != nil {
				tt.prepare(t, path)
			}
			before := names(dir)
			err := durable.WriteFile(path, 0o644, tt.write)
			if !errors.Is(err, tt.want) {
				t.Fatalf("error = %v, want %v", err, tt.want)
			}
			if !strings.Contains(err.Error(), path) {
				t.Errorf("error %q does not name %s", err, path)
			}
			if diff := cmp.Diff(before, names(dir)); diff != "" {
				t.Errorf("names in the directory (-before +after):\n%s", diff)
			}
		})
	}
}

func TestWriteFileKeepsOldWhenWriterFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, "old")
	err := durable.WriteFile(path, 0o644, func(w io.Writer) error {
		io.WriteString(w, "half of the new")
		if got := read(t, path); got != "old" {
			t.Errorf("while writing, content = %q, want old", got)
		}
		return errors.New("boom")
	})
	if err == nil {
		t.Fatal("no error")
	}
	if got := read(t, path); got != "old" {
		t.Errorf("content = %q, want old", got)
	}
}

func TestWriteFileReplacesLink(t *testing.T) {
	dir := t.TempDir()
	victim, path := filepath.Join(dir, "victim"), filepath.Join(dir, "file")
	write(t, victim, "victim")
	if err := os.Symlink(victim, path); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteBytes(path, 0o644, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, victim); got != "victim" {
		t.Errorf("what the link pointed to = %q", got)
	}
	if got := read(t, path); got != "new" {
		t.Errorf("content = %q, want new", got)
	}
}

// A process that is killed while writing leaves its temporary file without a
// lock. The test's files, which were never locked, look the same.
func TestLeftoversAreRemoved(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	keep := []string{
		".bayplan-part-file2-" + rand.Text(), // of another target
		".bayplan-part-file-short",
		"file-" + rand.Text(),
	}
	for _, name := range append(keep, ".bayplan-part-file-"+rand.Text()) {
		write(t, filepath.Join(dir, name), "leftover")
	}
	if err := durable.WriteBytes(path, 0o644, []byte("new")); err != nil {
		t.Fatal(err)
	}
	wantNames(t, dir, append(keep, "file")...)
}

func TestLivingWriterIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	err := durable.WriteFile(path, 0o644, func(w io.Writer) error {
		io.WriteString(w, "outer")
		return durable.WriteBytes(path, 0o644, []byte("inner"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "outer" {
		t.Errorf("content = %q, want that of the last to finish", got)
	}
	wantNames(t, filepath.Dir(path), "file")
}

func TestManyWritersOfOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			content := strings.Repeat(fmt.Sprint(i%10), 4096)
			if err := durable.WriteBytes(path, 0o644, []byte(content)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	got := read(t, path)
	if want := strings.Repeat(got[:1], 4096); got != want {
		t.Error("the content mixes that of several writers")
	}
	wantNames(t, filepath.Dir(path), "file")
}

// The name of a temporary file contains the name of its target.
func TestTemporaryName(t *testing.T) {
	tests := map[string]string{
		"short":                                  "b",
		"as long as the temporary name can hold": strings.Repeat("n", 214),
	}
	for name, target := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			err := durable.WriteFile(filepath.Join(dir, target), 0o644, func(io.Writer) error {
				found, err := filepath.Glob(filepath.Join(dir, ".bayplan-part-"+target+"-*"))
				if len(found) != 1 {
					t.Errorf("found %q, %v", found, err)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLongestName(t *testing.T) {
	long := strings.Repeat("n", 255)
	dir := t.TempDir()
	if err := durable.WriteBytes(filepath.Join(dir, long), 0o644, nil); err != nil {
		t.Errorf("the longest name: %v", err)
	}
	wantNames(t, dir, long)
}

func TestMkdirAll(t *testing.T) {
	dir := t.TempDir()
	made, err := durable.MkdirAll(filepath.Join(dir, "a", "b"), 0o777)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range made {
		if fi, err := os.Stat(d); err != nil || fi.Mode() != fs.ModeDir|0o777 {
			t.Errorf("%s: %v, %v", d, fi, err)
		}
	}
	if diff := cmp.Diff([]string{filepath.Join(dir, "a"), filepath.Join(dir, "a", "b")}, made); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	if made, err := durable.MkdirAll(filepath.Join(dir, "a", "b"), 0o755); err != nil || made != nil {
		t.Errorf("second time: %v, %v", made, err)
	}
	write(t, filepath.Join(dir, "file"), "")
	if err := os.Symlink("nowhere", filepath.Join(dir, "dangling")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"file", "file/under", "dangling"} {
		if _, err := durable.MkdirAll(filepath.Join(dir, name), 0o755); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A directory never has its name with another mode: a process that is killed there
// would leave it so for ever.
func TestMkdirAllInOneStep(t *testing.T) {
	for _, mode := range []fs.FileMode{0o755, 0o775, 0o700} {
		for _, umask := range []int{0o077, 0o027, 0o022, 0o777} {
			dir := t.TempDir()
			old := syscall.Umask(umask)
			stop, seen := make(chan struct{}), make(chan fs.FileMode, 1)
			go func() {
				defer close(seen)
				for {
					names, _ := filepath.Glob(dir + "/x*")
					for _, name := range names {
						if fi, err := os.Lstat(name); err == nil && fi.Mode().Perm() != mode {
							seen <- fi.Mode()
							return
						}
					}
					select {
					case <-stop:
						return
					default:
					}
				}
			}()
			var errs []error
			for i := range 50 {
				_, err := durable.MkdirAll(fmt.Sprintf("%s/x%d", dir, i), mode)
				errs = append(errs, err)
			}
			syscall.Umask(old)
			close(stop)
			if err := errors.Join(errs...); err != nil {
				t.Error(err)
			}
			for got := range seen {
				t.Errorf("umask %04o: a directory had the mode %v before it had %v", umask, got, mode)
			}
			if left, _ := filepath.Glob(dir + "/.*"); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		}
	}
}

// What a process that was killed before the name has left goes, and what has that name
// already stays.
func TestMkdirInLeftovers(t *testing.T) {
	dir := t.TempDir()
	mkdir(t, filepath.Join(dir, durable.PartPrefix+"x-new"))
	mkdir(t, filepath.Join(dir, durable.PartPrefix+"y-new"))
	d, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := durable.MkdirIn(d, "x", 0o755); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(filepath.Join(dir, "x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := durable.MkdirIn(d, "x", 0o700); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got error %v", err)
	}
	if after, err := os.Stat(filepath.Join(dir, "x")); err != nil || !os.SameFile(before, after) || after.Mode().Perm() != 0o755 {
		t.Errorf("it became %v, %v", after, err)
	}
	wantNames(t, dir, durable.PartPrefix+"y-new", "x")
}

func TestRename(t *testing.T) {
	dir := t.TempDir()
	mkdir(t, filepath.Join(dir, "sub"))
	write(t, filepath.Join(dir, "sub", "a"), "a")
	if err := durable.Rename(filepath.Join(dir, "sub", "a"), filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(dir, "b")); got != "a" {
		t.Errorf("content = %q", got)
	}
	if err := durable.Rename(filepath.Join(dir, "none"), filepath.Join(dir, "b")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error = %v", err)
	}
}

func noError(io.Writer) error { return nil }

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func names(dir string) []string {
	entries, _ := os.ReadDir(dir) // a missing directory has no names
	all := []string{}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func wantNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	got := map[string]bool{}
	for _, n := range names(dir) {
		got[n] = true
	}
	expect := map[string]bool{}
	for _, n := range want {
		expect[n] = true
	}
	if diff := cmp.Diff(expect, got); diff != "" {
		t.Errorf("names in the directory (-want +got):\n%s", diff)
	}
}
