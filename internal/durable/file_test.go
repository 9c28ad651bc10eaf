package durable_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/durable"
)

// A file gets its name with Commit, and is gone after Abort.
func TestFile(t *testing.T) {
	dir := t.TempDir()
	one, err := durable.Create(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := one.WriteString("one"); err != nil {
		t.Fatal(err)
	}
	if err := one.Commit(filepath.Join(dir, "b"), durable.Attributes{Mode: 0o640}); err != nil {
		t.Fatal(err)
	}
	one.Abort()
	two, err := durable.Create(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	two.Abort()
	two.Abort()
	if got := read(t, filepath.Join(dir, "b")); got != "one" {
		t.Errorf("got %q", got)
	}
	wantNames(t, dir, "b")
}

// Leftovers of all files are removed, but not those of a living writer, nor
// files that only look like them.
func TestRemoveLeftovers(t *testing.T) {
	dir := t.TempDir()
	living, err := durable.Create(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	defer living.Abort()
	random := strings.Repeat("X", 26)
	for _, name := range []string{"a-" + random, "b-c-" + random, "a-" + random[1:], "a"} {
		write(t, filepath.Join(dir, durable.PartPrefix+name), "x")
	}
	if err := durable.RemoveLeftovers(dir); err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Base(living.Name()), durable.PartPrefix + "a", durable.PartPrefix + "a-" + random[1:]}
	wantNames(t, dir, want...)
	if err := durable.RemoveLeftovers(filepath.Join(dir, "gone")); err != nil {
		t.Errorf("in a directory that has gone: %v", err)
	}
}
