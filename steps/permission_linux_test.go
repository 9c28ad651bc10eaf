package steps

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
)

// The diff reports a directory that the user may not write into.
func TestDiffReportsMissingPermission(t *testing.T) {
	base := t.TempDir()
	steptest.MakeDir(t, filepath.Dir(base), 0o755) // the other user must be able to enter it
	steptest.MakeDir(t, base, 0o755)
	steptest.MakeDir(t, base+"/closed", 0o555)
	tarball := base + "/x.tar"
	steptest.WriteTar(t, tarball, "a", "1")
	if err := os.Chmod(tarball, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ typ, with string }{
		"mkdir": {"mkdir", "paths: [" + base + "/closed/a]"},
		"untar": {"untar", "archive: " + tarball + ", into: " + base + "/closed"},
		"into":  {"untar", "archive: " + tarball + ", into: " + base + "/closed/new"},
	} {
		t.Run(name, func(t *testing.T) {
			typ, _ := Builtin(nil).Find(tt.typ)
			s := steptest.Step(t, typ, tt.with)
			var err error
			steptest.AsNobody(t, func() { _, err = s.Diff(t.Context(), &runner.Disk{}, nil) })
			if err == nil || !strings.Contains(err.Error(), base+"/closed") || !strings.Contains(fault.Hint(err), "sudo") {
				t.Errorf("error = %v, hint %q", err, fault.Hint(err))
			}
		})
	}
}
