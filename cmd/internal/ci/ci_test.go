package ci

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/ciformat"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps"
)

// graph reads a plan with the steps one to four, each on a line of its own from 4 on.
func graph(t *testing.T) (*runner.Graph, string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "sub", "plan.yaml")
	text := "apiVersion: bayplan/v1\nname: test\nsteps:\n"
	for _, id := range []string{"one", "two", "three", "four", "five"} {
		text += fmt.Sprintf("  %s: { type: mkdir, with: { paths: [%s] } }\n", id, id)
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
	read, errs := plan.Load(t.Context(), file, plan.Options{})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	g, errs := runner.Check(read, steps.Builtin(nil))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return g, dir
}

func newRun(t *testing.T) (*Run, string) {
	t.Helper()
	g, dir := graph(t)
	r := &Run{Command: "apply", Version: "v1", Dir: dir, Begun: time.Unix(0, 0)}
	r.Load(g)
	r.Warn(plan.Errors{{File: "sub/plan.yaml", Pos: plan.Pos{Line: 2, Col: 7}, Msg: "a | b", Hint: "do c"}})
	r.Report(&runner.Report{Mode: runner.ModeApply, Took: time.Second, Steps: []*runner.StepReport{
		{ID: "one", Status: runner.Changed, Took: time.Second, Finding: runner.Finding{Change: &runner.Change{Summary: "1 directory to make <b>"}}},
		{ID: "two", Status: runner.Unchanged},
		{ID: "three", Status: runner.Failed, Err: fault.WithHint(errors.New("no\nroom"), "make room")},
		{ID: "four", Status: runner.Skipped, Why: "three failed"},
		{ID: "five", Status: runner.Interrupted, Err: errors.New("interrupted")},
	}})
	r.End(errors.New("three: no room"), true, 2*time.Second)
	return r, dir
}

func TestProblems(t *testing.T) {
	r, dir := newRun(t)
	want := []ciformat.Problem{
		{Severity: ciformat.Error, Check: "bayplan-apply", File: "sub/plan.yaml", Line: 6, Column: 3, Title: "bayplan apply: three", Text: "no\nroom\nhint: make room"},
		{Severity: ciformat.Error, Check: "bayplan-apply", File: "sub/plan.yaml", Line: 8, Column: 3, Title: "bayplan apply: five", Text: "interrupted"},
		{Severity: ciformat.Warning, Check: "bayplan-apply", File: "sub/plan.yaml", Line: 2, Column: 7, Title: "bayplan apply", Text: "a | b\nhint: do c"},
	}
	if diff := cmp.Diff(want, r.Problems("")); diff != "" {
		t.Error(diff)
	}
	if got := r.Problems(filepath.Join(dir, "sub"))[0].File; got != "plan.yaml" {
		t.Errorf("below a root: %q", got)
	}
	outside := r.Problems(filepath.Join(dir, "other"))[0]
	if outside.File != "" || !strings.HasSuffix(outside.Text, "plan.yaml:6:3: no\nroom\nhint: make room") {
		t.Errorf("outside of the repository: %+v", outside)
	}
	r.Plans = []string{filepath.Join(dir, "sub", "plan.yaml"), "/elsewhere/plan.yaml"}
	if diff := cmp.Diff(ciformat.Source{Check: "bayplan-apply", Plans: []string{"sub/plan.yaml"}}, r.Source("")); diff != "" {
		t.Error(diff)
	}
}

func TestSummary(t *testing.T) {
	r, _ := newRun(t)
	want := strings.ReplaceAll(`### bayplan apply: 'test'

1 changed, 1 unchanged, 1 failed, 1 skipped, 1 interrupted in 1.0s, 1 warning

| step | result | |
|---|---|---|
| 'one' | changed | '1 directory to make <b>' |
| 'three' | failed | 'no' |
| 'four' | skipped | 'three failed' |
| 'five' | interrupted | 'interrupted' |

- **error** 'sub/plan.yaml:6': 'no room hint: make room'
- **error** 'sub/plan.yaml:8': 'interrupted'
- warning 'sub/plan.yaml:2': 'a | b hint: do c'

`, "'", "`")
	if diff := cmp.Diff(want, r.Summary(r.Problems(""))); diff != "" {
		t.Error(diff)
	}
}

// A summary of very much is short, and what others have written means nothing in it.
func TestSummaryOfMuch(t *testing.T) {
	r := &Run{Command: "diff"}
	report := &runner.Report{Mode: runner.ModeDiff}
	for i := range 3000 {
		report.Steps = append(report.Steps, &runner.StepReport{ID: fmt.Sprint(i), Status: runner.Failed, Err: errors.New("[x](http://y) `a` | <img>\n" + strings.Repeat("z", 9000))})
	}
	r.Report(report)
	got := r.Summary(r.Problems("/"))
	if len(got) > 1<<20 || !strings.Contains(got, "- and 2950 more in the log\n") || !strings.Contains(got, "| ... | | |") {
		t.Errorf("%d bytes: %.300s", len(got), got)
	}
	if !strings.Contains(got, "| ``[x](http://y) `a` \\| <img>`` |") {
		t.Errorf("not escaped: %.600s", got)
	}
}

func TestTests(t *testing.T) {
	r, _ := newRun(t)
	s := r.Tests()
	var got []string
	for _, c := range s.Cases {
		got = append(got, fmt.Sprintf("%s %s %d %q %q", c.Class, c.Name, c.Result, c.Message, c.Output))
	}
	want := []string{
		`test one 0 "" "changed: 1 directory to make <b>"`,
		`test two 0 "" ""`,
		`test three 1 "no" ""`,
		`test four 3 "skipped: three failed" ""`,
		`test five 2 "interrupted" ""`,
	}
	if diff := cmp.Diff(want, got); diff != "" || s.Name != "bayplan apply test" {
		t.Errorf("%s: %s", s.Name, diff)
	}
	if text := s.Cases[2].Text; !strings.HasSuffix(text, "plan.yaml:6:3: no\nroom\nhint: make room") {
		t.Errorf("the text is %q", text)
	}
}

// Secrets are masked before a text is escaped, which changes them.
func TestMasked(t *testing.T) {
	r, _ := newRun(t)
	r.Clean = func(text string) string { return strings.ReplaceAll(text, "hun_te*r2", "***") }
	r.report.Steps[2].Err = errors.New("hun_te*r2")
	r.report.Steps[3].Why = "hun_te*r2"
	r.report.Steps[0].Finding.Change.Summary = "hun_te*r2"
	junit, err := ciformat.JUnit(r.Tests())
	if err != nil {
		t.Fatal(err)
	}
	quality, err := ciformat.CodeQuality(nil, r.Source(""), r.Problems(""))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{r.Summary(r.Problems("")), string(junit), string(quality), ciformat.Annotation(r.Problems("")[0])} {
		if strings.Contains(text, "r2") {
			t.Errorf("it is in %s", text)
		}
	}
}

// Nothing was run: the plan is wrong, or the state is held by another run.
func TestNothingRan(t *testing.T) {
	r := &Run{Command: "validate", Dir: "/w"}
	r.Checked("a.yaml")
	r.End(plan.Errors{{File: "b.yaml", Pos: plan.Pos{Line: 1, Col: 2}, Msg: "bad", Hint: "mend it"}, {File: "b.yaml", Msg: "worse"}}, false, 0)
	want := []ciformat.Case{
		{Class: "bayplan validate", Name: "a.yaml"},
		{Class: "bayplan validate", Name: "b.yaml", Result: ciformat.Failed, Message: "bad", Text: "b.yaml:1:2: bad\nhint: mend it\nb.yaml: worse\n"},
	}
	if diff := cmp.Diff(want, r.Tests().Cases); diff != "" {
		t.Error(diff)
	}
	if n := len(r.Problems("/w")); n != 2 {
		t.Errorf("%d problems", n)
	}
	r = &Run{Command: "apply", Dir: "/w"}
	r.End(errors.New("another run holds the state"), false, 0)
	if c := r.Tests().Cases; len(c) != 1 || c[0].Result != ciformat.Broken || c[0].Message != "another run holds the state" {
		t.Errorf("cases %+v", c)
	}
	if p := r.Problems("/w"); len(p) != 1 || p[0].File != "" || p[0].Text != "another run holds the state" {
		t.Errorf("problems %+v", p)
	}
}

// Commands that tell no CI system collect nothing.
func TestNoRun(t *testing.T) {
	var r *Run
	r.Checked("a")
	r.Warn(plan.Errors{{}})
	r.Found(&plan.Error{})
	r.Load(nil)
	r.Report(&runner.Report{})
}
