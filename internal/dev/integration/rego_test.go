//go:build integration

package integration

import (
	"os/exec"
	"testing"
)

// TestRego tries the rules of docs/guides/ci.md on what bayplan prints. The test is in a module of its
// own, so that bayplan does not depend on the interpreter of Rego.
func TestRego(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "test", "-trimpath", "-count=1", "./...")
	cmd.Dir = "../rego"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
