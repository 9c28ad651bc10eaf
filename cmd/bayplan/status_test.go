package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/exitcode"
	"github.com/bayplan/bayplan/runner"
)

// A started step is running while its apply runs, and interrupted once that
// process is gone.
func TestStatusOfABegunStep(t *testing.T) {
	file := filepath.Join(quickstart(t), "bayplan.yaml")
	state := t.TempDir()
	store, err := runner.OpenStore(filepath.Join(state, "quickstart"), file)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Started("upload"); err != nil {
		t.Fatal(err)
	}
	if got := stateOf(t, file, state, "upload"); got != "running" {
		t.Errorf("while it runs: %q, want running", got)
	}
	if got := stateOf(t, file, state, "dirs"); got != "never" {
		t.Errorf("a step that waits: %q, want never", got)
	}
	if err := store.Done(runner.Record{Step: "dirs", Type: "mkdir", Given: true}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if got := stateOf(t, file, state, "dirs"); got != "elsewhere" {
		t.Errorf("a step of another site: %q, want elsewhere", got)
	}
	if got := stateOf(t, file, state, "upload"); got != "interrupted" {
		t.Errorf("afterwards: %q, want interrupted", got)
	}
}

func stateOf(t *testing.T, file, dir, step string) string {
	t.Helper()
	var out, errs bytes.Buffer
	p := newProgram(&out, &errs)
	if code := p.run([]string{"bayplan", "status", "--json", "-f", file, "--state-dir", dir}); code != exitcode.Done {
		t.Fatalf("exits with %d: %s", code, errs.String())
	}
	var got struct{ Steps []document.StepStatus }
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for _, s := range got.Steps {
		if s.ID == step {
			return string(s.State)
		}
	}
	return ""
}
