package runner

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
)

var runBegan = time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)

// logRun keeps a run with these events. It does not close its log.
func logRun(t *testing.T, s *Store, info RunInfo, events ...Event) *RunLog {
	t.Helper()
	if info.Began.IsZero() {
		info.Began = runBegan
	}
	info.Mode = ModeApply
	l, err := s.NewRun(info, nil)
	must(t, err)
	for _, e := range events {
		l.Observe(e)
	}
	return l
}

func lastRun(t *testing.T, s *Store) *PastRun {
	t.Helper()
	runs, err := s.Runs()
	must(t, err)
	if len(runs) == 0 {
		t.Fatal("there are no runs")
	}
	return runs[0]
}

func TestRunResult(t *testing.T) {
	begin, end := Event{Kind: RunBegin, Mode: ModeApply}, Event{Kind: RunEnd, Mode: ModeApply, Time: runBegan.Add(time.Minute), Took: 60, Message: "summary"}
	image := Item{What: "image", Name: "a", Bytes: 10, Size: 100, Mounted: 30}
	ended := RunResult{Ended: end.Time, Took: 60, Summary: "summary"}
	tests := map[string]struct {
		events []Event
		want   RunResult
	}{
		"done": {
			[]Event{
				begin,
				{Kind: Ticked, Step: "a", Bytes: 5},
				{Kind: ItemDone, Step: "a", Item: &image},
				{Kind: StepEnd, Step: "a", Status: Changed, Bytes: 12},
				{Kind: StepEnd, Step: "b", Status: Unchanged},
				end,
			},
			RunResult{
				State: RunDone, Counts: map[Status]int{Changed: 1, Unchanged: 1}, Items: 1, Bytes: 12, Mounted: 30, Saved: 90,
				Changed: []RunChange{{Step: "a", Items: 1, Bytes: 12}},
			},
		},
		"failed, with a part done": {
			[]Event{
				begin,
				{Kind: ItemDone, Step: "a", Item: &Item{What: "file", Name: "f", Bytes: 10}},
				{Kind: StepEnd, Step: "a", Status: Failed, Error: "boom\nmore"},
				{Kind: StepEnd, Step: "b", Status: Skipped, Blame: "a"},
				end,
			},
			RunResult{
				State: RunFailed, Counts: map[Status]int{Failed: 1, Skipped: 1}, Items: 1,
				Changed: []RunChange{{Step: "a", Items: 1}}, Failed: []RunFailure{{"a", "boom"}},
			},
		},
		"interrupted before a step began": {
			[]Event{begin, {Kind: StepEnd, Step: "b", Status: Skipped}, end},
			RunResult{State: RunInterrupted, Counts: map[Status]int{Skipped: 1}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, filepath.Join(t.TempDir(), "p"))
			defer s.Close()
			l := logRun(t, s, RunInfo{}, test.events...)
			must(t, l.Close())
			test.want.Ended, test.want.Took, test.want.Summary = ended.Ended, ended.Took, ended.Summary
			if diff := cmp.Diff(test.want, lastRun(t, s).RunResult); diff != "" {
				t.Errorf("as recorded (-want +got):\n%s", diff)
			}
			must(t, os.Remove(filepath.Join(l.Dir, runFile))) // as an earlier version left it
			old := lastRun(t, s)
			if diff := cmp.Diff(test.want, old.RunResult); diff != "" {
				t.Errorf("from the events (-want +got):\n%s", diff)
			}
			if old.Mode != ModeApply || !old.Began.Equal(runBegan) {
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
	logRun(t, s, RunInfo{Began: now.Add(-time.Hour)}, Event{Kind: RunBegin, Mode: ModeApply})
	l := logRun(t, s, RunInfo{Began: now}, Event{Kind: RunBegin, Mode: ModeApply}, Event{Kind: Ticked, Step: "a", Bytes: 7})
	f, err := os.OpenFile(filepath.Join(l.Dir, eventsFile), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString(`{"time":"2026-11-22T`) // cut off
	must(t, err)
	must(t, f.Close())
	states := func(s *Store) string {
		runs, err := s.Runs()
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
	h := readHolder(filepath.Join(dir, "lock"))
	h.Host = "another host"
	b, err := json.Marshal(h)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "lock"), b, 0o600))
	if got := states(s); got != "unknown killed" {
		t.Errorf("with the lock of another host: %s", got)
	}
	must(t, s.Close())
	r, err := ReadStore(dir, planFile)
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
	info := RunInfo{
		Plan: "p", Mode: ModeApply, Began: runBegan, Command: "bayplan apply --var x=hunter2-x", Version: "v1", Lock: "sha256:1",
		Steps: []RunStep{{ID: "a", Type: "fake"}, {ID: "b", Type: "fake", Needs: []Edge{{From: "a", To: "b", Kind: Need}}}},
		Texts: []plan.SourceText{{File: "plan.yaml", Text: "url: https://u:pw-in-url@h/ # hunter2-x", Digest: "sha256:2"}},
	}
	l, err := s.NewRun(info, secrets)
	must(t, err)
	secrets.Add("hunter2-x") // a run learns most secrets after it began
	l.Observe(Event{Kind: StepChange, Step: "a", Change: []Item{{Op: Create, What: "file", Name: "f", New: "text"}}})
	l.Observe(Event{Kind: StepEnd, Step: "a", Status: Changed, Outputs: Outputs{"images": plan.List("x@sha256:1")}})
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
		t.Errorf("got %+v", r.RunInfo)
	}
	if diff := cmp.Diff(info.Steps, r.Steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	var change []Item
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

func TestFindRun(t *testing.T) {
	runs := []*PastRun{{ID: "20261122T130001.000Z"}, {ID: "20261122T130000.000Z"}, {ID: "20261121T130000.000Z"}}
	tests := map[string]struct{ id, want, err string }{
		"the last one":  {"", "20261122T130001.000Z", ""},
		"whole":         {"20261122T130000.000Z", "20261122T130000.000Z", ""},
		"its beginning": {"20261121", "20261121T130000.000Z", ""},
		"several":       {"20261122", "", `"20261122" are several runs: 20261122T130000.000Z, 20261122T130001.000Z`},
		"none":          {"2025", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := FindRun(runs, test.id)
			if err != nil && err.Error() != test.err || err == nil && test.err != "" {
				t.Errorf("error %v, want %q", err, test.err)
			}
			if r != nil && r.ID != test.want || r == nil && test.want != "" {
				t.Errorf("got %v, want %q", r, test.want)
			}
		})
	}
	if r, err := FindRun(nil, ""); r != nil || err != nil {
		t.Errorf("of no runs: %v, %v", r, err)
	}
}

// Runs with very many events make room earlier, but the last ones stay.
func TestLargeRunsMakeRoom(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "p"))
	defer s.Close()
	for i := range 12 {
		l := logRun(t, s, RunInfo{Began: runBegan.Add(time.Duration(i) * time.Second)})
		must(t, l.Close())
		must(t, os.Truncate(filepath.Join(l.Dir, eventsFile), keptRunBytes/8+1)) // a hole that takes no room
		left, err := os.ReadDir(filepath.Join(s.Dir(), "runs"))
		must(t, err)
		if want := min(i+1, 8); len(left) != want {
			t.Errorf("after %d runs %d are kept, want %d", i+1, len(left), want)
		}
	}
	huge := logRun(t, s, RunInfo{Began: runBegan.Add(time.Hour)})
	must(t, huge.Close())
	must(t, os.Truncate(filepath.Join(huge.Dir, eventsFile), 2*keptRunBytes))
	must(t, logRun(t, s, RunInfo{Began: runBegan.Add(2 * time.Hour)}).Close())
	left, err := os.ReadDir(filepath.Join(s.Dir(), "runs"))
	must(t, err)
	if len(left) != keptAnyway {
		t.Errorf("beside a huge one %d runs are kept, want %d", len(left), keptAnyway)
	}
}
