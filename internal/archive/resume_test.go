package archive_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/archive"
)

// extractKilled leaves in dest the files of a process that was killed at a
// certain moment: it copies the tree when stop calls now.
func extractKilled(t *testing.T, dest string, data []byte, stop func(x *archive.Extraction, now func())) {
	t.Helper()
	work := t.TempDir()
	if err := os.CopyFS(work, os.DirFS(dest)); err != nil {
		t.Fatal(err)
	}
	var left string
	x := archive.Extraction{Key: "key"}
	stop(&x, func() {
		if left == "" {
			left = t.TempDir()
			if err := os.CopyFS(left, os.DirFS(work)); err != nil {
				t.Fatal(err)
			}
		}
	})
	if _, err := extract(t, work, data, x); err != nil {
		t.Fatal(err)
	}
	if left == "" {
		t.Fatal("stop never called now")
	}
	if err := os.RemoveAll(dest); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dest, os.DirFS(left)); err != nil {
		t.Fatal(err)
	}
}

// beforeFirst stops when all files are on the disk and none has its name.
func beforeFirst(x *archive.Extraction, now func()) {
	x.Check = func([]archive.Entry) error { now(); return nil }
}

// afterFirst stops when the first file has its name.
func afterFirst(x *archive.Extraction, now func()) {
	x.Done = func(archive.Entry, bool) { now() }
}

var twoFiles = tarball(file("a", "first"), file("b", "second"), dir("d"))

func TestResume(t *testing.T) {
	all := map[string]string{"a": "first", "b": "second"}
	stage := archive.StageName("/images/x.tar")
	tests := []struct {
		name   string
		stop   func(x *archive.Extraction, now func())
		change func(t *testing.T, dest string) // what happens before the next run
		key    string
		wrote  int64 // by the next run
		read   bool  // the next run reads the archive
	}{
		{"all was staged", beforeFirst, nil, "key", 0, true},
		{"the names were being given", afterFirst, nil, "key", 0, false},
		{"another archive, or settings", afterFirst, nil, "other", 11, true},
		{"without a key", afterFirst, nil, "", 11, true},
		{"the journal is torn", afterFirst, func(t *testing.T, dest string) {
			j := filepath.Join(dest, stage, "journal")
			text := readFile(t, j)
			writeFile(t, j, text[:len(text)-3])
		}, "key", 0, true},
		{"the journal is damaged", afterFirst, func(t *testing.T, dest string) {
			j := filepath.Join(dest, stage, "journal")
			writeFile(t, j, "x"+readFile(t, j))
		}, "key", 11, true},
		{"the journal is a link", afterFirst, func(t *testing.T, dest string) {
			j := filepath.Join(dest, stage, "journal")
			if err := os.Rename(j, filepath.Join(dest, "moved")); err != nil {
				t.Fatal(err)
			}
			symlink(t, "../moved", j)
		}, "key", 11, true},
		{"a staged file is damaged", beforeFirst, func(t *testing.T, dest string) {
			writeFile(t, filepath.Join(dest, stage, "000001"), "SECOND")
		}, "key", 6, true},
		{"a staged file is cut", beforeFirst, func(t *testing.T, dest string) {
			writeFile(t, filepath.Join(dest, stage, "000000"), "fi")
		}, "key", 5, true},
		{"a staged file is a link now", beforeFirst, func(t *testing.T, dest string) {
			remove(t, filepath.Join(dest, stage, "000000"))
			symlink(t, "000001", filepath.Join(dest, stage, "000000"))
		}, "key", 5, true},
		{"a staged file is gone", afterFirst, func(t *testing.T, dest string) {
			remove(t, filepath.Join(dest, stage, "000001"))
		}, "key", 6, true},
		{"a placed file was changed", afterFirst, func(t *testing.T, dest string) {
			writeFile(t, filepath.Join(dest, "a"), "FIRST")
		}, "key", 5, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, dest := scene(t)
			extractKilled(t, dest, twoFiles, tt.stop)
			if tt.change != nil {
				tt.change(t, dest)
			}
			var wrote int64
			r := &countingReader{r: bytes.NewReader(twoFiles)}
			root, err := os.OpenRoot(dest)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			entries, err := archive.Extract(t.Context(), r, root, archive.Extraction{
				Source: "/images/x.tar", Key: tt.key, Moved: func(n int64) { wrote += n },
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(entries) != 3 || entries[1].SHA256 != sum256("second") || !entries[2].IsDir() {
				t.Errorf("entries = %+v", entries)
			}
			if wrote != tt.wrote || r.n > 0 != tt.read {
				t.Errorf("it wrote %d bytes and read %d, want %d and reading: %v", wrote, r.n, tt.wrote, tt.read)
			}
			for name, want := range all {
				if got := readFile(t, filepath.Join(dest, name)); got != want {
					t.Errorf("%s = %q, want %q", name, got, want)
				}
			}
			if _, err := os.Lstat(filepath.Join(dest, stage)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the unfinished files are still there: %v", err)
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

type countingReader struct {
	r *bytes.Reader
	n int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

// Files of two archives are never mixed, even if both have the same key.
func TestResumeWithAnotherArchiveUnderTheSameKey(t *testing.T) {
	base, _, dest := scene(t)
	extractKilled(t, dest, twoFiles, beforeFirst)
	other := tarball(file("a", "FIRST"), file("b", "second"), dir("d"))
	if _, err := extract(t, dest, other, archive.Extraction{Key: "key"}); err == nil || !strings.Contains(err.Error(), "has changed since") {
		t.Errorf("error = %v", err)
	}
	want := map[string]string{".": "drwxr-xr-x", "dest": "drwxr-xr-x", "victim": "drwxr-xr-x"}
	got := snapshot(t, base)
	delete(got, "victim/hello")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the disk (-want +got):\n%s", diff)
	}
	if _, err := extract(t, dest, other, archive.Extraction{Key: "key"}); err != nil {
		t.Errorf("the next run: %v", err)
	}
}

// A journal that a kill or a crash has truncated may be useful or not, but it
// never does harm.
func TestTruncationsOfTheJournal(t *testing.T) {
	_, _, first := scene(t)
	extractKilled(t, first, twoFiles, afterFirst)
	journal := readFile(t, filepath.Join(first, archive.StageName("/images/x.tar"), "journal"))
	for n := 0; n < len(journal); n += 13 {
		dest := t.TempDir()
		if err := os.CopyFS(dest, os.DirFS(first)); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dest, archive.StageName("/images/x.tar"), "journal"), journal[:n])
		if _, err := extract(t, dest, twoFiles, archive.Extraction{Key: "key"}); err != nil {
			t.Fatalf("cut at %d: %v", n, err)
		}
		if a, b := readFile(t, filepath.Join(dest, "a")), readFile(t, filepath.Join(dest, "b")); a != "first" || b != "second" {
			t.Fatalf("cut at %d: %q and %q", n, a, b)
		}
	}
}

func TestCheckComesBeforeTheFirstName(t *testing.T) {
	base, _, dest := scene(t)
	writeFile(t, filepath.Join(dest, "a"), "old")
	before := snapshot(t, base)
	no := errors.New("no")
	var saw []archive.Entry
	_, err := extract(t, dest, twoFiles, archive.Extraction{Check: func(all []archive.Entry) error { saw = all; return no }})
	if !errors.Is(err, no) || len(saw) != 3 {
		t.Errorf("error = %v, after %d entries", err, len(saw))
	}
	if diff := cmp.Diff(before, snapshot(t, base)); diff != "" {
		t.Errorf("the disk (-before +after):\n%s", diff)
	}
}

// A panic in a worker's goroutine becomes an error.
func TestPanicIsAnError(t *testing.T) {
	base, _, dest := scene(t)
	before := snapshot(t, base)
	_, err := extract(t, dest, twoFiles, archive.Extraction{Moved: func(int64) { panic("boom") }})
	if err == nil || !strings.Contains(err.Error(), "panic: boom") {
		t.Errorf("error = %v", err)
	}
	if diff := cmp.Diff(before, snapshot(t, base)); diff != "" {
		t.Errorf("the disk (-before +after):\n%s", diff)
	}
}

func TestLargeSkim(t *testing.T) {
	two := []archive.Entry{{Name: "a", Size: 5, Mode: 0o644}, {Name: "b", Size: 6, Mode: 0o644}, {Name: "d", Mode: os.ModeDir | 0o755}}
	tests := []struct {
		name string
		data []byte
		want []archive.Entry
		all  bool
	}{
		{"plain", twoFiles, two, true},
		{"compressed", gz(twoFiles), two[:1], false},
		{"directories first", gz(tarball(dir("d"), file("a", "first"), file("b", "second"))), []archive.Entry{two[2], two[0]}, false},
		{"directories alone", gz(tarball(dir("d"))), two[2:], false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, all, err := archive.Skim(t.Context(), bytes.NewReader(tt.data), archive.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || all != tt.all {
				t.Errorf("all = %v, entries (-want +got):\n%s", all, diff)
			}
		})
	}
	for _, tt := range hostileArchives(t) {
		if _, _, err := archive.Skim(t.Context(), bytes.NewReader(tt.build("/victim")), archive.Options{Limits: tt.limits}); err == nil {
			continue // what it does not see, Extract does
		} else if strings.ContainsAny(err.Error(), "\x1b\n\x00") {
			t.Errorf("%s: error %q has bytes that a terminal takes for commands", tt.name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := archive.Skim(ctx, bytes.NewReader(twoFiles), archive.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error = %v", err)
	}
}

func TestDigest(t *testing.T) {
	digest := func(b []byte) string {
		entries, err := archive.List(t.Context(), bytes.NewReader(b), archive.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return archive.Digest(entries)
	}
	same := digest(twoFiles)
	if got := digest(gz(twoFiles)); got != same {
		t.Error("it differs with the packing")
	}
	for name, b := range map[string][]byte{
		"other name": tarball(file("A", "first"), file("b", "second"), dir("d")),
		"other text": tarball(file("a", "FIRST"), file("b", "second"), dir("d")),
		"other mode": tarball(raw{name: "a", body: "first", mode: 0o755}, file("b", "second"), dir("d")),
		"one less":   tarball(file("a", "first"), file("b", "second")),
	} {
		if digest(b) == same {
			t.Errorf("%s: it is the same", name)
		}
	}
}
