//go:build integration

package integration

import "testing"

// TestSigstoreGo compares how signatures without keys are checked with another project's
// library. It is in a module of its own, so that bayplan does not depend on it.
func TestSigstoreGo(t *testing.T) {
	run(t, "go", "-C", "../sigstorego", "test", "-trimpath", "-count=1", "./...")
}
