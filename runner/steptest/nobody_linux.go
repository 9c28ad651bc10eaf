package steptest

import (
	"os"
	"runtime"
	"syscall"
	"testing"
)

// AsNobody runs f without the rights of root. Linux gives each thread its own
// user for file access; this one's ends with it.
func AsNobody(t *testing.T, f func()) {
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
