//go:build integration

package integration

import (
	"os/exec"
	"testing"
)

// TestSigstoreGo compares how signatures without keys are checked with another project's
// library. It is in a module of its own, so that bayplan does not depend on it.
func TestSigstoreGo(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "test", "-trimpath", "-count=1", "./...")
	cmd.Dir = "../sigstorego"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
