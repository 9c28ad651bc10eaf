package untar

import (
	"context"
	"errors"
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

func TestUntarBadInput(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, s *untar, base string)
		want   []string
		hint   string
	}{
		{"missing archive", func(t *testing.T, s *untar, base string) { s.Archive = plan.Path(base + "/none.tar") }, []string{"none.tar", "not exist"}, "path under archive"},
		{"missing package", func(t *testing.T, s *untar, _ string) {
			s.Archive = "/usr/share/rhosp-director-images/no-such-overcloud-full.tar"
		}, []string{"no-such-overcloud-full.tar"}, "rhosp-director-images"},
		{"wrong digest", func(t *testing.T, s *untar, _ string) { s.SHA256 = steptest.SHA256("another") }, []string{"x.tar", steptest.SHA256("another")}, "sha256 in the plan"},
		{"archive is a directory", func(t *testing.T, s *untar, base string) { s.Archive = plan.Path(base) }, []string{"is a directory"}, "needs no unpacking"},
		{"no archive", func(t *testing.T, _ *untar, base string) { steptest.PutFile(t, base+"/x.tar", "QFI\xfb rest") }, []string{"x.tar", "qcow2"}, "supported formats are"},
		{"cut archive", func(t *testing.T, _ *untar, base string) {
			b := steptest.Tarball(t, "a", "1")
			steptest.PutFile(t, base+"/x.tar", string(b[:len(b)-1024]))
		}, []string{"x.tar", "end mark"}, ""},
		{"hostile archive", func(t *testing.T, _ *untar, base string) { steptest.WriteTar(t, base+"/x.tar", "../evil", "1") }, []string{"x.tar", `"../evil"`}, ""},
		{"link in the way", func(t *testing.T, _ *untar, base string) {
			if err := os.Symlink("/etc/passwd", base+"/images/a.qcow2"); err != nil {
				t.Fatal(err)
			}
		}, []string{"images/a.qcow2", "symbolic link"}, "out of the way"},
		{"directory in the way", func(t *testing.T, _ *untar, base string) { steptest.MakeDir(t, base+"/images/a.qcow2", 0o755) }, []string{"a directory where a file"}, "out of the way"},
		{"into is a file", func(t *testing.T, s *untar, base string) { s.Into = plan.Path(base + "/x.tar") }, []string{"not a directory"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, base := newUntar(t)
			tt.change(t, s, base)
			before := tree(t, base)
			_, err := s.Diff(t.Context(), &runner.Disk{}, nil)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error = %q, want it to say %q", err, want)
				}
			}
			if hint := fault.Hint(err); !strings.Contains(hint, tt.hint) {
				t.Errorf("hint = %q, want it to say %q", hint, tt.hint)
			}
			if fault.IsConnection(err) {
				t.Error("it would be tried again")
			}
			if diff := cmp.Diff(before, tree(t, base)); diff != "" {
				t.Errorf("the disk (-before +after):\n%s", diff)
			}
		})
	}
}

// tree gives the names of all files below a directory.
func tree(t *testing.T, base string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(base, func(path string, _ fs.DirEntry, err error) error {
		names = append(names, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestUntarArchiveChangesAfterDiff(t *testing.T) {
	s, base := newUntar(t)
	c := steptest.Diff(t, s, &runner.Disk{})
	steptest.WriteTar(t, base+"/x.tar", "a.qcow2", "evil", "deep/b", "kernel", "empty/", "")
	before := tree(t, base)
	if _, err := c.Apply(t.Context(), &steptest.Progress{}); err == nil || !strings.Contains(err.Error(), "has changed since") {
		t.Errorf("error = %v", err)
	}
	if diff := cmp.Diff(before, tree(t, base)); diff != "" {
		t.Errorf("the disk (-before +after):\n%s", diff)
	}
}

func TestUntarCancelledAndAgain(t *testing.T) {
	s, base := newUntar(t)
	c := steptest.Diff(t, s, &runner.Disk{})
	before := tree(t, base)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Apply(ctx, &steptest.Progress{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
	if diff := cmp.Diff(before, tree(t, base)); diff != "" {
		t.Errorf("the disk (-before +after):\n%s", diff)
	}
	if _, err := c.Apply(t.Context(), &steptest.Progress{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(t.Context(), &runner.Disk{}); err != nil {
		t.Error(err)
	}
}
