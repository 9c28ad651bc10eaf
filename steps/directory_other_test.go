//go:build !linux

package steps

import (
	"os"
	"testing"
)

// asNobody runs f without the rights of root. Only Linux gives a thread a user
// of its own, so that root cannot try this elsewhere.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		t.Skip("run the tests as another user than root")
	}
	f()
}
