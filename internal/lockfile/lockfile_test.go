package lockfile

import (
	"fmt"
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

// locked gives the number of all entries.
func locked(f *File) int {
	images, choices := f.Count()
	return images + choices
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
	if got, ok := again.Get("r.example:5000/b/x:13.10"); got != sum("a") || !ok || locked(again) != 3 {
		t.Errorf("read again: %q, %v, %d images", got, ok, locked(again))
	}
	if c := again.Changes(); len(c) != 0 {
		t.Errorf("changes of what was just read: %v", c)
	}
}

func TestWhatIsLockedStays(t *testing.T) {
	f := mustRead(t, writeFile(t, "images:\n  quay.io/a:1: "+sum("a")+"\n"))
	f.Add("quay.io/a:1", sum("b"))
	if got, _ := f.Get("quay.io/a:1"); got != sum("a") {
		t.Errorf("got %s", got)
	}
	if n := f.Forget("quay.io/a:1"); n != 1 {
		t.Errorf("forgot %d", n)
	}
	f.Add("quay.io/a:1", sum("b"))
	want := []Change{{Name: "quay.io/a:1", Old: sum("a"), New: sum("b")}}
	if diff := cmp.Diff(want, f.Changes()); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if got := f.Before("quay.io/a:1"); got != sum("a") {
		t.Errorf("before: %s", got)
	}
}

func TestPrune(t *testing.T) {
	f := mustRead(t, writeFile(t, "images:\n  quay.io/a:1: "+sum("a")+"\n  quay.io/b:1: "+sum("b")+"\n"))
	f.Get("quay.io/a:1")
	f.Get("quay.io/other:1")
	f.Add("quay.io/new:1", sum("c"))
	f.Prune()
	want := []Change{{Name: "quay.io/b:1", Old: sum("b")}, {Name: "quay.io/new:1", New: sum("c")}}
	if diff := cmp.Diff(want, f.Changes()); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// What was forgotten and not looked up again is not lost.
func TestRecall(t *testing.T) {
	f := mustRead(t, writeFile(t, "images:\n  quay.io/a:1: "+sum("a")+"\n  quay.io/b:1: "+sum("b")+"\nchoices:\n  \"quay.io/c newest 1.*\": \"1.1\"\n"))
	f.Forget("*")
	f.Add("quay.io/a:1", sum("d"))
	f.Add("quay.io/new:1", sum("c"))
	f.Recall()
	want := []Change{{Name: "quay.io/a:1", Old: sum("a"), New: sum("d")}, {Name: "quay.io/new:1", New: sum("c")}}
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
		{"a choice of nothing", "choices:\n  \"quay.io/a newest x\": \n", ":2: \"quay.io/a newest x\": is not \"HOST/NAME RULE\": TAG"},
		{"a choice without quotes", "choices:\n  quay.io/a newest x: 1\n", "is not \"HOST/NAME RULE\": TAG"},
		{"a choice without a rule", "choices:\n  \"quay.io/a\": 1\n", "is not \"HOST/NAME RULE\": TAG"},
		{"chosen twice", "choices:\n  \"quay.io/a newest x\": 1\n  \"quay.io/a newest x\": \"2\"\n", ":3: quay.io/a newest x is locked twice"},
		{"another file", "<html>", ":1: this is not a lock file: it has no section images, choices or selections"},
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
			f.Get("quay.io/a:1")
			f.Changes()
		})
	}
	wg.Wait()
	if locked(f) != 1 {
		t.Errorf("%d images", locked(f))
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
	got, ok := f.Get(image)
	if got != want || !ok || locked(f) != 92 {
		t.Fatalf("%s is locked to %q, %v, of %d images", image, got, ok, locked(f))
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

// A choice is a line of its own, and its name may hold any text.
func TestChoices(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bayplan.lock.yaml")
	f := mustRead(t, path)
	newest := Choice("quay.io/a", `newest 13\.0-.*`)
	odd := Choice("r.example:5000/b/x", "newest a: \"b\" # c\n\t.*")
	f.Add("quay.io/a:13.0-40", sum("a"))
	f.Add(newest, "13.0-40")
	f.Add(odd, "13.10")
	if got := f.Add(newest, "13.0-41"); got != "13.0-40" {
		t.Errorf("what is chosen stays: %s", got)
	}
	if err := f.Write(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := header + "images:\n  quay.io/a:13.0-40: " + sum("a") + "\nchoices:\n" + `  "quay.io/a newest 13\\.0-.*": "13.0-40"` + "\n" +
		`  "r.example:5000/b/x newest a: \"b\" # c\n\t.*": "13.10"` + "\n"
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
	again := mustRead(t, path)
	if tag, _ := again.Get(odd); tag != "13.10" || len(again.Changes()) != 0 || locked(again) != 3 {
		t.Errorf("read again: %q, %v, %d entries", tag, again.Changes(), locked(again))
	}
	again.Prune()
	want = `[{quay.io/a newest 13\.0-.* 13.0-40 } {quay.io/a:13.0-40 ` + sum("a") + ` }]`
	if got := fmt.Sprint(again.Changes()); got != want {
		t.Errorf("unused: %s", got)
	}
}

func TestForgetChoices(t *testing.T) {
	for pattern, want := range map[string]int{
		"*": 3, "quay.io/a": 1, "quay.io/a:*": 2, "quay.io/a:13.0-40": 2, "quay.io/a:1": 0, "*/b*": 1, "quay.io/a newest *": 1,
	} {
		f := mustRead(t, "")
		f.Add("quay.io/a:13.0-40", sum("a"))
		f.Add(Choice("quay.io/a", "newest .*"), "13.0-40")
		f.Add(Choice("quay.io/b", "newest .*"), "2")
		if got := f.Forget(pattern); got != want {
			t.Errorf("%s: %d, want %d", pattern, got, want)
		}
	}
}

// A selection has one image a line, so that two branches that add images merge line by
// line.
func TestSelections(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bayplan.lock.yaml")
	f := mustRead(t, path)
	name, all := `quay.io/a/* tags match 'v\d+' newest 2`, "quay.io/b tags"
	f.Add(name, JoinImages([]string{"quay.io/a/y:v2", "quay.io/a/x:v1", "quay.io/a/x:v1"}))
	f.Add(all, JoinImages([]string{"quay.io/b:1"}))
	f.Add(Choice("quay.io/a", "newest 2"), "2")
	f.Add("quay.io/b:1", sum("a"))
	if err := f.Write(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := header + "images:\n  quay.io/b:1: " + sum("a") + "\nchoices:\n  \"quay.io/a newest 2\": \"2\"\nselections:\n" +
		`  "quay.io/a/* tags match 'v\\d+' newest 2":` + "\n    - quay.io/a/x:v1\n    - quay.io/a/y:v2\n  \"quay.io/b tags\":\n    - quay.io/b:1\n"
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Fatalf("file (-want +got):\n%s", diff)
	}

	// A merge adds a line; the order does not matter.
	merged := writeFile(t, strings.Replace(want, "    - quay.io/a/x:v1\n", "    - quay.io/a/z:v3\n    - \"quay.io/a/x:v1\"\n", 1))
	f = mustRead(t, merged)
	if got, _ := f.Get(name); got != "quay.io/a/x:v1 quay.io/a/y:v2 quay.io/a/z:v3" || len(f.Changes()) != 0 || locked(f) != 4 {
		t.Errorf("got %q, %v, %d entries", got, f.Changes(), locked(f))
	}
	f.Replace(name, "quay.io/a/x:v1 quay.io/a/z:v4")
	changes := []Change{{Name: name, Old: "quay.io/a/y:v2"}, {Name: name, Old: "quay.io/a/z:v3"}, {Name: name, New: "quay.io/a/z:v4"}}
	if diff := cmp.Diff(changes, f.Changes()); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	for pattern, want := range map[string]int{"quay.io/b": 1, "quay.io/b:1": 2, "*/x:v1": 1, "quay.io/a/*": 1, "*": 4, "* tags*": 2, "quay.io/a": 1} {
		if got := mustRead(t, merged).Forget(pattern); got != want {
			t.Errorf("forget %s: %d, want %d", pattern, got, want)
		}
	}
}

func TestReadRefusesSelections(t *testing.T) {
	const head = "selections:\n  \"quay.io/a tags\":\n"
	for text, want := range map[string]string{
		"selections:\n    - quay.io/a:1\n":                 ":2: \"- quay.io/a:1\" is not below the name of a selection",
		head + "    - quay.io/a\n":                         ":3: \"- quay.io/a\" is not - IMAGE:TAG",
		head + "    - a:1\n":                               "is not - IMAGE:TAG",
		head + "    - quay.io/a:1@" + sum("a") + "\n":      "is not - IMAGE:TAG",
		head + "    - quay.io/a:1\n" + head[12:]:           ":4: quay.io/a tags is locked twice",
		"selections:\n  \"quay.io/a newest 1\":\n":         "is not \"HOST/NAME tags RULE\": and a list of images",
		"selections:\n  quay.io/a tags:\n":                 "is not \"HOST/NAME tags RULE\": and a list of images",
		"selections:\n  \"quay.io/a tags\": quay.io/a:1\n": "is not \"HOST/NAME tags RULE\": and a list of images",
	} {
		_, err := Read(writeFile(t, text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error = %v, want %q", text, err, want)
		}
	}
	if f := mustRead(t, writeFile(t, head)); locked(f) != 0 {
		t.Error("a selection of nothing is locked")
	}
}
