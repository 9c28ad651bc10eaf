package runner

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/plan"
)

// earlierFile returns the content of a file that an earlier bayplan wrote.
func earlierFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "state", name))
	must(t, err)
	return b
}

// earlierState copies the state that an earlier bayplan wrote for a plan in
// another directory, and returns where it is now.
func earlierState(t *testing.T) (dir, planFile string) {
	t.Helper()
	top := t.TempDir()
	dir = filepath.Join(top, ".bayplan", "quickstart")
	must(t, os.MkdirAll(dir, 0o700))
	for _, name := range []string{snapshotName, journalName} {
		must(t, os.WriteFile(filepath.Join(dir, name), earlierFile(t, name), 0o600))
	}
	return dir, filepath.Join(top, "bayplan.yaml")
}

// lastsOf returns the kind and the error of the last entry of every step.
func lastsOf(s *Store) map[string][2]string {
	all := map[string][2]string{}
	for _, id := range s.Steps() {
		last, _ := s.Last(id)
		all[id] = [2]string{string(last.Kind), last.Error}
	}
	return all
}

func recordsOf(s *Store) map[string]*Record {
	all := map[string]*Record{}
	for _, id := range s.Steps() {
		if r := s.Record(id); r != nil {
			all[id] = r
		}
	}
	return all
}

func TestStateOfAnEarlierBayplan(t *testing.T) {
	dir, file := earlierState(t)
	s, err := ReadStore(dir, file)
	must(t, err)
	wantLasts := map[string][2]string{
		"agent": {"done"}, "base_tag": {"done"}, "catalog": {"done"}, "dirs": {"done"}, "prepare": {"done"}, "upload": {"done"},
		"containers":     {"started"},
		"overcloud_full": {"failed", "read archive /tmp/plan/overcloud-full.tar: the archive is cut: tar: unexpected EOF"},
	}
	if diff := cmp.Diff(wantLasts, lastsOf(s)); diff != "" {
		t.Errorf("last entries (-want +got):\n%s", diff)
	}
	types := map[string]string{}
	for id, r := range recordsOf(s) {
		types[id] = r.Type
		if r.Step != id || r.Key != keyOf(r.Type, r.Inputs) {
			t.Errorf("record of %s is of step %s, and its key %s is not that of its inputs", id, r.Step, r.Key)
		}
	}
	// A verify dropped the record of overcloud_full.
	wantTypes := map[string]string{
		"agent": "untar", "base_tag": "tag-discover", "catalog": "verify-catalog", "containers": "mirror",
		"dirs": "mkdir", "prepare": "prepare", "upload": "glance-upload",
	}
	if diff := cmp.Diff(wantTypes, types); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	checkEarlierRecords(t, s)

	// An apply writes the whole state as a snapshot, in the new place.
	records, lasts := recordsOf(s), lastsOf(s)
	s, err = OpenStore(dir, file)
	must(t, err)
	must(t, s.Close())
	s, err = ReadStore(dir, file)
	must(t, err)
	if diff := cmp.Diff(lasts, lastsOf(s)); diff != "" {
		t.Errorf("last entries, written and read again (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(records, recordsOf(s), cmp.Comparer(sameValue)); diff != "" {
		t.Errorf("records, written and read again (-want +got):\n%s", diff)
	}
	checkSnapshotForm(t, dir, file)
}

func sameValue(a, b plan.Value) bool {
	return sameOutputs(Outputs{"": a}, Outputs{"": b})
}

// checkEarlierRecords checks inputs and outputs of a record in the snapshot and of
// one in the journal.
func checkEarlierRecords(t *testing.T, s *Store) {
	t.Helper()
	tag := s.Record("base_tag")
	if tag == nil {
		t.Fatal("base_tag has no record")
	}
	const image, sum = "registry.access.redhat.com/rhosp13/openstack-base", "sha256:aa55d2c5fa4a5286ed7b1594f0a2c171b0537627c107c80bf26cfdefd53097b0"
	wantInputs := []Input{{"with.image", `"` + image + `"`}, {"with.tag_from_label", `"{version}-{release}"`}, {image + ":latest", sum}}
	if diff := cmp.Diff(wantInputs, tag.Inputs); diff != "" {
		t.Errorf("inputs of base_tag (-want +got):\n%s", diff)
	}
	wantOutputs := Outputs{"digest": plan.Text(sum), "image": plan.Text(image + ":13.0-40"), "tag": plan.Text("13.0-40")}
	if !sameOutputs(wantOutputs, tag.Outputs) || tag.Changed || tag.At.Year() != 2026 {
		t.Errorf("base_tag: outputs %v, changed %v, at %v", tag.Outputs, tag.Changed, tag.At)
	}
	prepare := s.Record("prepare")
	if n := len(prepare.Outputs["images"].Items()); n != 45 || !prepare.Changed {
		t.Errorf("prepare: %d images, changed %v", n, prepare.Changed)
	}
	if got, want := prepare.Outputs["images_file"].String(), "/tmp/plan/world/home/stack/local_registry_images.yaml"; got != want {
		t.Errorf("prepare's images_file is %s, want %s", got, want)
	}
}

// checkSnapshotForm checks the top level of the snapshot that now has all of the
// earlier state.
func checkSnapshotForm(t *testing.T, dir, file string) {
	t.Helper()
	keysOf := func(snapshot []byte) (keys []string, m map[string]json.RawMessage) {
		body, err := durable.Unseal(snapshot)
		must(t, err)
		must(t, json.Unmarshal(body, &m))
		return slices.Sorted(maps.Keys(m)), m
	}
	snapshot, err := os.ReadFile(filepath.Join(dir, snapshotName))
	must(t, err)
	want, _ := keysOf(earlierFile(t, snapshotName))
	got, m := keysOf(snapshot)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys of the snapshot (-want +got):\n%s", diff)
	}
	for key, want := range map[string]any{"version": 1, "plan": file, "dir": dir, "seq": 21} {
		text, err := json.Marshal(want)
		must(t, err)
		if string(m[key]) != string(text) {
			t.Errorf("%s of the snapshot is %s, want %s", key, m[key], text)
		}
	}
	if fi, err := os.Stat(filepath.Join(dir, journalName)); err != nil || fi.Size() != 0 {
		t.Errorf("the journal was not cleared: %v, %v", fi, err)
	}
}

// This bayplan writes the same bytes as the earlier one.
func TestStateIsWrittenAsBefore(t *testing.T) {
	snapshot, journal := earlierFile(t, snapshotName), earlierFile(t, journalName)
	m, err := parseSnapshot("", "", snapshot)
	must(t, err)
	again := filepath.Join(t.TempDir(), snapshotName)
	must(t, durable.WriteSealed(again, m))
	b, err := os.ReadFile(again)
	must(t, err)
	if diff := cmp.Diff(string(snapshot), string(b)); diff != "" {
		t.Errorf("snapshot (-want +got):\n%s", diff)
	}

	entries, _, err := parseJournal(journal)
	must(t, err)
	kinds := map[EntryKind]bool{}
	var lines bytes.Buffer
	for _, e := range entries {
		kinds[e.Kind] = true
		body, err := json.Marshal(e)
		must(t, err)
		lines.Write(append(durable.Seal(body), '\n'))
	}
	if diff := cmp.Diff(string(journal), lines.String()); diff != "" {
		t.Errorf("journal (-want +got):\n%s", diff)
	}
	if len(kinds) != 4 {
		t.Errorf("the journal has only entries of the kinds %v", kinds)
	}
}
