package steps

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// A person who may not write there is told so in the diff.
func TestNoPermissionIsToldInDiff(t *testing.T) {
	base := t.TempDir()
	makeDir(t, filepath.Dir(base), 0o755) // nobody has to get there
	makeDir(t, base, 0o755)
	makeDir(t, base+"/closed", 0o555)
	tarball := base + "/x.tar"
	writeTar(t, tarball, "a", "1")
	if err := os.Chmod(tarball, 0o644); err != nil {
		t.Fatal(err)
	}
	steps := map[string]runner.Step{
		"mkdir": &mkdir{Dirs: below(base, "closed/a")},
		"untar": &untar{Archive: plan.Path(tarball), Into: plan.Path(base + "/closed")},
		"into":  &untar{Archive: plan.Path(tarball), Into: plan.Path(base + "/closed/new")},
	}
	for name, s := range steps {
		t.Run(name, func(t *testing.T) {
			var err error
			asNobody(t, func() { _, err = s.Diff(t.Context(), &runner.Disk{}, nil) })
			if err == nil || !strings.Contains(err.Error(), base+"/closed") || !strings.Contains(fault.Hint(err), "sudo") {
				t.Errorf("error = %v, hint %q", err, fault.Hint(err))
			}
		})
	}
}

// asNobody runs f without the rights of root. Linux gives each thread its own
// user for file access; this one's ends with it.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0); errno != 0 {
			t.Error(errno)
			return
		}
		f()
	}()
	<-done
}
