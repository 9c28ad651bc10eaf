package place

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// agentPlaced gives the step that places an agent's files below base.
func agentPlaced(base string) *placeFiles {
	return &placeFiles{Into: plan.Path(base + "/httpboot"), Files: []testbed.ToPlace{
		testbed.PlacedAs(base+"/images/ipa.kernel", "agent.kernel"),
		testbed.PlacedAs(base+"/images/ipa.initramfs", "agent.ramdisk"),
		{Text: plan.Path(base + "/images/boot.ipxe")},
	}}
}

func TestPlaceLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type(), Fresh: func(t *testing.T) *steptest.Fixture {
		base := testbed.AgentFiles(t)
		return &steptest.Fixture{
			New: func() runner.Step {
				s := agentPlaced(base)
				s.Mode = "0640"
				return s
			},
			Dirs: []string{base},
			Break: []steptest.Break{
				{Name: "a copy is removed", Do: func(t *testing.T) { steptest.Remove(t, base+"/httpboot/agent.kernel") }},
				{Name: "a copy changes", Do: func(t *testing.T) { steptest.PutFile(t, base+"/httpboot/agent.kernel", "kernel") }},
				{Name: "a source changes", Do: func(t *testing.T) { steptest.PutFile(t, base+"/images/ipa.initramfs", "NEW") }},
				{Name: "a copy gets another mode", Do: func(t *testing.T) { steptest.Must(t, os.Chmod(base+"/httpboot/boot.ipxe", 0o600)) }},
				{Name: "the directory goes away", Do: func(t *testing.T) { steptest.Must(t, os.RemoveAll(base+"/httpboot")) }},
			},
		}
	}})
}

func TestPlace(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, base string, s *placeFiles)
		items  []string
		mode   fs.FileMode
	}{
		{"new", nil, []string{
			"create file httpboot/agent.kernel from BASE/images/ipa.kernel",
			"create file httpboot/agent.ramdisk from BASE/images/ipa.initramfs",
			"create file httpboot/boot.ipxe from BASE/images/boot.ipxe",
		}, 0o644},
		{"one is there", func(t *testing.T, base string, s *placeFiles) {
			steptest.PutFile(t, base+"/httpboot/agent.kernel", "KERNEL")
			s.Files = s.Files[:2]
		}, []string{"create file httpboot/agent.ramdisk from BASE/images/ipa.initramfs"}, 0o644},
		{"another mode, others missing", func(t *testing.T, base string, s *placeFiles) {
			steptest.PutFile(t, base+"/httpboot/agent.kernel", "KERNEL")
			s.Mode, s.Files = "0640", s.Files[:2]
		}, []string{
			"update file httpboot/agent.kernel its mode is 0644, not 0640",
			"create file httpboot/agent.ramdisk from BASE/images/ipa.initramfs",
		}, 0o640},
		{"closed to others, no mode wanted", func(t *testing.T, base string, s *placeFiles) {
			steptest.PutFile(t, base+"/httpboot/agent.kernel", "KERNEL")
			steptest.Must(t, os.Chmod(base+"/httpboot/agent.kernel", 0o640))
			s.Files = s.Files[:1]
		}, []string{"update file httpboot/agent.kernel its mode is 0640, so that not everybody can read it"}, 0o644},
		{"another content of the same size", func(t *testing.T, base string, s *placeFiles) {
			steptest.PutFile(t, base+"/httpboot/agent.kernel", "kernel")
			s.Files = s.Files[:1]
		}, []string{"replace file httpboot/agent.kernel its content differs from BASE/images/ipa.kernel"}, 0o644},
		{"a link in the place of a copy", func(t *testing.T, base string, s *placeFiles) {
			steptest.PutFile(t, base+"/elsewhere", "mine")
			steptest.Must(t, os.Symlink(base+"/elsewhere", base+"/httpboot/agent.kernel"))
			s.Files = s.Files[:1]
		}, []string{"replace file httpboot/agent.kernel its content differs from BASE/images/ipa.kernel"}, 0o644},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			base := testbed.AgentFiles(t)
			s := agentPlaced(base)
			if tt.change != nil {
				tt.change(t, base, s)
			}
			c := steptest.Diff(t, s, &runner.Disk{})
			var items []string
			for _, line := range steptest.ItemLines(base, c) {
				items = append(items, strings.ReplaceAll(line, base, "BASE"))
			}
			if diff := cmp.Diff(tt.items, items); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
			steptest.Apply(t, s)
			for _, f := range s.Files {
				to := base + "/httpboot/" + hostfiles.NameOf(f)
				fi, err := os.Lstat(to)
				if err != nil || fi.Mode() != tt.mode {
					t.Errorf("%s: %v, %v; want %v", to, fi, err, tt.mode)
				}
				if got, want := steptest.ReadFile(t, to), steptest.ReadFile(t, string(hostfiles.SourceOf(f))); got != want {
					t.Errorf("%s is %.20q, want %.20q", to, got, want)
				}
			}
		})
	}
}

// Only root can give files away, so a host shows only one half of this test.
func TestPlaceOwner(t *testing.T) {
	base := testbed.AgentFiles(t)
	s := agentPlaced(base)
	s.Owner = "42422:42423"
	if os.Geteuid() != 0 {
		_, err := s.Diff(t.Context(), &runner.Disk{}, nil)
		if err == nil || !strings.Contains(err.Error(), "no permission to give") {
			t.Fatalf("error = %v", err)
		}
		return
	}
	owner := func() [2]uint32 {
		fi, err := os.Stat(base + "/httpboot/agent.kernel")
		steptest.Must(t, err)
		st, ok := fi.Sys().(*syscall.Stat_t)
		if !ok {
			t.Fatal("no owner to see")
		}
		return [2]uint32{st.Uid, st.Gid}
	}
	steptest.Apply(t, s)
	if got := owner(); got != [2]uint32{42422, 42423} {
		t.Errorf("new: got %v", got)
	}
	s.Owner = ":42424"
	p := steptest.Apply(t, s)
	if got := owner(); got != [2]uint32{42422, 42424} || p.Bytes != 0 {
		t.Errorf("another group: got %v after copying %d bytes", got, p.Bytes)
	}
}

func TestPlaceRefuses(t *testing.T) {
	base := testbed.AgentFiles(t)
	steptest.PutFile(t, base+"/file", "")
	steptest.MakeDir(t, base+"/other/agent.kernel", 0o755)
	tests := []struct {
		name   string
		change func(s *placeFiles)
		want   string
	}{
		{"no directory", func(s *placeFiles) { s.Into = plan.Path(base + "/absent") }, "is not there"},
		{"a file as directory", func(s *placeFiles) { s.Into = plan.Path(base + "/file") }, "is not a directory"},
		{"a directory in the way", func(s *placeFiles) { s.Into = plan.Path(base + "/other") }, "agent.kernel is in the way"},
		{"no source", func(s *placeFiles) { s.Files = []testbed.ToPlace{{Text: plan.Path(base + "/nothing")}} }, "no such file"},
		{"a directory as source", func(s *placeFiles) { s.Files = []testbed.ToPlace{{Text: plan.Path(base + "/images")}} }, "is not a regular file"},
		{"unknown user", func(s *placeFiles) { s.Owner = "nobody-of-that-name" }, `knows no user "nobody-of-that-name"`},
		{"unknown group", func(s *placeFiles) { s.Owner = ":nobody-of-that-name" }, `knows no group "nobody-of-that-name"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := agentPlaced(base)
			tt.change(s)
			if _, err := s.Diff(t.Context(), &runner.Disk{}, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestPlaceOfSourceThatChanges(t *testing.T) {
	base := testbed.AgentFiles(t)
	s := agentPlaced(base)
	c := steptest.Diff(t, s, &runner.Disk{})
	steptest.PutFile(t, base+"/images/ipa.kernel", "other bytes")
	if _, err := c.Apply(t.Context(), &steptest.Progress{}); err == nil || !strings.Contains(err.Error(), "changed since it was looked at") {
		t.Errorf("error = %v", err)
	}
	if _, err := os.Stat(base + "/httpboot/agent.kernel"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the copy: %v", err)
	}
}

func TestPlaceValidate(t *testing.T) {
	tests := []struct {
		name string
		step placeFiles
		want string // "" for none
	}{
		{"nothing known yet", placeFiles{}, ""},
		{"unresolved", placeFiles{Files: []testbed.ToPlace{{}, testbed.PlacedAs("", "a"), testbed.PlacedAs("/x", "")}}, ""},
		{"fine", placeFiles{Files: []testbed.ToPlace{{Text: "/x/a"}, testbed.PlacedAs("/x/a", "b")}, Mode: "0600", Owner: "ironic"}, ""},
		{"no files", placeFiles{Files: []testbed.ToPlace{}}, "names no file"},
		{"one name twice", placeFiles{Files: []testbed.ToPlace{{Text: "/x/a"}, testbed.PlacedAs("/x/b", "a")}}, "two files would be called a"},
		{"a path as name", placeFiles{Files: []testbed.ToPlace{testbed.PlacedAs("/x/b", "../a")}}, "not a plain file name"},
		{"a mode in words", placeFiles{Mode: "u=rw"}, "is not a mode"},
		{"a colon and no group", placeFiles{Owner: "ironic:"}, "is not an owner"},
		{"two colons", placeFiles{Owner: "a:b:c"}, "is not an owner"},
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
