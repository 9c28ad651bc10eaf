package flow

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/request"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/seal"
	"github.com/bayplan/bayplan/runner"
)

// A world is a run in the environment of tests, with all its sites.
type world struct {
	*testsuite.TestWorkflowEnvironment
	suite testsuite.WorkflowTestSuite

	mu    sync.Mutex
	tasks map[string]*Task // by step
	order []string         // of steps that began
	do    func(t *Task) (*Result, error)
}

func newWorld(t *testing.T) *world {
	w := &world{tasks: map[string]*Task{}}
	w.suite.SetLogger(quiet{})
	w.TestWorkflowEnvironment = w.suite.NewTestWorkflowEnvironment()
	w.SetTestTimeout(time.Minute)
	w.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: ComputeTime}) // as startRuns has it
	w.RegisterWorkflowWithOptions(Run, workflow.RegisterOptions{Name: WorkflowName})
	w.RegisterActivityWithOptions(w.step, activity.RegisterOptions{Name: ActivityName})
	return w
}

// A quiet logs nothing.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

// step does a task: as do says, or all is changed.
func (w *world) step(_ context.Context, packed []byte) ([]byte, error) {
	task, err := OpenTask(packed)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.tasks[task.Step], w.order = task, append(w.order, task.Step)
	w.mu.Unlock()
	if w.do != nil {
		r, err := w.do(task)
		if err != nil {
			return nil, err
		}
		if r != nil {
			return request.Pack(r)
		}
	}
	return request.Pack(ended(task.Step, runner.Changed))
}

// ended is the result of a step.
func ended(step string, status runner.Status) *Result {
	return &Result{Version: "v1", Status: status, Events: []runner.Event{{Kind: runner.StepEnd, Step: step, Status: status}}, Record: "record of " + step}
}

// run runs a run to its end, and returns how the steps ended that have no result.
func (w *world) run(t *testing.T, run *request.Run) (map[string]string, error) {
	t.Helper()
	if run.Patience == 0 {
		run.Patience, run.Silence = time.Hour, time.Minute
	}
	packed, err := request.NewPacked("v1", run, &request.Bundle{})
	if err != nil {
		t.Fatal(err)
	}
	w.ExecuteWorkflow(WorkflowName, packed.Head, packed.Run)
	if !w.IsWorkflowCompleted() {
		t.Fatal("the workflow has not ended")
	}
	o := &Outcome{}
	err = w.GetWorkflowError()
	if cancelled := (*temporal.CanceledError)(nil); errors.As(err, &cancelled) && cancelled.HasDetails() {
		if err := cancelled.Details(&o); err != nil {
			t.Fatal(err)
		}
	} else if err == nil {
		if err := w.GetWorkflowResult(o); err != nil {
			t.Fatal(err)
		}
	}
	endings := map[string]string{}
	for _, e := range o.Endings {
		endings[e.ID] = string(e.Status) + ": " + e.Why
	}
	return endings, err
}

// How steps end, and what becomes of those after them.
func TestEnds(t *testing.T) {
	steps := []request.Step{
		{ID: "a", Site: "s1"}, {ID: "b", Site: "s1", Needs: []string{"a"}}, {ID: "c", Site: "s2", Needs: []string{"b"}}, {ID: "d", Site: "s2"},
	}
	skipped := map[string]string{"b": "skipped: needs a, which failed", "c": "skipped: needs a, which failed"}
	with := func(why string) map[string]string {
		endings := maps.Clone(skipped)
		endings["a"] = why
		return endings
	}
	for name, tt := range map[string]struct {
		a    func() (*Result, error)
		want map[string]string
	}{
		"changed":    {func() (*Result, error) { return ended("a", runner.Changed), nil }, map[string]string{}},
		"adopted":    {func() (*Result, error) { return ended("a", runner.Adopted), nil }, map[string]string{}},
		"failed":     {func() (*Result, error) { return ended("a", runner.Failed), nil }, skipped},
		"stopped":    {func() (*Result, error) { return ended("a", runner.Interrupted), nil }, with("failed: it was stopped at site s1, and the run was not cancelled")},
		"not begun":  {func() (*Result, error) { return ended("a", runner.Skipped), nil }, with("failed: it was stopped at site s1, and the run was not cancelled")},
		"no status":  {func() (*Result, error) { return ended("a", "fine"), nil }, with(`failed: a result of step a has the status "fine", which is none`)},
		"of another": {func() (*Result, error) { return ended("d", runner.Changed), nil }, with(`failed: a result of step a has an event "step-end" of step "d"`)},
		"an error":   {func() (*Result, error) { return nil, temporal.NewNonRetryableApplicationError("broken", "", nil) }, with("failed: activity error (type: bayplan.step.v1, scheduledEventID: 0, startedEventID: 0, identity: ): broken")},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.do = func(task *Task) (*Result, error) {
				if task.Step == "a" {
					return tt.a()
				}
				return nil, nil
			}
			endings, err := w.run(t, &request.Run{Steps: steps, MaxFailures: -1})
			if diff := cmp.Diff(endings, tt.want); err != nil || diff != "" {
				t.Error(err, diff)
			}
		})
	}
}

// A site of an earlier wave counts as failed unless it is done: also if its steps were skipped for
// a step at the centre, and also the centre if a wave names it.
func TestWaves(t *testing.T) {
	steps := []request.Step{
		{ID: "first", Site: "centre"},
		{ID: "w1", Site: "s1", Wave: 1, Needs: []string{"first"}},
		{ID: "also", Site: "centre", Wave: 1},
		{ID: "w2", Site: "s2", Wave: 2},
	}
	const notBegun = "skipped: wave 2 was not begun: 1 site has failed"
	for name, tt := range map[string]struct {
		fails string
		most  int
		want  map[string]string
	}{
		"none":                {"", 0, map[string]string{}},
		"the step before":     {"first", 0, map[string]string{"w1": "skipped: needs first, which failed", "w2": notBegun}},
		"the centre":          {"also", 0, map[string]string{"w2": notBegun}},
		"the site":            {"w1", 0, map[string]string{"w2": notBegun}},
		"one may fail":        {"w1", 1, map[string]string{}},
		"any number may fail": {"first", -1, map[string]string{"w1": "skipped: needs first, which failed"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.do = func(task *Task) (*Result, error) {
				if task.Step == tt.fails {
					return ended(task.Step, runner.Failed), nil
				}
				return nil, nil
			}
			endings, err := w.run(t, &request.Run{Steps: steps, Waves: 2, MaxFailures: tt.most})
			if diff := cmp.Diff(endings, tt.want); err != nil || diff != "" {
				t.Error(err, diff)
			}
		})
	}
}

// A run that is too long for the server stops by itself.
func TestFull(t *testing.T) {
	w := newWorld(t)
	w.SetCurrentHistorySize(maxHistory)
	endings, err := w.run(t, &request.Run{Steps: []request.Step{{ID: "a", Site: "s"}}})
	if err != nil || !strings.Contains(endings["a"], "run the plan again, and what is done is found done") || len(w.tasks) > 0 {
		t.Error(err, endings)
	}
}

// A task says which outputs of its own site it refers to.
func TestTask(t *testing.T) {
	w := newWorld(t)
	w.do = func(task *Task) (*Result, error) { return ended(task.Step, runner.Changed), nil }
	if _, err := w.run(t, &request.Run{Steps: []request.Step{
		{ID: "a", Site: "s"}, {ID: "o", Site: "other"}, {ID: "b", Site: "s", Needs: []string{"a", "o"}, Refers: []string{"a"}}, {ID: "c", Site: "s", Needs: []string{"b"}, Refers: []string{"b"}},
	}}); err != nil {
		t.Fatal(err)
	}
	got := w.tasks["c"]
	want := &Task{
		Form: request.Form, Version: "v1", Bundle: got.Bundle, Step: "c",
		Records: map[string]string{"b": "record of b"},
	}
	if diff := cmp.Diff(got, want); diff != "" || got.Bundle == "" {
		t.Error(diff)
	}
}

// A run that is encrypted is done by programs with its key. One with another key says so, and does
// not end the run.
func TestSealed(t *testing.T) {
	key := func(digit string) []*seal.Key {
		file := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(file, []byte(strings.Repeat(digit, 64)), 0o600); err != nil {
			t.Fatal(err)
		}
		keys, err := seal.Read(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	w := newWorld(t)
	w.SetDataConverter(seal.Values(key("1")))
	if endings, err := w.run(t, &request.Run{Steps: []request.Step{{ID: "a", Site: "s"}}}); err != nil || len(endings) > 0 || len(w.tasks) != 1 {
		t.Error(err, endings)
	}
	p, err := request.NewPacked("v1", &request.Run{}, &request.Bundle{})
	if err != nil {
		t.Fatal(err)
	}
	sent, err := seal.Values(key("2")).ToPayloads(p.Head, p.Run)
	if err != nil {
		t.Fatal(err)
	}
	var head, packed converter.RawValue
	if err := seal.Values(key("1")).FromPayloads(sent, &head, &packed); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, "it is encrypted with key") {
			t.Errorf("got %s", got)
		}
	}()
	open(head, packed)
}

// What a program cannot read is no end of the run: the turn fails, and another worker may take it.
func TestForms(t *testing.T) {
	packed, err := request.NewPacked("v9", &request.Run{}, &request.Bundle{})
	if err != nil {
		t.Fatal(err)
	}
	packed.Head.Form++
	w := newWorld(t)
	w.ExecuteWorkflow(WorkflowName, packed.Head, packed.Run)
	var panicked *temporal.PanicError
	if err := w.GetWorkflowError(); !errors.As(err, &panicked) || !strings.Contains(err.Error(), "version v9 in form 2") {
		t.Errorf("got %v", err)
	}
}

func TestCancel(t *testing.T) {
	w := newWorld(t)
	w.do = func(task *Task) (*Result, error) {
		if task.Step == "a" {
			w.CancelWorkflow()
		}
		return nil, nil
	}
	endings, err := w.run(t, &request.Run{Steps: []request.Step{{ID: "a", Site: "s"}, {ID: "b", Site: "s", Needs: []string{"a"}}}})
	if !temporal.IsCanceledError(err) || endings["b"] != "skipped: the run was cancelled before it began" {
		t.Error(err, endings)
	}
}
