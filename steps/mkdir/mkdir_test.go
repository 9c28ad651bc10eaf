package mkdir

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
)

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
			"some are there", func(t *testing.T, base string) { steptest.MakeDir(t, base+"/a", 0o700) },
			[]string{"a", "b"},
			"",
			[]string{"create directory b"},
			[]string{"b drwxr-xr-x"},
		},
		{
			"mode differs", func(t *testing.T, base string) { steptest.MakeDir(t, base+"/a", 0o700) },
			[]string{"a"},
			"0755",
			[]string{"update directory a mode 0755, was 0700"},
			[]string{"a drwxr-xr-x"},
		},
		{
			"through a link", func(t *testing.T, base string) {
				steptest.MakeDir(t, base+"/real", 0o755)
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
			s := &mkdir{Dirs: steptest.Below(base, tt.paths...), Mode: tt.mode}
			c := steptest.Diff(t, s, &runner.Disk{})
			if diff := cmp.Diff(tt.items, steptest.ItemLines(base, c)); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.files, steptest.FileLines(base, c)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			p := steptest.Apply(t, s)
			if got, want := len(p.Lines()), len(tt.items); got != want {
				t.Errorf("told of %d done, want %d: %v", got, want, p.Lines())
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

func TestMkdirInTheWay(t *testing.T) {
	base := t.TempDir()
	steptest.PutFile(t, base+"/file", "")
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
			s := &mkdir{Dirs: steptest.Below(base, tt.path)}
			_, err := s.Diff(t.Context(), &runner.Disk{}, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Diff: error = %v, want it to say %q", err, tt.want)
			}
			if _, err := s.apply(t.Context(), &steptest.Progress{}); err == nil {
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
	steptest.PutFile(t, base+"/x", "")
	steptest.PutFile(t, base+"/y", "")
	_, err := (&mkdir{Dirs: steptest.Below(base, "x", "ok", "y")}).Diff(t.Context(), &runner.Disk{}, nil)
	if err == nil || !strings.Contains(err.Error(), "/x is") || !strings.Contains(err.Error(), "/y is") {
		t.Errorf("error = %v, want both", err)
	}
}

func TestMkdirReportsOnceWhatIsInTheWayOfSeveral(t *testing.T) {
	base := t.TempDir()
	steptest.PutFile(t, base+"/home", "")
	_, err := (&mkdir{Dirs: steptest.Below(base, "home/images", "home/templates")}).Diff(t.Context(), &runner.Disk{}, nil)
	if err == nil || strings.Count(err.Error(), "/home is") != 1 {
		t.Errorf("error = %v, want it once", err)
	}
}

func TestMkdirSeesPlannedFiles(t *testing.T) {
	base := t.TempDir()
	w := runner.Planned(&runner.Disk{}, runner.File{Path: base + "/a", Mode: fs.ModeDir | 0o755}, runner.File{Path: base + "/f"})
	c := steptest.Diff(t, &mkdir{Dirs: steptest.Below(base, "a/b")}, w)
	if diff := cmp.Diff([]string{"a/b drwxr-xr-x"}, steptest.FileLines(base, c)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if c := steptest.Diff(t, &mkdir{Dirs: steptest.Below(base, "a")}, w); c != nil {
		t.Errorf("items = %v for a directory that is planned", c.Items)
	}
	if _, err := (&mkdir{Dirs: steptest.Below(base, "f/b")}).Diff(t.Context(), w, nil); err == nil {
		t.Error("no error for a directory below a planned file")
	}
}

func TestMkdirVerifyLooksAtModes(t *testing.T) {
	base := t.TempDir()
	steptest.MakeDir(t, base+"/a", 0o700)
	_, err := (&mkdir{Dirs: steptest.Below(base, "a"), Mode: "0755"}).Verify(t.Context(), &runner.Disk{})
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

func TestMkdirLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type(), Fresh: func(t *testing.T) *steptest.Fixture {
		base := t.TempDir()
		return &steptest.Fixture{
			New:  func() runner.Step { return &mkdir{Dirs: steptest.Below(base, "a/b", "c"), Mode: "0750"} },
			Dirs: []string{base},
			Break: []steptest.Break{
				{Name: "one is removed", Do: func(t *testing.T) { steptest.Remove(t, base+"/c") }},
				{Name: "a parent is removed", Do: func(t *testing.T) { steptest.Remove(t, base+"/a") }},
				{Name: "one has another mode", Do: func(t *testing.T) {
					if err := os.Chmod(base+"/c", fs.FileMode(0o700)); err != nil {
						t.Fatal(err)
					}
				}},
				{Name: "a file takes its place", Do: func(t *testing.T) {
					steptest.Remove(t, base+"/c")
					steptest.PutFile(t, base+"/c", "")
				}},
			},
		}
	}})
}
