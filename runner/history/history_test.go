package history

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
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

// The events of a run say how far each step has come. A step whose end is not recorded
// runs as long as the run may be under way.
func TestProgress(t *testing.T) {
	at := func(s float64) time.Time { return runBegan.Add(time.Duration(s * float64(time.Second))) }
	image := func(name string, moved int64) runner.Item {
		return runner.Item{Op: runner.Create, What: "image", Name: name, Bytes: moved, Size: 10}
	}
	done, other := image("a", 4), runner.Item{Op: runner.Update, What: "file", Name: "f"}
	problem := fault.Problem{Kind: "failed", What: "image", Name: "b"}
	s := openStore(t, filepath.Join(t.TempDir(), "p"))
	defer s.Close()
	logRun(t, s, Info{Began: time.Now(), Steps: []Step{{ID: "never", Type: "x"}, {ID: "m", Type: "mirror"}}},
		runner.Event{Kind: runner.RunBegin, Mode: runner.ModeApply},
		runner.Event{Time: at(1), Kind: runner.StepBegin, Step: "m", Type: "mirror"},
		runner.Event{Time: at(2), Kind: runner.StepChange, Step: "m", Items: 3, Total: 20, Message: "3 images", Change: []runner.Item{image("a", 9), image("b", 9), image("c", 9)}},
		runner.Event{Time: at(3), Kind: runner.Ticked, Step: "m", Bytes: 5},
		runner.Event{Time: at(4), Kind: runner.ItemDone, Step: "m", Item: &done},
		runner.Event{Time: at(5), Kind: runner.Retrying, Step: "m", Attempt: 1, Wait: 2, Error: "broke"},
		runner.Event{Time: at(7), Kind: runner.StepChange, Step: "m", Items: 2, Total: 11, Message: "2 images", Change: []runner.Item{image("b", 9), image("c", 9)}},
		runner.Event{Time: at(8), Kind: runner.Ticked, Step: "m", Bytes: 8},
		runner.Event{Time: at(9), Kind: runner.ItemDone, Step: "m", Item: &other},
		runner.Event{Time: at(9), Kind: runner.StepEnd, Step: "m", Type: "mirror", Status: runner.Failed, Bytes: 9, Took: 8, Error: "b: boom", Problems: []fault.Problem{problem}},
		runner.Event{Time: at(10), Kind: runner.StepBegin, Step: "new", Type: "mkdir"},
	)
	r := lastRun(t, s)
	p, err := r.Progress()
	must(t, err)
	var got []string
	for _, s := range p.Steps {
		got = append(got, fmt.Sprintf("%s %s %q killed=%t", s.ID, s.Type, s.Status, s.Killed))
		for _, it := range s.Items {
			got = append(got, fmt.Sprintf("  %s %d bytes done=%t problem=%t", it.Name, it.Bytes, it.Done, it.Problem != nil))
		}
	}
	want := []string{
		`never x "" killed=false`,
		`m mirror "failed" killed=false`,
		"  a 4 bytes done=true problem=false", "  b 9 bytes done=false problem=true", "  c 9 bytes done=false problem=false", "  f 0 bytes done=true problem=false",
		`new mkdir "running" killed=false`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	m := p.Step("m")
	wantAttempt := Attempt{Changing: true, ToDo: 2, Done: 1, Total: 11, Before: 5}
	if diff := cmp.Diff(wantAttempt, m.Attempt); diff != "" {
		t.Errorf("last attempt (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]ItemCount{{runner.Create, "image", 1, "a"}, {runner.Update, "file", 1, "f"}}, m.Finished); diff != "" {
		t.Errorf("finished (-want +got):\n%s", diff)
	}
	if m.Done != 2 || m.Bytes != 9 || m.Saved != 6 || len(m.Retries) != 1 || m.Summary != "2 images" || m.Took != 8 {
		t.Errorf("got %+v", m)
	}
	must(t, s.Close())
	old, err := runner.ReadStore(s.Dir(), planFile)
	must(t, err)
	p, err = lastRun(t, old).Progress()
	must(t, err)
	if s := p.Step("new"); s.Status != runner.Interrupted || !s.Killed {
		t.Errorf("after the process has ended: %s, killed %t", s.Status, s.Killed)
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
