package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/flow"
)

// With a key, the history of a run holds nothing of the plan, of values or of errors, and who has no
// key or another one is told so.
func TestEncrypted(t *testing.T) {
	key, other := filepath.Join(t.TempDir(), "key"), filepath.Join(t.TempDir(), "other")
	write(t, key, strings.Repeat("1a", 32))
	write(t, other, strings.Repeat("2b", 32))
	file := planFile(t, "encrypted", `
connections:
  registries:
    hub: { host: hub.example.com, embedded: { dir: hub } }
steps:
  art: { type: artifact, site: x1, with: { files: [list.txt], name: "readable:1", to: hub } }
  made: { type: mkdir, site: x2, with: { paths: ["readable/${steps.art.digest}"] } }
  bad: { type: untar, site: x2, needs: [made], with: { archive: readable.tar, into: out } }
`, "list.txt", "readable\n")
	beginWorker(t, "x1", "--encryption-key", key)
	_, dir := beginWorker(t, "x2", "--encryption-key", key)
	run(t, "run", "-f", file, "--encryption-key", key).ended(t, 1, "2 changed, 0 unchanged, 1 failed", "readable.tar: file does not exist")
	if found, _ := filepath.Glob(filepath.Join(dir, "encrypted/readable/sha256:*")); len(found) != 1 {
		t.Errorf("found %v", found)
	}
	c, err := client.Dial(client.Options{HostPort: serverArgs[1], Namespace: serverArgs[3]})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	events := c.GetWorkflowHistory(t.Context(), flow.WorkflowID("encrypted"), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := e.Marshal()
		if err != nil || bytes.Contains(raw, []byte("readable")) || bytes.Contains(raw, []byte("\x1f\x8b\x08")) {
			t.Errorf("%v: event %d holds plain text: %q", err, e.GetEventId(), raw)
		}
	}
	waits := planFile(t, "encrypted2", "steps: { dir: { type: mkdir, site: x3, with: { paths: [x] } } }")
	beginWorker(t, "x3", "--encryption-key", other)
	first := begin(t, "run", "-f", waits, "--encryption-key", key)
	first.stderr.wait(t, "a value from the server cannot be read: it is encrypted with key")
	run(t, "run", "-f", waits).ended(t, 1, "this program has no key: give it one with --encryption-key")
	run(t, "cancel", "-f", waits).ended(t, 0)
	run(t, "worker", "--site", "x4", "--encryption-key", file).ended(t, 2, "line 1 of ", "hint: openssl rand -hex 32 makes a key")
}
