package untar

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
)

func untarFiles(files ...expectedFile) []plan.TextOr[string, expectedFile] {
	var all []plan.TextOr[string, expectedFile]
	for _, f := range files {
		if f.Size == "" && f.SHA256 == "" {
			all = append(all, plan.TextOr[string, expectedFile]{Text: f.Name})
			continue
		}
		all = append(all, plan.TextOr[string, expectedFile]{Other: f})
	}
	return all
}

// What the plan expects is checked wherever the entries of the archive are known: in
// a diff, in the diff before an apply, and before the first file gets its name.
func TestUntarExpect(t *testing.T) {
	tests := []struct {
		name   string
		expect []expectedFile
		want   []string // parts of the error; none: it is as expected
	}{
		{"a name", []expectedFile{{Name: "a.qcow2"}}, nil},
		{"all there is to say", []expectedFile{{Name: "./deep/b", Size: "6", SHA256: steptest.SHA256("kernel")}, {Name: "a.qcow2", Size: "4 B"}}, nil},
		{"missing", []expectedFile{{Name: "a.qcow2"}, {Name: "overcloud-full.initrd"}}, []string{`no file "overcloud-full.initrd"`}},
		{"a directory", []expectedFile{{Name: "empty"}}, []string{`"empty" is a directory`}},
		{"another size", []expectedFile{{Name: "a.qcow2", Size: "40GiB"}}, []string{`"a.qcow2" has 4 bytes, not 42949672960`}},
		{"another digest", []expectedFile{{Name: "a.qcow2", SHA256: steptest.SHA256("other")}}, []string{`"a.qcow2" has sha256 ` + steptest.SHA256("disk")}},
		{"two mistakes", []expectedFile{{Name: "x"}, {Name: "a.qcow2", Size: "5"}}, []string{`"x"`, `"a.qcow2" has 4 bytes`}},
	}
	for _, tt := range tests {
		for _, early := range []bool{false, true} {
			name := tt.name
			if early {
				name += ", before an apply"
			}
			t.Run(name, func(t *testing.T) {
				s, base := newUntar(t)
				s.Expect = untarFiles(tt.expect...)
				if err := s.Validate(); err != nil {
					t.Fatal(err)
				}
				before := tree(t, base)
				if early {
					s.BeforeApply()
				}
				f, err := s.Diff(t.Context(), &runner.Disk{}, nil)
				if err == nil {
					_, err = f.Change.Apply(t.Context(), &steptest.Progress{})
				}
				if tt.want == nil {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if err == nil || fault.Hint(err) == "" {
					t.Fatalf("error = %v, hint %q", err, fault.Hint(err))
				}
				for _, want := range tt.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("error = %q, want it to say %q", err, want)
					}
				}
				if diff := cmp.Diff(before, tree(t, base)); diff != "" {
					t.Errorf("the disk (-before +after):\n%s", diff)
				}
			})
		}
	}
}

// An expectation that is added to a plan later is checked with the existing files.
func TestUntarExpectLater(t *testing.T) {
	s, _ := newUntar(t)
	age(t, string(s.Archive))
	d := &runner.Disk{}
	prior := appliedIn(t, s, d)
	later := &untar{Archive: s.Archive, Into: s.Into, Expect: untarFiles(expectedFile{Name: "a.qcow2", Size: "5"})}
	if _, err := later.Diff(t.Context(), d, prior); err == nil || !strings.Contains(err.Error(), "4 bytes, not 5") {
		t.Errorf("error = %v", err)
	}
}

func TestUntarLimits(t *testing.T) {
	tests := []struct {
		name   string
		limits limits
		field  string // "" for one that is not reached
	}{
		{"none reached", limits{Bytes: "10", Entries: 3, Ratio: 1, Depth: 2, NameLength: 7}, ""},
		{"bytes", limits{Bytes: "9"}, "bytes"},
		{"entries", limits{Entries: 2}, "entries"},
		{"depth", limits{Depth: 1}, "depth"},
		{"name length", limits{NameLength: 6}, "name_length"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := newUntar(t)
			s.Limits = &tt.limits
			if err := s.Validate(); err != nil {
				t.Fatal(err)
			}
			_, err := s.Diff(t.Context(), &runner.Disk{}, nil)
			switch {
			case tt.field == "" && err != nil:
				t.Error(err)
			case tt.field != "" && (err == nil || !strings.Contains(fault.Hint(err), "limits: {"+tt.field+":")):
				t.Errorf("error = %v, hint %q, want it to name %s", err, fault.Hint(err), tt.field)
			}
		})
	}
}

func TestParseSize(t *testing.T) {
	good := map[string]int64{
		"": 0, "0": 0, "1310720": 1310720, "9007199254740993": 9007199254740993, "512B": 512, "512 B": 512,
		"1KB": 1000, "1KiB": 1024, "500MB": 500e6, "1.5GiB": 3 << 29, "40 GiB": 40 << 30, "2TiB": 2 << 40,
	}
	for text, want := range good {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%q = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"-1", "GiB", "40G", "40gib", "1e9", "40 GiB of", "9999999TiB", "99999999999999999999", " 1", "1,5GiB"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q = %d, want an error", text, got)
		}
	}
}

// The note about an archive that nothing vouches for appears only when there is
// something to unpack.
func TestUntarNotes(t *testing.T) {
	sum := func(s *untar) string { return steptest.SHA256(steptest.ReadFile(t, string(s.Archive))) }
	tests := []struct {
		name  string
		set   func(s *untar)
		notes int
	}{
		{"nothing vouches for it", func(*untar) {}, 1},
		{"its digest does", func(s *untar) { s.SHA256 = sum(s) }, 0},
		{"an earlier step does", func(s *untar) { s.Trust([]string{string(s.Archive)}) }, 0},
		{"an earlier step that filled its directory does", func(s *untar) { s.Trust([]string{filepath.Dir(string(s.Archive))}) }, 0},
		{"an earlier step does for another file", func(s *untar) { s.Trust([]string{string(s.Archive) + "2", string(s.Archive) + "/x"}) }, 1},
		{"what is expected does", func(s *untar) { s.Expect = untarFiles(expectedFile{Name: "a.qcow2"}) }, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := newUntar(t)
			tt.set(s)
			for _, want := range []int{tt.notes, 0} { // before and after it was applied
				f, err := s.Diff(t.Context(), &runner.Disk{}, nil)
				if err != nil {
					t.Fatal(err)
				}
				if len(f.Notes) != want {
					t.Errorf("notes = %q", f.Notes)
				}
				if f.Change != nil {
					steptest.Apply(t, s)
				}
			}
		})
	}
}

func TestUntarValidate(t *testing.T) {
	tests := []struct {
		name string
		s    untar
		want string // "" for no mistake
	}{
		{"nothing", untar{}, ""},
		{"digest", untar{SHA256: steptest.SHA256("")}, ""},
		{"upper case", untar{SHA256: strings.ToUpper(steptest.SHA256(""))}, "sha256"},
		{"short", untar{SHA256: "abc"}, "sha256"},
		{"with its name", untar{SHA256: "sha256:" + steptest.SHA256("")}, "sha256"},
		{"expected digest", untar{Expect: untarFiles(expectedFile{Name: "a", SHA256: "abc"})}, "sha256 digest"},
		{"expected size", untar{Expect: untarFiles(expectedFile{Name: "a", Size: "large"})}, `"large" is not a size`},
		{"expected twice", untar{Expect: untarFiles(expectedFile{Name: "a"}, expectedFile{Name: "./a", Size: "1"})}, "named twice"},
		{"limit that is no size", untar{Limits: &limits{Bytes: "many"}}, `"many" is not a size`},
		{"expected above", untar{Expect: untarFiles(expectedFile{Name: "../x"})}, `no archive can hold "../x": its name has ".."`},
		{"expected absolute", untar{Expect: untarFiles(expectedFile{Name: "/y", Size: "1"})}, `no archive can hold "/y": its name is absolute`},
		{"expected directory", untar{Expect: untarFiles(expectedFile{Name: "."})}, `no archive can hold ".": a file with a directory's name`},
		{"expected below here", untar{Expect: untarFiles(expectedFile{Name: "./d//y"})}, ""},
		{"expected very deep", untar{Expect: untarFiles(expectedFile{Name: strings.Repeat("d/", 999) + "y"})}, ""},
		{"expected deeper than can be allowed", untar{Expect: untarFiles(expectedFile{Name: strings.Repeat("d/", 1000) + "y"})}, "more than 1000 deep"},
		{"expected, not known yet", untar{Expect: untarFiles(expectedFile{})}, ""},
		{"no bytes", untar{Limits: &limits{Bytes: "0"}}, `"0" leaves no room for any file`},
		{"hardly a byte", untar{Limits: &limits{Bytes: "0.4B"}}, `"0.4B" leaves no room for any file`},
		{"limits left at their defaults", untar{Limits: &limits{}}, ""},
		{"negative limit", untar{Limits: &limits{Ratio: -1}}, "between 0 and"},
		{"large limit", untar{Limits: &limits{Depth: 1001}}, "between 0 and"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.s.Validate()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error = %v, want %q", err, tt.want)
			}
		})
	}
}

// A directory of the archive that keeps other users out is told, with its mode.
func TestClosedDirectories(t *testing.T) {
	for name, tt := range map[string]struct {
		dir          string
		mode, parent fs.FileMode
		want         string
	}{
		"as untar makes it":    {dir: "deep", mode: 0o755, parent: 0o755},
		"more open":            {dir: "deep", mode: 0o777, parent: 0o755},
		"closed by a umask":    {dir: "deep", mode: 0o700, parent: 0o755, want: "has mode 0700"},
		"closed to others":     {dir: "empty", mode: 0o750, parent: 0o755, want: "has mode 0750"},
		"not to be entered":    {dir: "deep", mode: 0o744, parent: 0o755, want: "has mode 0744"},
		"the directory itself": {dir: "deep", mode: 0o755, parent: 0o700}, // a user may have made it
	} {
		t.Run(name, func(t *testing.T) {
			s, base := newUntar(t)
			into := filepath.Join(base, "images")
			if _, err := s.Diff(t.Context(), &runner.Disk{}, nil); err != nil {
				t.Fatal(err)
			}
			steptest.Apply(t, s)
			for dir, mode := range map[string]fs.FileMode{filepath.Join(into, tt.dir): tt.mode, into: tt.parent} {
				if err := os.Chmod(dir, mode); err != nil {
					t.Fatal(err)
				}
			}
			f, err := s.Diff(t.Context(), &runner.Disk{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(f.Notes, "\n")
			if f.Change != nil || (got != "") != (tt.want != "") || !strings.Contains(got, tt.want) {
				t.Errorf("notes %q, change %v", got, f.Change)
			}
		})
	}
}
