package lockfile

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
)

// sum makes a digest of one repeated digit.
func sum(digit string) string { return "sha256:" + strings.Repeat(digit, 64) }

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bayplan.lock.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustRead(t *testing.T, path string) *File {
	t.Helper()
	f, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bayplan.lock.yaml")
	f := mustRead(t, path)
	f.Add("r.example:5000/b/x:2", sum("b"))
	f.Add("r.example:5000/b/x:13.10", sum("a"))
	f.Add("quay.io/a:latest", sum("c"))
	if err := f.Write(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := header + "images:\n  quay.io/a:latest: " + sum("c") + "\n  r.example:5000/b/x:13.10: " + sum("a") + "\n  r.example:5000/b/x:2: " + sum("b") + "\n"
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
	again := mustRead(t, path)
	if got, ok := again.Digest("r.example:5000/b/x:13.10"); got != sum("a") || !ok || again.Len() != 3 {
		t.Errorf("read again: %q, %v, %d images", got, ok, again.Len())
	}
	if c := again.Changes(); len(c) != 0 {
		t.Errorf("changes of what was just read: %v", c)
	}
}

func TestWhatIsLockedStays(t *testing.T) {
	f := mustRead(t, writeFile(t, "images:\n  quay.io/a:1: "+sum("a")+"\n"))
	f.Add("quay.io/a:1", sum("b"))
	if got, _ := f.Digest("quay.io/a:1"); got != sum("a") {
		t.Errorf("got %s", got)
	}
	if n := f.Forget("quay.io/a:1"); n != 1 {
		t.Errorf("forgot %d", n)
	}
	f.Add("quay.io/a:1", sum("b"))
	want := []Change{{Image: "quay.io/a:1", Old: sum("a"), New: sum("b")}}
	if diff := cmp.Diff(want, f.Changes()); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if got := f.Before("quay.io/a:1"); got != sum("a") {
		t.Errorf("before: %s", got)
	}
}

func TestPrune(t *testing.T) {
	f := mustRead(t, writeFile(t, "images:\n  quay.io/a:1: "+sum("a")+"\n  quay.io/b:1: "+sum("b")+"\n"))
	f.Digest("quay.io/a:1")
	f.Digest("quay.io/other:1")
	f.Add("quay.io/new:1", sum("c"))
	f.Prune()
	want := []Change{{Image: "quay.io/b:1", Old: sum("b")}, {Image: "quay.io/new:1", New: sum("c")}}
	if diff := cmp.Diff(want, f.Changes()); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// A file without changes is not written: its comments stay, and its file system
// may be read-only.
func TestWriteOnlyWhatChanged(t *testing.T) {
	text := "# mine\nimages:\n  \"quay.io/a:1\": '" + sum("a") + "'\n"
	path := writeFile(t, text)
	f := mustRead(t, path)
	f.Add("quay.io/a:1", sum("b"))
	if err := f.Write(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != text {
		t.Errorf("%q, %v", got, err)
	}
	empty := mustRead(t, filepath.Join(t.TempDir(), "none.yaml"))
	if err := empty.Write(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(empty.path); !os.IsNotExist(err) {
		t.Errorf("a file of nothing: %v", err)
	}
}

func TestWithoutPath(t *testing.T) {
	f := mustRead(t, "")
	f.Add("quay.io/a:1", sum("a"))
	if err := f.Write(); err != nil {
		t.Error(err)
	}
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, s string
		want       bool
	}{
		{"*", "quay.io/a/b:1", true},
		{"quay.io/a/b:1", "quay.io/a/b:1", true},
		{"quay.io/a/b", "quay.io/a/b:1", false},
		{"*/b:*", "quay.io/a/b:1", true},
		{"*:latest", "quay.io/a/b:1", false},
		{"quay*a*:1", "quay.io/a/b:1", true},
		{"ab*bc", "abc", false},
		{"", "a", false},
	} {
		if got := match(tt.pattern, tt.s); got != tt.want {
			t.Errorf("match(%q, %q) = %v", tt.pattern, tt.s, got)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"no head", "  quay.io/a:1: " + sum("a"), ":1: "},
		{"not indented", "images:\nquay.io/a:1: " + sum("a"), ":2: "},
		{"no digest", "images:\n  quay.io/a:1:\n", ":2: \"quay.io/a:1:\" is not IMAGE:TAG: DIGEST"},
		{"a short digest", "images:\n  quay.io/a:1: sha256:12\n", ":2: image quay.io/a:1: the digest \"sha256:12\""},
		{"no tag", "images:\n  quay.io:5000/a: " + sum("a"), "image \"quay.io:5000/a\" has no tag"},
		{"no host", "images:\n  a:1: " + sum("a"), "is not IMAGE:TAG: DIGEST"},
		{"by digest", "images:\n  quay.io/a:1@" + sum("a") + ": " + sum("a"), "is not IMAGE:TAG: DIGEST"},
		{"twice", "images:\n  quay.io/a:1: " + sum("a") + "\n  quay.io/a:1: " + sum("b"), ":3: quay.io/a:1 is locked twice"},
		{"a merge conflict", "images:\n<<<<<<< HEAD\n  quay.io/a:1: " + sum("a"), ":2: a merge conflict is left here"},
		{"another file", "<html>", ":1: \"<html>\" is not a line of a lock file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read(writeFile(t, tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want %q", err, tt.want)
			}
		})
	}
	_, err := Read(writeFile(t, "images:\n=======\n"))
	if fault.Hint(err) == "" {
		t.Errorf("a conflict without a hint: %v", err)
	}
	if _, err := Read(t.TempDir()); err == nil {
		t.Error("a directory was read")
	}
}

func TestManyAtOnce(t *testing.T) {
	f := mustRead(t, "")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			f.Add("quay.io/a:1", sum("a"))
			f.Digest("quay.io/a:1")
			f.Changes()
		})
	}
	wg.Wait()
	if f.Len() != 1 {
		t.Errorf("%d images", f.Len())
	}
}

// testdata/bayplan.lock.yaml is the lock file of examples/quickstart as bayplan of
// commit 6a92cbe wrote it. It must not be written anew.
func TestFileOfAnEarlierBayplan(t *testing.T) {
	earlier, err := os.ReadFile(filepath.Join("testdata", "bayplan.lock.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	path := writeFile(t, string(earlier))
	f := mustRead(t, path)
	const image, want = "registry.access.redhat.com/rhosp13/openstack-base:13.0-40", "sha256:aa55d2c5fa4a5286ed7b1594f0a2c171b0537627c107c80bf26cfdefd53097b0"
	got, ok := f.Digest(image)
	if got != want || !ok || f.Len() != 92 {
		t.Fatalf("%s is locked to %q, %v, of %d images", image, got, ok, f.Len())
	}
	// Write writes only what changed, so an image goes and comes back.
	for _, step := range []struct {
		change func()
		same   bool
	}{
		{func() {}, true},
		{func() { f.Forget(image) }, false},
		{func() { f.Add(image, want) }, true},
	} {
		step.change()
		if err := f.Write(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if same := cmp.Equal(string(earlier), string(text)); same != step.same {
			t.Errorf("same bytes: %v, want %v\n%s", same, step.same, cmp.Diff(string(earlier), string(text)))
		}
	}
}
