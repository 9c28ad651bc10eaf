package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
)

// statuses returns a report as "a changed, b unchanged".
func statuses(r *Report) string {
	var out []string
	for _, s := range r.Steps {
		out = append(out, s.ID+" "+string(s.Status))
	}
	return strings.Join(out, ", ")
}

func wantStatuses(t *testing.T, r *Report, want string) {
	t.Helper()
	if got := statuses(r); got != want {
		t.Errorf("statuses = %s\nwant       %s\nerror: %v", got, want, r.Err())
	}
}

// run makes one run that must not fail as a whole.
func run(t *testing.T, mode func(context.Context) (*Report, error)) *Report {
	t.Helper()
	r, err := mode(t.Context())
	must(t, err)
	return r
}

// stored returns a runner with a state of its own, as a process would open it.
func stored(t *testing.T, g *Graph) *Runner {
	t.Helper()
	s, err := OpenStore(StateDir(g.Plan), g.Plan.File)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return &Runner{Graph: g, Store: s}
}

const story = `
	a: fake {says: hello}
	b: fake {says: "${steps.a.text} world"}
	c: fake b {list: "${steps.b.list}"}
	d: check c {says: checked}`

func TestApplyTwice(t *testing.T) {
	l := newLab()
	l.said["d"] = "checked"
	g := l.graph(t, story)
	r := stored(t, g)
	wantStatuses(t, run(t, r.Diff), "a create, b create, c create, d check-after")
	first := run(t, r.Apply)
	wantStatuses(t, first, "a changed, b changed, c changed, d adopted")
	if got, want := l.said["c"], " hello world"; got != want {
		t.Errorf("c said %q, want %q", got, want)
	}
	must(t, r.Store.Close())

	r = stored(t, g)
	wantStatuses(t, run(t, r.Apply), "a unchanged, b unchanged, c unchanged, d unchanged")
	wantStatuses(t, run(t, r.Diff), "a unchanged, b unchanged, c unchanged, d unchanged")
	wantStatuses(t, run(t, r.Verify), "a verified, b verified, c verified, d verified")
	if diff := cmp.Diff([]string{"a", "b", "c"}, l.log); diff != "" {
		t.Errorf("what was done (-want +got):\n%s", diff)
	}
}

func TestWhatIsThereAlreadyIsAdopted(t *testing.T) {
	l := newLab()
	l.said["a"] = "hello"
	r := stored(t, l.graph(t, "a: fake {says: hello}"))
	report := run(t, r.Apply)
	wantStatuses(t, report, "a adopted")
	if got := report.Summary(); !strings.HasPrefix(got, "0 changed, 1 unchanged, 0 failed in ") {
		t.Errorf("summary %q", got)
	}
	rec := r.Store.Record("a")
	if rec == nil || rec.Changed || rec.Outputs["id"].String() != "id-a" {
		t.Errorf("record = %+v", rec)
	}
	wantStatuses(t, run(t, r.Apply), "a unchanged")
}

func TestLostStateCostsNothingButTime(t *testing.T) {
	l := newLab()
	g := l.graph(t, "a: fake {says: hello}")
	wantStatuses(t, run(t, stored(t, g).Apply), "a changed")
	must(t, os.RemoveAll(StateDir(g.Plan)))
	wantStatuses(t, run(t, stored(t, g).Apply), "a adopted")
}

func TestUnchangedStepWhoseOutputsMovedIsRecordedAnew(t *testing.T) {
	l := newLab()
	r := stored(t, l.graph(t, "a: fake {says: hello}"))
	run(t, r.Apply)
	l.diff["a"] = func(_ context.Context, f *fake, _ World, _ *Record) (*Finding, error) {
		return &Finding{Outputs: f.outputs(plan.Text("another id"))}, nil
	}
	wantStatuses(t, run(t, r.Apply), "a unchanged")
	if got := r.Store.Record("a").Outputs["id"].String(); got != "another id" {
		t.Errorf("recorded id = %q", got)
	}
}

func TestFailureSkipsWhatNeedsItAndNothingElse(t *testing.T) {
	l := newLab()
	boom := errors.New("read the archive: boom")
	l.on["a"] = func(context.Context, *fake, Progress) error {
		return fault.WithHint(boom, "another archive")
	}
	r := stored(t, l.graph(t, `
		a: fake {says: hello}
		b: fake {says: "${steps.a.text}"}
		c: fake b {says: x}
		x: fake {says: x}
		y: fake x {says: y}`))
	ends := map[string]Event{}
	r.Observe = func(e Event) {
		if e.Kind == StepEnd {
			ends[e.Step] = e
		}
	}
	report := run(t, r.Apply)
	wantStatuses(t, report, "a failed, b skipped, c skipped, x changed, y changed")
	for _, id := range []string{"b", "c"} {
		if s := report.Step(id); s.Blame != "a" || s.Why != "needs a, which failed" {
			t.Errorf("%s: blame %q, why %q", id, s.Blame, s.Why)
		}
	}
	err := report.Err()
	if !errors.Is(err, boom) || err.Error() != "a: read the archive: boom" {
		t.Errorf("error %q, want the cause only", err)
	}
	if len(ends) != 5 || ends["a"].Hint != "another archive" || ends["b"].Blame != "a" || ends["c"].Blame != "a" {
		t.Errorf("events: %+v", ends)
	}
	if last, _ := r.Store.Last("a"); last.Kind != "failed" || last.Error != boom.Error() {
		t.Errorf("last of a = %+v", last)
	}
	if r.Store.Record("a") != nil {
		t.Error("the failed step has a record")
	}

	delete(l.on, "a")
	wantStatuses(t, run(t, r.Apply), "a changed, b changed, c changed, x unchanged, y unchanged")
}

func TestAllCausesAreReported(t *testing.T) {
	l := newLab()
	for _, id := range []string{"a", "b"} {
		l.on[id] = func(_ context.Context, f *fake, _ Progress) error { return fmt.Errorf("no %s", f.id) }
	}
	err := run(t, (&Runner{Graph: l.graph(t, "a: fake {says: x}\nb: fake {says: x}\nc: fake a b {says: x}")}).Apply).Err()
	if err.Error() != "a: no a\nb: no b" {
		t.Errorf("error %q", err)
	}
}

// A change that Verify rejects is a failure and leaves no record.
func TestVerifyAfterApply(t *testing.T) {
	l := newLab()
	l.check["a"] = func(context.Context, *fake) (Outputs, error) { return nil, errors.New("the digest differs") }
	r := stored(t, l.graph(t, "a: fake {says: x}"))
	report := run(t, r.Apply)
	wantStatuses(t, report, "a failed")
	if r.Store.Record("a") != nil {
		t.Error("a false record")
	}
}

// Outputs that Apply confirms are recorded, and Verify is left out.
func TestConfirmedOutputsNeedNoVerify(t *testing.T) {
	l := newLab()
	l.confirms["a"] = func(f *fake) Outputs { return f.outputs(plan.Text("confirmed-a")) }
	l.check["a"] = func(context.Context, *fake) (Outputs, error) { return nil, errors.New("Verify was called") }
	r := stored(t, l.graph(t, "a: fake {says: hello}\n  b: fake {says: \"${steps.a.id}\"}"))
	wantStatuses(t, run(t, r.Apply), "a changed, b changed")
	if got := r.Store.Record("a").Outputs["id"].String(); got != "confirmed-a" {
		t.Errorf("recorded %q", got)
	}
	if got := l.said["b"]; got != "confirmed-a" {
		t.Errorf("b said %q", got)
	}
}

// Confirmed outputs must be those that the type declares.
func TestConfirmedOutputsAreChecked(t *testing.T) {
	l := newLab()
	l.confirms["a"] = func(*fake) Outputs { return Outputs{"text": plan.Text("hello")} }
	report := run(t, stored(t, l.graph(t, "a: fake {says: hello}")).Apply)
	wantStatuses(t, report, "a failed")
}

func TestStartedIsDurableBeforeEffects(t *testing.T) {
	l := newLab()
	g := l.graph(t, "a: fake {says: x}")
	r := stored(t, g)
	l.on["a"] = func(context.Context, *fake, Progress) error {
		s, err := ReadStore(StateDir(g.Plan), g.Plan.File)
		if err != nil {
			return err
		}
		if last, _ := s.Last("a"); last.Kind != "started" {
			return fmt.Errorf("last of a is %+v while it runs", last)
		}
		return nil
	}
	l.check["a"] = func(_ context.Context, f *fake) (Outputs, error) {
		if r.Store.Record("a") != nil {
			return nil, errors.New("recorded before it was verified")
		}
		return f.outputs(plan.Text("1")), nil
	}
	wantStatuses(t, run(t, r.Apply), "a changed")
}

func TestNothingIsDoneThatCannotBeWrittenDown(t *testing.T) {
	l := newLab()
	r := stored(t, l.graph(t, "a: fake {says: x}\nb: fake a {says: x}"))
	whole := r.Store.journal.File
	r.Store.journal.File = &brokenFile{File: whole, room: 10}
	report := run(t, r.Apply)
	r.Store.journal.File = whole
	wantStatuses(t, report, "a failed, b skipped")
	if len(l.log) != 0 {
		t.Errorf("done: %v", l.log)
	}
}

// A success that cannot be recorded is a failure. The next run adopts what is there.
func TestRecordThatCannotBeWritten(t *testing.T) {
	l := newLab()
	r := stored(t, l.graph(t, "a: fake {says: x}"))
	whole := r.Store.journal.File
	l.on["a"] = func(context.Context, *fake, Progress) error {
		r.Store.journal.File = &brokenFile{File: whole, room: 10}
		return nil
	}
	wantStatuses(t, run(t, r.Apply), "a failed")
	r.Store.journal.File = whole
	wantStatuses(t, run(t, r.Apply), "a adopted")
}

func TestVerify(t *testing.T) {
	l := newLab()
	l.said["a"], l.said["b"], l.said["c"] = "hello", "something else", "hello world"
	l.said["d"] = "checked"
	report := run(t, (&Runner{Graph: l.graph(t, story)}).Verify)
	wantStatuses(t, report, "a verified, b failed, c skipped, d skipped")
	if got := report.Summary(); !strings.HasPrefix(got, "1 verified, 1 failed, 2 skipped in ") {
		t.Errorf("summary %q", got)
	}
	if len(l.log) != 0 {
		t.Errorf("verify did %v", l.log)
	}
}

func TestOnlyAndSkip(t *testing.T) {
	l := newLab()
	g := l.graph(t, story)
	r := stored(t, g)
	var missing *SelectionError

	r.Only = []string{"b"}
	_, err := r.Apply(t.Context())
	if !errors.As(err, &missing) || missing.Step != "a" || !strings.Contains(err.Error(), `"text" of step "a"`) || fault.Hint(err) == "" {
		t.Errorf("error %v, want a *SelectionError about a", err)
	}
	r.Only = []string{"a"}
	wantStatuses(t, run(t, r.Apply), "a changed")
	r.Only = []string{"b"}
	wantStatuses(t, run(t, r.Apply), "b changed")
	if l.said["b"] != "hello world" {
		t.Errorf("b said %q", l.said["b"])
	}
	r.Only, r.Skip = nil, []string{"a", "d"}
	wantStatuses(t, run(t, r.Apply), "b unchanged, c changed")
	r.Only, r.Skip = []string{"c", "d"}, []string{"c"}
	l.said["d"] = "checked"
	wantStatuses(t, run(t, r.Apply), "d adopted") // a pure need that is not run is no matter

	for _, r := range []*Runner{{Graph: g, Only: []string{"aa"}}, {Graph: g, Skip: []string{"aa"}}} {
		_, err := r.Diff(t.Context())
		if !errors.As(err, &missing) || missing.Step != "aa" || err.Error() != `the plan has no step "aa"` {
			t.Errorf("error %v, want a *SelectionError about aa", err)
		}
	}
	for _, r := range []*Runner{{Graph: g, Only: []string{"a"}, Skip: []string{"a"}}, {Graph: g, Skip: []string{"a", "b", "c", "d"}}} {
		if _, err := r.Selected(); !errors.As(err, &missing) || !strings.Contains(err.Error(), "no step is left") {
			t.Errorf("only %v, skip %v: error %v, want that nothing is left", r.Only, r.Skip, err)
		}
	}
	_, err = (&Runner{Graph: g, Only: []string{"fre", "a"}}).Why(t.Context(), "zz")
	if !errors.As(err, &missing) {
		t.Errorf("why of an unknown step: %v", err)
	}
}
