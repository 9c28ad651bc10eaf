package archive_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bayplan/bayplan/internal/archive"
	"github.com/bayplan/bayplan/internal/fault"
)

func extract(t *testing.T, dest string, data []byte, x archive.Extraction) ([]archive.Entry, error) {
	t.Helper()
	root, err := os.OpenRoot(dest)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if x.Source == "" {
		x.Source = "/images/x.tar"
	}
	return archive.Extract(t.Context(), bytes.NewReader(data), root, x)
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestExtract(t *testing.T) {
	_, _, dest := scene(t)
	data := gz(tarball(dir("./"), file("./a", "1"), dir("./empty"), file("./deep/er/b", "2"),
		raw{name: "./run", body: "#!", mode: 0o4755}))
	var moved int64
	var done []string
	entries, err := extract(t, dest, data, archive.Extraction{
		Moved: func(n int64) { moved += n },
		Done:  func(e archive.Entry, _ bool) { done = append(done, e.Name) },
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		".":         "drwxr-xr-x",
		"a":         `-rw-r--r-- links=1 "1"`,
		"empty":     "drwxr-xr-x",
		"deep":      "drwxr-xr-x",
		"deep/er":   "drwxr-xr-x",
		"deep/er/b": `-rw-r--r-- links=1 "2"`,
		"run":       `-rwxr-xr-x links=1 "#!"`,
	}
	if diff := cmp.Diff(want, snapshot(t, dest)); diff != "" {
		t.Errorf("the disk (-want +got):\n%s", diff)
	}
	listed, err := archive.List(t.Context(), bytes.NewReader(data), archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(listed, entries); diff != "" {
		t.Errorf("Extract and List differ (-list +extract):\n%s", diff)
	}
	if moved != 4 {
		t.Errorf("moved = %d bytes, want 4", moved)
	}
	if diff := cmp.Diff([]string{"a", "deep/er/b", "empty", "run"}, done); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
}

func TestExtractTwoArchivesIntoOneDirectory(t *testing.T) {
	_, _, dest := scene(t)
	for _, name := range []string{"a", "b"} {
		if _, err := extract(t, dest, tarball(file(name, name)), archive.Extraction{Source: name}); err != nil {
			t.Fatal(err)
		}
	}
	if got := readFile(t, filepath.Join(dest, "a")) + readFile(t, filepath.Join(dest, "b")); got != "ab" {
		t.Errorf("content = %q", got)
	}
}

func TestExtractOverOldFiles(t *testing.T) {
	_, _, dest := scene(t)
	writeFile(t, filepath.Join(dest, "same"), "same")
	writeFile(t, filepath.Join(dest, "changed"), "old")
	writeFile(t, filepath.Join(dest, "samesize"), "old")
	writeFile(t, filepath.Join(dest, "other"), "not of the archive")
	before, err := os.Stat(filepath.Join(dest, "same"))
	if err != nil {
		t.Fatal(err)
	}
	data := tarball(file("same", "same"), file("changed", "longer"), file("samesize", "new"))
	if _, err := extract(t, dest, data, archive.Extraction{}); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(filepath.Join(dest, "same"))
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) {
		t.Error("a file with the same content was written again")
	}
	for name, want := range map[string]string{"changed": "longer", "samesize": "new", "other": "not of the archive"} {
		if got := readFile(t, filepath.Join(dest, name)); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func TestExtractWritesOnlyWhatIsMissing(t *testing.T) {
	_, _, dest := scene(t)
	writeFile(t, filepath.Join(dest, "have"), "have")
	data := tarball(file("have", "have"), file("new", "new"))
	want, err := archive.List(t.Context(), bytes.NewReader(data), archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var moved int64
	got, err := extract(t, dest, data, archive.Extraction{
		Want:  want,
		Have:  want[:1],
		Moved: func(n int64) { moved += n },
	})
	if err != nil {
		t.Fatal(err)
	}
	if moved != 3 {
		t.Errorf("moved = %d, want 3", moved)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestExtractRefusesWhatIsInTheWay(t *testing.T) {
	tests := []struct {
		name  string
		place func(t *testing.T, victim, dest string)
		want  string
	}{
		{"link where a file goes", func(t *testing.T, victim, dest string) {
			symlink(t, filepath.Join(victim, "hello"), filepath.Join(dest, "z"))
		}, "symbolic link"},
		{"link that stays inside", func(t *testing.T, _, dest string) {
			writeFile(t, filepath.Join(dest, "target"), "old")
			symlink(t, "target", filepath.Join(dest, "z"))
		}, "symbolic link"},
		{"link to nowhere", func(t *testing.T, _, dest string) { symlink(t, "nowhere", filepath.Join(dest, "z")) }, "symbolic link"},
		{"link where a directory goes", func(t *testing.T, victim, dest string) {
			symlink(t, victim, filepath.Join(dest, "d"))
		}, "symbolic link"},
		{"link to a directory inside", func(t *testing.T, _, dest string) {
			writeFile(t, filepath.Join(dest, "other/f"), "old")
			symlink(t, "other", filepath.Join(dest, "d"))
		}, "symbolic link"},
		{"directory where a file goes", func(t *testing.T, _, dest string) { writeFile(t, filepath.Join(dest, "z/f"), "old") }, "is a directory where a file"},
		{"file where a directory goes", func(t *testing.T, _, dest string) { writeFile(t, filepath.Join(dest, "d"), "old") }, "is a file where a directory"},
		{"fifo where a file goes", func(t *testing.T, _, dest string) {
			if err := unix.Mkfifo(filepath.Join(dest, "z"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, "something else"},
		{"link where the unfinished files go", func(t *testing.T, victim, dest string) {
			symlink(t, victim, filepath.Join(dest, archive.StageName("/images/x.tar")))
		}, ""},
		{"link inside where the unfinished files go", func(t *testing.T, _, dest string) {
			writeFile(t, filepath.Join(dest, "precious"), "precious")
			symlink(t, ".", filepath.Join(dest, archive.StageName("/images/x.tar")))
		}, "symbolic link"},
		{"link to nowhere where the unfinished files go", func(t *testing.T, _, dest string) {
			symlink(t, "nowhere", filepath.Join(dest, archive.StageName("/images/x.tar")))
		}, "symbolic link"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			base, victim, dest := scene(t)
			tt.place(t, victim, dest)
			before := snapshot(t, base)
			_, err := extract(t, dest, tarball(file("a", "1"), file("d/b", "2"), file("z", "3")), archive.Extraction{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want it to say %q", err, tt.want)
			}
			if diff := cmp.Diff(before, snapshot(t, base)); diff != "" {
				t.Errorf("the disk (-before +after):\n%s", diff)
			}
		})
	}
}

func symlink(t *testing.T, to, at string) {
	t.Helper()
	if err := os.Symlink(to, at); err != nil {
		t.Fatal(err)
	}
}

func TestExtractTakesNoOtherArchive(t *testing.T) {
	base, _, dest := scene(t)
	before := snapshot(t, base)
	want, err := archive.List(t.Context(), bytes.NewReader(tarball(file("a", "1"))), archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"other content": tarball(file("a", "2")),
		"other name":    tarball(file("b", "1")),
		"more":          tarball(file("a", "1"), file("b", "1")),
	} {
		if _, err := extract(t, dest, data, archive.Extraction{Want: want}); err == nil {
			t.Errorf("%s: taken", name)
		}
		if diff := cmp.Diff(before, snapshot(t, base)); diff != "" {
			t.Errorf("%s: the disk (-before +after):\n%s", name, diff)
		}
	}
}

func TestLeftoversOfAKilledRunAreRemoved(t *testing.T) {
	_, _, dest := scene(t)
	writeFile(t, filepath.Join(dest, archive.StageName("/images/x.tar"), "000000"), "half")
	writeFile(t, filepath.Join(dest, archive.StageName("/images/x.tar"), "deep/000000"), "half")
	if _, err := extract(t, dest, tarball(file("a", "1")), archive.Extraction{}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{".": "drwxr-xr-x", "a": `-rw-r--r-- links=1 "1"`}
	if diff := cmp.Diff(want, snapshot(t, dest)); diff != "" {
		t.Errorf("the disk (-want +got):\n%s", diff)
	}
}

func TestTwoProcessesDoNotShareAStage(t *testing.T) {
	_, _, dest := scene(t)
	stage := filepath.Join(dest, archive.StageName("/images/x.tar"))
	writeFile(t, filepath.Join(stage, "000000"), "in work")
	other, err := os.Open(stage)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := unix.Flock(int(other.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	_, err = extract(t, dest, tarball(file("a", "1")), archive.Extraction{})
	if err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("error = %v", err)
	}
	if got := readFile(t, filepath.Join(stage, "000000")); got != "in work" {
		t.Errorf("the other's file = %q", got)
	}
}

func TestCancelLeavesNothing(t *testing.T) {
	data := tarball(file("a", strings.Repeat("1", 100_000)), file("b", strings.Repeat("2", 100_000)))
	for at := 0; at < len(data); at += 10_000 {
		base, _, dest := scene(t)
		before := snapshot(t, base)
		root, err := os.OpenRoot(dest)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		r := &cancelling{Reader: bytes.NewReader(data), left: at, cancel: cancel}
		_, err = archive.Extract(ctx, r, root, archive.Extraction{Source: "x"})
		root.Close()
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled at %d: error = %v", at, err)
		}
		if diff := cmp.Diff(before, snapshot(t, base)); diff != "" {
			t.Errorf("cancelled at %d: the disk (-before +after):\n%s", at, diff)
		}
	}
}

// A cancelling reader cancels once so many bytes were read.
type cancelling struct {
	io.Reader
	left   int
	cancel func()
}

func (c *cancelling) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p[:min(len(p), 4096)])
	if c.left -= n; c.left <= 0 {
		c.cancel()
	}
	return n, err
}

func TestNoRoomIsToldBeforehand(t *testing.T) {
	base, _, dest := scene(t)
	before := snapshot(t, base)
	_, err := extract(t, dest, tarball(file("a", "1")), archive.Extraction{
		Want: []archive.Entry{{Name: "a", Size: 1 << 60, Mode: 0o644}},
	})
	if err == nil || !strings.Contains(err.Error(), " free, the files take") || fault.Hint(err) == "" {
		t.Errorf("error = %v, hint %q", err, fault.Hint(err))
	}
	if fault.IsConnection(err) {
		t.Error("a full disk would be tried again")
	}
	if diff := cmp.Diff(before, snapshot(t, base)); diff != "" {
		t.Errorf("the disk (-before +after):\n%s", diff)
	}
}
