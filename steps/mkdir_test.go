package steps

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// progress keeps what an Apply tells.
type progress struct {
	mu    sync.Mutex
	bytes int64
	done  []string
}

func (p *progress) Add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes += n
}

func (p *progress) Done(it runner.Item) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = append(p.done, string(it.Op)+" "+it.What+" "+filepath.Base(it.Name))
}

// diffed gives the change that a step would make, or nil.
func diffed(t *testing.T, s runner.Step, w runner.World) *runner.Change {
	t.Helper()
	f, err := s.Diff(t.Context(), w, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f.Change
}

// applied diffs and applies a step, and then wants nothing more to do and all
// to be well.
func applied(t *testing.T, s runner.Step) *progress {
	t.Helper()
	p, w := &progress{}, &runner.Disk{}
	c := diffed(t, s, w)
	if c == nil {
		t.Fatal("nothing to do")
	}
	if err := c.Apply(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(t.Context(), w.Hard()); err != nil {
		t.Fatal(err)
	}
	if c := diffed(t, s, w); c != nil {
		t.Errorf("after Apply there is still to do: %v", c.Items)
	}
	return p
}

// itemLines gives a change's items in short, with names below base.
func itemLines(base string, c *runner.Change) []string {
	var lines []string
	if c == nil {
		return nil
	}
	for _, it := range c.Items {
		lines = append(lines, strings.TrimSpace(string(it.Op)+" "+it.What+" "+strings.TrimPrefix(it.Name, base+"/")+" "+it.Note))
	}
	return lines
}

func makeDir(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func putFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestMkdir(t *testing.T) {
	tests := []struct {
		name   string
		before func(t *testing.T, base string)
		paths  []string
		mode   string
		items  []string
		files  []string
	}{
		{"one", nil, []string{"a"}, "", []string{"create directory a"}, []string{"a drwxr-xr-x"}},
		{
			"with parents", nil,
			[]string{"a/b", "a/c"},
			"0700",
			[]string{"create directory a/b", "create directory a/c"},
			[]string{"a drwxr-xr-x", "a/b drwx------", "a/c drwx------"},
		},
		{
			"wider than the umask", nil,
			[]string{"a"},
			"0777",
			[]string{"create directory a"},
			[]string{"a drwxrwxrwx"},
		},
		{
			"some are there", func(t *testing.T, base string) { makeDir(t, base+"/a", 0o700) },
			[]string{"a", "b"},
			"",
			[]string{"create directory b"},
			[]string{"b drwxr-xr-x"},
		},
		{
			"mode differs", func(t *testing.T, base string) { makeDir(t, base+"/a", 0o700) },
			[]string{"a"},
			"0755",
			[]string{"update directory a mode 0755, was 0700"},
			[]string{"a drwxr-xr-x"},
		},
		{
			"through a link", func(t *testing.T, base string) {
				makeDir(t, base+"/real", 0o755)
				if err := os.Symlink("real", base+"/link"); err != nil {
					t.Fatal(err)
				}
			},
			[]string{"link/a"},
			"",
			[]string{"create directory link/a"},
			[]string{"link/a drwxr-xr-x"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			base := t.TempDir()
			if tt.before != nil {
				tt.before(t, base)
			}
			s := &mkdir{Dirs: below(base, tt.paths...), Mode: tt.mode}
			c := diffed(t, s, &runner.Disk{})
			if diff := cmp.Diff(tt.items, itemLines(base, c)); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.files, fileLines(base, c)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			p := applied(t, s)
			if got, want := len(p.done), len(tt.items); got != want {
				t.Errorf("told of %d done, want %d: %v", got, want, p.done)
			}
			for _, f := range c.Files {
				fi, err := os.Stat(f.Path)
				if err != nil {
					t.Fatal(err)
				}
				if tt.mode != "" && fi.Mode() != f.Mode {
					t.Errorf("%s has mode %v, planned was %v", f.Path, fi.Mode(), f.Mode)
				}
			}
		})
	}
}

// below gives paths under a base.
func below(base string, names ...string) []plan.Path {
	var all []plan.Path
	for _, n := range names {
		all = append(all, plan.Path(filepath.Join(base, n)))
	}
	return all
}

func fileLines(base string, c *runner.Change) []string {
	var lines []string
	for _, f := range c.Files {
		lines = append(lines, strings.TrimPrefix(f.Path, base+"/")+" "+f.Mode.String())
	}
	return lines
}

func TestMkdirInTheWay(t *testing.T) {
	base := t.TempDir()
	putFile(t, base+"/file", "")
	if err := os.Symlink("nowhere", base+"/dangling"); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path, want string
	}{
		{"a file", "file", "file is there and is not a directory"},
		{"a parent that is a file", "file/a/b", "file is there and is not a directory"},
		{"a link to nowhere", "dangling", "leads nowhere"},
		{"a parent that leads nowhere", "dangling/a", "leads nowhere"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &mkdir{Dirs: below(base, tt.path)}
			_, err := s.Diff(t.Context(), &runner.Disk{}, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Diff: error = %v, want it to say %q", err, tt.want)
			}
			if err := s.apply(t.Context(), &progress{}); err == nil {
				t.Error("Apply: no error")
			}
			if _, err := s.Verify(t.Context(), &runner.Disk{}); err == nil {
				t.Error("Verify: no error")
			}
		})
	}
}

func TestMkdirReportsAllThatIsInTheWay(t *testing.T) {
	base := t.TempDir()
	putFile(t, base+"/x", "")
	putFile(t, base+"/y", "")
	_, err := (&mkdir{Dirs: below(base, "x", "ok", "y")}).Diff(t.Context(), &runner.Disk{}, nil)
	if err == nil || !strings.Contains(err.Error(), "/x is") || !strings.Contains(err.Error(), "/y is") {
		t.Errorf("error = %v, want both", err)
	}
}

func TestMkdirReportsOnceWhatIsInTheWayOfSeveral(t *testing.T) {
	base := t.TempDir()
	putFile(t, base+"/home", "")
	_, err := (&mkdir{Dirs: below(base, "home/images", "home/templates")}).Diff(t.Context(), &runner.Disk{}, nil)
	if err == nil || strings.Count(err.Error(), "/home is") != 1 {
		t.Errorf("error = %v, want it once", err)
	}
}

func TestMkdirSeesPlannedFiles(t *testing.T) {
	base := t.TempDir()
	w := runner.Planned(&runner.Disk{}, runner.File{Path: base + "/a", Mode: fs.ModeDir | 0o755}, runner.File{Path: base + "/f"})
	c := diffed(t, &mkdir{Dirs: below(base, "a/b")}, w)
	if diff := cmp.Diff([]string{"a/b drwxr-xr-x"}, fileLines(base, c)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if c := diffed(t, &mkdir{Dirs: below(base, "a")}, w); c != nil {
		t.Errorf("items = %v for a directory that is planned", c.Items)
	}
	if _, err := (&mkdir{Dirs: below(base, "f/b")}).Diff(t.Context(), w, nil); err == nil {
		t.Error("no error for a directory below a planned file")
	}
}

func TestMkdirVerifyLooksAtModes(t *testing.T) {
	base := t.TempDir()
	makeDir(t, base+"/a", 0o700)
	_, err := (&mkdir{Dirs: below(base, "a"), Mode: "0755"}).Verify(t.Context(), &runner.Disk{})
	if err == nil || !strings.Contains(err.Error(), "0700") {
		t.Errorf("error = %v", err)
	}
}

func TestMkdirValidate(t *testing.T) {
	tests := []struct {
		name string
		step mkdir
		want string // "" for none
	}{
		{"nothing known yet", mkdir{}, ""},
		{"unresolved paths", mkdir{Dirs: []plan.Path{"", ""}}, ""},
		{"fine", mkdir{Dirs: []plan.Path{"/a", "/b"}, Mode: "0750"}, ""},
		{"no paths", mkdir{Dirs: []plan.Path{}}, "no directory"},
		{"twice", mkdir{Dirs: []plan.Path{"/a", "/a/"}}, "twice"},
		{"mode without zero", mkdir{Mode: "755"}, "mode"},
		{"mode with setuid", mkdir{Mode: "4755"}, "mode"},
		{"mode in words", mkdir{Mode: "u=rwx"}, "mode"},
		{"mode that is not octal", mkdir{Mode: "0789"}, "mode"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.step.Validate()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error = %v, want %q", err, tt.want)
			}
		})
	}
}
