package history

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/runner"
)

// A run over several sites has one log in a state, however many parts it has here: the next part goes
// on with it, and knows what the parts before have done.
func TestResume(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "state"))
	defer s.Close()
	begin, end := runner.Event{Kind: runner.RunBegin, Mode: runner.ModeApply}, runner.Event{Kind: runner.RunEnd, Mode: runner.ModeApply, Time: runBegan}
	secrets := redact.New()
	secrets.Add("hidden-word")
	info := Info{Run: "run-1", Began: runBegan, Mode: runner.ModeApply}
	part := func(events ...runner.Event) *Log {
		l, err := Begin(s, info, secrets)
		must(t, err)
		for _, e := range events {
			l.Observe(e)
		}
		return l
	}
	first := part(begin, runner.Event{Kind: runner.StepBegin, Step: "a"}, runner.Event{Kind: runner.StepEnd, Step: "a", Status: runner.Interrupted}, end)
	must(t, first.Close())
	killed := part(begin,
		runner.Event{Kind: runner.StepBegin, Step: "a"},
		runner.Event{Kind: runner.StepEnd, Step: "a", Type: "fake", Status: runner.Changed, Bytes: 5, Vouched: []string{"/v", "/hidden-word"}, Fills: map[string]runner.Content{
			"/f": {Size: 1}, "/hidden-word": {Size: 2},
		}},
		runner.Event{Kind: runner.StepBegin, Step: "b"})
	_, err := killed.file.WriteString(`{"kind":"step-e`)
	must(t, err)
	if run := lastRun(t, s); run.State != UnderWay {
		t.Errorf("the state is %s", run.State)
	}

	info.Began = runBegan.Add(time.Hour)
	last := part(begin)
	want := []*runner.StepReport{{ID: "a", Type: "fake", Status: runner.Changed, Bytes: 5, Finding: runner.Finding{Vouched: []string{"/v"}}, Fills: map[string]runner.Content{"/f": {Size: 1}}}}
	if diff := cmp.Diff(want, last.Before(), cmp.AllowUnexported(runner.StepReport{})); diff != "" {
		t.Error(diff)
	}
	for _, e := range []runner.Event{{Kind: runner.StepBegin, Step: "b"}, {Kind: runner.StepEnd, Step: "b", Status: runner.Unchanged}, end} {
		last.Observe(e)
	}
	must(t, last.Close())
	runs, err := List(s)
	must(t, err)
	if len(runs) != 1 || runs[0].State != Done || runs[0].Counts[runner.Changed] != 1 || runs[0].Counts[runner.Interrupted] != 0 || runs[0].Counts[runner.Unchanged] != 1 {
		t.Fatalf("got %+v", runs[0].Result)
	}
	p, err := runs[0].Progress()
	must(t, err)
	if len(p.Running()) != 0 || p.Count("") != 2 {
		t.Errorf("%d running, %d ended", len(p.Running()), p.Count(""))
	}
	text, err := os.ReadFile(filepath.Join(runs[0].Dir, eventsFile))
	must(t, err)
	if strings.Contains(string(text), "hidden-word") {
		t.Errorf("a secret is in the log:\n%s", text)
	}

	// Another run has another log, and so has a run of this host only.
	info.Run = "run-2"
	must(t, part(begin, end).Close())
	info.Run, info.Began = "", runBegan.Add(2*time.Hour)
	must(t, part(begin, end).Close())
	if runs, err = List(s); err != nil || len(runs) != 3 {
		t.Errorf("%d runs, %v", len(runs), err)
	}
}

// A run of very many parts does not push out the runs before it.
func TestManyParts(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "state"))
	defer s.Close()
	must(t, logRun(t, s, Info{}).Close())
	for i := range 2 * keptRuns {
		must(t, logRun(t, s, Info{Run: "one", Began: runBegan.Add(time.Duration(i+1) * time.Minute)}).Close())
	}
	if runs, err := List(s); err != nil || len(runs) != 2 {
		t.Errorf("%d runs, %v", len(runs), err)
	}
}
