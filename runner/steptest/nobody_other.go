//go:build !linux

package steptest

import (
	"os"
	"testing"
)

// AsNobody runs f, which must not have the rights of root. Only Linux can take
// them away from one thread, so elsewhere root skips the test.
func AsNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		t.Skip("only Linux takes the rights of root away from one thread")
	}
	f()
}
