//go:build integration

package integration

import (
	"os/exec"
	"testing"
)

// TestTemporal tests bayplan-temporal: in process with a server of Temporal, and then as processes
// that are killed. It is a module of its own, so that bayplan contains nothing of Temporal.
func TestTemporal(t *testing.T) {
	build := exec.CommandContext(t.Context(), "go", "vet", "-trimpath", "-tags", "integration", "./...") // the flags of the test: packages are compiled once
	test := exec.CommandContext(t.Context(), "go", "test", "-trimpath", "-vet=off", "-tags", "integration", "-count=1", "./...")
	for _, cmd := range []*exec.Cmd{build, test} {
		cmd.Dir = "../../../cmd/bayplan-temporal"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
		}
	}
}
