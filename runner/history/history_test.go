package history

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

var runBegan = time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)

const planFile = "/plans/p.yaml"

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openStore(t *testing.T, dir string) *runner.Store {
	t.Helper()
	s, err := runner.OpenStore(dir, planFile)
	must(t, err)
	return s
}

// logRun keeps a run with these events. It does not close its log.
func logRun(t *testing.T, s *runner.Store, info Info, events ...runner.Event) *Log {
	t.Helper()
	if info.Began.IsZero() {
		info.Began = runBegan
	}
	info.Mode = runner.ModeApply
	l, err := Begin(s, info, nil)
	must(t, err)
	for _, e := range events {
		l.Observe(e)
	}
	return l
}

func lastRun(t *testing.T, s *runner.Store) *Run {
	t.Helper()
	runs, err := List(s)
	must(t, err)
	if len(runs) == 0 {
		t.Fatal("there are no runs")
	}
	return runs[0]
}

func TestRunResult(t *testing.T) {
	begin, end := runner.Event{Kind: runner.RunBegin, Mode: runner.ModeApply}, runner.Event{Kind: runner.RunEnd, Mode: runner.ModeApply, Time: runBegan.Add(time.Minute), Took: 60, Message: "summary"}
	image := runner.Item{What: "image", Name: "a", Bytes: 10, Size: 100, Mounted: 30}
	ended := Result{Ended: end.Time, Took: 60, Summary: "summary"}
	tests := map[string]struct {
		events []runner.Event
		want   Result
	}{
		"done": {
			[]runner.Event{
				begin,
				{Kind: runner.Ticked, Step: "a", Bytes: 5},
				{Kind: runner.ItemDone, Step: "a", Item: &image},
				{Kind: runner.StepEnd, Step: "a", Status: runner.Changed, Bytes: 12},
				{Kind: runner.StepEnd, Step: "b", Status: runner.Unchanged},
				end,
			},
			Result{
				State: Done, Counts: map[runner.Status]int{runner.Changed: 1, runner.Unchanged: 1}, Items: 1, Bytes: 12, Mounted: 30, Saved: 90,
				Changed: []StepChange{{Step: "a", Items: 1, Bytes: 12}},
			},
		},
		"failed, with a part done": {
			[]runner.Event{
				begin,
				{Kind: runner.ItemDone, Step: "a", Item: &runner.Item{What: "file", Name: "f", Bytes: 10}},
				{Kind: runner.StepEnd, Step: "a", Status: runner.Failed, Error: "boom\nmore"},
				{Kind: runner.StepEnd, Step: "b", Status: runner.Skipped, Blame: "a"},
				end,
			},
			Result{
				State: Failed, Counts: map[runner.Status]int{runner.Failed: 1, runner.Skipped: 1}, Items: 1,
				Changed: []StepChange{{Step: "a", Items: 1}}, Failed: []StepFailure{{"a", "boom"}},
			},
		},
		"interrupted before a step began": {
			[]runner.Event{begin, {Kind: runner.StepEnd, Step: "b", Status: runner.Skipped}, end},
			Result{State: Interrupted, Counts: map[runner.Status]int{runner.Skipped: 1}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, filepath.Join(t.TempDir(), "p"))
			defer s.Close()
			l := logRun(t, s, Info{}, test.events...)
			must(t, l.Close())
			test.want.Ended, test.want.Took, test.want.Summary = ended.Ended, ended.Took, ended.Summary
			if diff := cmp.Diff(test.want, lastRun(t, s).Result); diff != "" {
				t.Errorf("as recorded (-want +got):\n%s", diff)
			}
			must(t, os.Remove(filepath.Join(l.Dir, runFile))) // as an earlier version left it
			old := lastRun(t, s)
			if diff := cmp.Diff(test.want, old.Result); diff != "" {
				t.Errorf("from the events (-want +got):\n%s", diff)
			}
			if old.Mode != runner.ModeApply || !old.Began.Equal(runBegan) {
				t.Errorf("mode %q, began %v", old.Mode, old.Began)
			}
		})
	}
}

// A run that has recorded no end was killed, unless its process still runs.
func TestUnendedRuns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	s := openStore(t, dir)
	now := time.Now()
	logRun(t, s, Info{Began: now.Add(-time.Hour)}, runner.Event{Kind: runner.RunBegin, Mode: runner.ModeApply})
	l := logRun(t, s, Info{Began: now}, runner.Event{Kind: runner.RunBegin, Mode: runner.ModeApply}, runner.Event{Kind: runner.Ticked, Step: "a", Bytes: 7})
	f, err := os.OpenFile(filepath.Join(l.Dir, eventsFile), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString(`{"time":"2026-11-22T`) // cut off
	must(t, err)
	must(t, f.Close())
	states := func(s *runner.Store) string {
		runs, err := List(s)
		must(t, err)
		var all []string
		for _, r := range runs {
			all = append(all, string(r.State))
		}
		return strings.Join(all, " ")
	}
	if got := states(s); got != "under-way killed" {
		t.Errorf("while the process runs: %s", got)
	}
	if got := lastRun(t, s).Bytes; got != 7 {
		t.Errorf("%d bytes, want 7", got)
	}
	h := s.Holder()
	h.Host = "another host"
	b, err := json.Marshal(h)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "lock"), b, 0o600))
	if got := states(s); got != "unknown killed" {
		t.Errorf("with the lock of another host: %s", got)
	}
	must(t, s.Close())
	r, err := runner.ReadStore(dir, planFile)
	must(t, err)
	if got := states(r); got != "killed killed" {
		t.Errorf("after it has ended: %s", got)
	}
}

// What a run is recorded to be holds none of the secrets that it has learned.
func TestRunInfoWithoutSecrets(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "p"))
	defer s.Close()
	secrets := redact.New()
	info := Info{
		Plan: "p", Mode: runner.ModeApply, Began: runBegan, Command: "bayplan apply --var x=hunter2-x", Version: "v1", Lock: "sha256:1",
		Steps: []Step{{ID: "a", Type: "fake"}, {ID: "b", Type: "fake", Needs: []runner.Edge{{From: "a", To: "b", Kind: runner.Need}}}},
		Texts: []plan.SourceText{{File: "plan.yaml", Text: "url: https://u:pw-in-url@h/ # hunter2-x", Digest: "sha256:2"}},
	}
	l, err := Begin(s, info, secrets)
	must(t, err)
	secrets.Add("hunter2-x") // a run learns most secrets after it began
	l.Observe(runner.Event{Kind: runner.StepChange, Step: "a", Change: []runner.Item{{Op: runner.Create, What: "file", Name: "f", New: "text"}}})
	l.Observe(runner.Event{Kind: runner.StepEnd, Step: "a", Status: runner.Changed, Outputs: runner.Outputs{"images": plan.List("x@sha256:1")}})
	must(t, l.Close())
	b, err := os.ReadFile(filepath.Join(l.Dir, runFile))
	must(t, err)
	for _, secret := range []string{"hunter2-x", "pw-in-url"} {
		if strings.Contains(string(b), secret) {
			t.Errorf("run.json holds %s:\n%s", secret, b)
		}
	}
	r := lastRun(t, s)
	if r.User == "" || r.Host == "" || r.Version != "v1" || r.Lock != "sha256:1" {
		t.Errorf("got %+v", r.Info)
	}
	if diff := cmp.Diff(info.Steps, r.Steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	var change []runner.Item
	var outputs []string
	for e, err := range r.Events() {
		must(t, err)
		change = append(change, e.Change...)
		outputs = append(outputs, e.Outputs["images"].Items()...)
	}
	if len(change) != 1 || change[0].New != "text" || len(outputs) != 1 {
		t.Errorf("change %v, outputs %v", change, outputs)
	}
}

func TestFind(t *testing.T) {
	runs := []*Run{{ID: "20261122T130001.000Z"}, {ID: "20261122T130000.000Z"}, {ID: "20261121T130000.000Z"}}
	tests := map[string]struct{ id, want, err string }{
		"the last one":  {"", "20261122T130001.000Z", ""},
		"whole":         {"20261122T130000.000Z", "20261122T130000.000Z", ""},
		"its beginning": {"20261121", "20261121T130000.000Z", ""},
		"several":       {"20261122", "", `"20261122" are several runs: 20261122T130000.000Z, 20261122T130001.000Z`},
		"none":          {"2025", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := Find(runs, test.id)
			if err != nil && err.Error() != test.err || err == nil && test.err != "" {
				t.Errorf("error %v, want %q", err, test.err)
			}
			if r != nil && r.ID != test.want || r == nil && test.want != "" {
				t.Errorf("got %v, want %q", r, test.want)
			}
		})
	}
	if r, err := Find(nil, ""); r != nil || err != nil {
		t.Errorf("of no runs: %v, %v", r, err)
	}
}

// Runs with very many events make room earlier, but the last ones stay.
func TestLargeRunsMakeRoom(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "p"))
	defer s.Close()
	for i := range 12 {
		l := logRun(t, s, Info{Began: runBegan.Add(time.Duration(i) * time.Second)})
		must(t, l.Close())
		must(t, os.Truncate(filepath.Join(l.Dir, eventsFile), keptRunBytes/8+1)) // a hole that takes no room
		left, err := os.ReadDir(filepath.Join(s.Dir(), "runs"))
		must(t, err)
		if want := min(i+1, 8); len(left) != want {
			t.Errorf("after %d runs %d are kept, want %d", i+1, len(left), want)
		}
	}
	huge := logRun(t, s, Info{Began: runBegan.Add(time.Hour)})
	must(t, huge.Close())
	must(t, os.Truncate(filepath.Join(huge.Dir, eventsFile), 2*keptRunBytes))
	must(t, logRun(t, s, Info{Began: runBegan.Add(2 * time.Hour)}).Close())
	left, err := os.ReadDir(filepath.Join(s.Dir(), "runs"))
	must(t, err)
	if len(left) != keptAnyway {
		t.Errorf("beside a huge one %d runs are kept, want %d", len(left), keptAnyway)
	}
}

func TestRunLog(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	s := openStore(t, dir)
	defer s.Close()
	l, err := Begin(s, Info{Began: time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)}, nil)
	must(t, err)
	l.Observe(runner.Event{FormatVersion: 1, Kind: runner.RunBegin, Mode: runner.ModeApply, Items: 2})
	l.Observe(runner.Event{FormatVersion: 1, Kind: runner.StepEnd, Step: "a", Status: runner.Failed, Error: "boom", Hint: "look"})
	must(t, l.Close())
	b, err := os.ReadFile(filepath.Join(l.Dir, "events.jsonl"))
	must(t, err)
	want := `{"format_version":1,"time":"0001-01-01T00:00:00Z","kind":"run-begin","mode":"apply","items":2}
{"format_version":1,"time":"0001-01-01T00:00:00Z","kind":"step-end","step":"a","status":"failed","error":"boom","hint":"look"}
`
	if diff := cmp.Diff(want, string(b)); diff != "" {
		t.Errorf("events.jsonl (-want +got):\n%s", diff)
	}
	l.Observe(runner.Event{})
	if err := l.Close(); err == nil {
		t.Error("writing to a closed log gave no error")
	}
}

func TestOldRunsMakeRoom(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "p"))
	defer s.Close()
	at := time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)
	var first, last string
	for i := range keptRuns + 3 {
		l, err := Begin(s, Info{Began: at.Add(time.Duration(i) * time.Second)}, nil)
		must(t, err)
		must(t, l.Close())
		if first == "" {
			first = l.Dir
		}
		last = l.Dir
	}
	left, err := os.ReadDir(filepath.Join(s.Dir(), "runs"))
	must(t, err)
	if len(left) != keptRuns {
		t.Errorf("%d runs are kept, want %d", len(left), keptRuns)
	}
	if _, err := os.Stat(first); err == nil {
		t.Error("the oldest run is still there")
	}
	if _, err := os.Stat(last); err != nil {
		t.Error(err)
	}
}

// A run whose record is damaged hides no other.
func TestDamagedRun(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "p"))
	defer s.Close()
	good := logRun(t, s, Info{Began: runBegan})
	must(t, good.Close())
	bad := logRun(t, s, Info{Began: runBegan.Add(time.Hour)})
	must(t, bad.Close())
	must(t, os.WriteFile(filepath.Join(bad.Dir, runFile), []byte("{"), 0o600))
	if r := lastRun(t, s); r.Dir != good.Dir {
		t.Errorf("the last run that can be read is in %s, want %s", r.Dir, good.Dir)
	}
}
