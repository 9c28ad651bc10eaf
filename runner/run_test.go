package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-multierror"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
)

// statuses gives a report as "a changed, b unchanged".
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

// stored gives a runner with a state of its own, as a process would open it.
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
	var many *multierror.Error
	if !errors.As(err, &many) || len(many.Errors) != 2 || err.Error() != "a: no a\nb: no b" {
		t.Errorf("error %q", err)
	}
}

// What was changed but does not verify is a failure and leaves no record.
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
	whole := r.Store.journal.file
	r.Store.journal.file = &brokenFile{journalFile: whole, room: 10}
	report := run(t, r.Apply)
	r.Store.journal.file = whole
	wantStatuses(t, report, "a failed, b skipped")
	if len(l.log) != 0 {
		t.Errorf("done: %v", l.log)
	}
}

// A success that cannot be written down is told as a failure; the next run
// finds what is there.
func TestRecordThatCannotBeWritten(t *testing.T) {
	l := newLab()
	r := stored(t, l.graph(t, "a: fake {says: x}"))
	whole := r.Store.journal.file
	l.on["a"] = func(context.Context, *fake, Progress) error {
		r.Store.journal.file = &brokenFile{journalFile: whole, room: 10}
		return nil
	}
	wantStatuses(t, run(t, r.Apply), "a failed")
	r.Store.journal.file = whole
	wantStatuses(t, run(t, r.Apply), "a adopted")
}

func TestPanicIsAnErrorOfItsStep(t *testing.T) {
	l := newLab()
	l.on["a"] = func(context.Context, *fake, Progress) error { panic("index out of range") }
	r := &Runner{Graph: l.graph(t, "a: fake {says: x}\nb: fake {says: x}")}
	var stack string
	r.Observe = func(e Event) {
		if e.Kind == Debug && e.Step == "a" {
			stack = e.Message
		}
	}
	report := run(t, r.Apply)
	wantStatuses(t, report, "a failed, b changed")
	if err := report.Err(); err.Error() != "a: panic: index out of range" || fault.Hint(report.Step("a").Err) == "" {
		t.Errorf("error %q", err)
	}
	if !strings.Contains(stack, "run_test.go") {
		t.Errorf("no stack in the debug event: %q", stack)
	}
}

func TestRetryIsForConnectionErrorsOnly(t *testing.T) {
	tests := []struct {
		name     string
		err      error
		retry    int
		attempts int
		took     time.Duration
	}{
		{"connection", fault.AsConnection(errors.New("reset by peer")), 7, 8, (1 + 2 + 4 + 8 + 16 + 30 + 30) * time.Second},
		{"connection, wrapped", fmt.Errorf("pull: %w", fault.AsConnection(errors.New("reset"))), 1, 2, time.Second},
		{"connection, no retry asked for", fault.AsConnection(errors.New("reset by peer")), 0, 1, 0},
		{"refused by what it is", errors.New("403 forbidden"), 7, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab()
			attempts := 0
			l.on["a"] = func(context.Context, *fake, Progress) error { attempts++; return tt.err }
			g := l.graph(t, "a: fake {says: x}")
			g.Nodes[0].Step.Retry = tt.retry
			synctest.Test(t, func(t *testing.T) {
				r := &Runner{Graph: g}
				retries := 0
				r.Observe = func(e Event) {
					if e.Kind == Retrying {
						retries++
						if e.Attempt != retries || e.Error == "" {
							t.Errorf("retry event %+v", e)
						}
					}
				}
				report := run(t, r.Apply)
				wantStatuses(t, report, "a failed")
				if attempts != tt.attempts || retries != tt.attempts-1 {
					t.Errorf("%d attempts, %d events, want %d attempts", attempts, retries, tt.attempts)
				}
				if report.Took != tt.took {
					t.Errorf("took %v, want %v", report.Took, tt.took)
				}
			})
		})
	}
}

func TestRetryEndsWithSuccess(t *testing.T) {
	l := newLab()
	attempts := 0
	l.on["a"] = func(context.Context, *fake, Progress) error {
		if attempts++; attempts < 3 {
			return fault.AsConnection(errors.New("refused"))
		}
		return nil
	}
	g := l.graph(t, "a: fake {says: x}")
	g.Nodes[0].Step.Retry = 5
	synctest.Test(t, func(t *testing.T) {
		report := run(t, (&Runner{Graph: g}).Apply)
		wantStatuses(t, report, "a changed")
		if report.Took != 3*time.Second {
			t.Errorf("took %v", report.Took)
		}
	})
}

func TestTimeoutIsPerAttempt(t *testing.T) {
	l := newLab()
	l.on["a"] = func(ctx context.Context, _ *fake, _ Progress) error {
		<-ctx.Done()
		return fault.AsConnection(ctx.Err())
	}
	g := l.graph(t, "a: fake {says: x}\nb: fake {says: x}")
	g.Nodes[0].Step.Timeout, g.Nodes[0].Step.Retry = 10*time.Second, 2
	l.on["b"] = func(context.Context, *fake, Progress) error {
		time.Sleep(time.Hour)
		return nil
	}
	synctest.Test(t, func(t *testing.T) {
		report := run(t, (&Runner{Graph: g}).Apply)
		wantStatuses(t, report, "a failed, b changed")
		if took := report.Step("a").Took; took != (10+1+10+2+10)*time.Second {
			t.Errorf("a took %v", took)
		}
		err := report.Err()
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "stopped after its timeout of 10s") {
			t.Errorf("error %q", err)
		}
	})
}

func TestInterruptedApply(t *testing.T) {
	l := newLab()
	g := l.graph(t, `
		slow: fake {says: x}
		stubborn: fake {says: x}
		after: fake slow {says: x}
		third: fake {says: x}`)
	r := stored(t, g)
	r.Parallel = 2
	cause := errors.New("interrupt signal")
	l.on["slow"] = func(ctx context.Context, _ *fake, _ Progress) error {
		<-ctx.Done()
		return fmt.Errorf("copy the blob: %w", ctx.Err())
	}
	l.on["stubborn"] = func(context.Context, *fake, Progress) error {
		time.Sleep(5 * time.Second)
		return nil
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		report, err := r.Apply(ctx)
		if !errors.Is(err, cause) {
			t.Errorf("error %v, want %v", err, cause)
		}
		wantStatuses(t, report, "slow interrupted, stubborn changed, after skipped, third skipped")
		if got, want := report.Summary(), "1 changed, 0 unchanged, 0 failed, 2 skipped, 1 interrupted in 5.0s"; got != want {
			t.Errorf("summary %q, want %q", got, want)
		}
		if report.Err() != nil {
			t.Errorf("being interrupted is told as a failure: %v", report.Err())
		}
		for _, id := range []string{"after", "third"} {
			if s := report.Step(id); s.Blame != "" || s.Why != "the run was interrupted before it began" {
				t.Errorf("%s: blame %q, why %q", id, s.Blame, s.Why)
			}
		}
	})
	if r.Store.Record("stubborn") == nil {
		t.Error("the record of what finished during the interrupt is lost")
	}
	if last, _ := r.Store.Last("slow"); last.Kind != "started" {
		t.Errorf("last of slow = %+v", last)
	}
	delete(l.on, "slow")
	wantStatuses(t, run(t, r.Apply), "slow changed, stubborn unchanged, after changed, third changed")
}

func TestDiffWaitsForWhatCannotBeKnown(t *testing.T) {
	l := newLab()
	g := l.graph(t, `
		up: fake {says: image}
		uses: fake {says: "boot ${steps.up.id}"}
		more: fake {says: "${steps.uses.text}"}
		text: fake {says: "${steps.up.text}"}
		free: fake more {says: x}`)
	report := run(t, (&Runner{Graph: g}).Diff)
	wantStatuses(t, report, "up create, uses waiting, more waiting, text create, free create")
	if got, want := report.Step("uses").Why, "not diffed: waits for up.id (after up)"; got != want {
		t.Errorf("why %q, want %q", got, want)
	}
	if got, want := report.Step("more").Why, "not diffed: waits for uses.text (after uses)"; got != want {
		t.Errorf("why %q, want %q", got, want)
	}
	if got, want := report.Summary(), "3 to change, 0 unchanged, 2 waiting: 3 items, 3.0 KiB to move"; got != want {
		t.Errorf("summary %q, want %q", got, want)
	}
	if len(l.log) != 0 {
		t.Errorf("a diff did %v", l.log)
	}
}

func TestDiffOfACheck(t *testing.T) {
	l := newLab()
	failing := func(context.Context, *fake, World, *Record) (*Finding, error) {
		return nil, errors.New("3 images are missing")
	}
	l.diff["check"] = failing
	g := l.graph(t, `
		a: fake {says: x}
		b: fake a {says: x}
		check: check b {says: y}
		after: fake {says: "${steps.check.text}"}`)
	report := run(t, (&Runner{Graph: g}).Diff)
	wantStatuses(t, report, "a create, b create, check check-after, after waiting")
	if got := report.Step("check").Why; got != "check, after b" {
		t.Errorf("why %q", got)
	}
	l.said["a"], l.said["b"] = "x", "x"
	report = run(t, (&Runner{Graph: g}).Diff)
	wantStatuses(t, report, "a unchanged, b unchanged, check failed, after skipped")
	if got, want := report.Summary(), "0 to change, 2 unchanged, 1 failed, 1 skipped"; got != want {
		t.Errorf("summary %q, want %q", got, want)
	}
}

// A diff sees the world as the steps before would leave it, and only those.
func TestDiffSeesPlannedFiles(t *testing.T) {
	l := newLab()
	dir := t.TempDir()
	file := filepath.Join(dir, "made", "f")
	look := func(want string) func(context.Context, *fake, World, *Record) (*Finding, error) {
		return func(_ context.Context, f *fake, w World, _ *Record) (*Finding, error) {
			b, err := w.Open(file)
			if err != nil {
				return nil, err
			}
			defer b.Close()
			if got, _ := io.ReadAll(b); string(got) != want {
				return nil, fmt.Errorf("read %q, want %q", got, want)
			}
			return &Finding{Outputs: f.outputs(plan.Text("1"))}, nil
		}
	}
	l.diff["after"], l.diff["late"], l.diff["beside"] = look("hello"), look("hello"), look("hello")
	g := l.graph(t, fmt.Sprintf(`
		w: fake {says: hello, writes: %q}
		after: fake w {says: x}
		late: fake after {says: x}
		beside: fake {says: x}`, file))
	report := run(t, (&Runner{Graph: g}).Diff)
	wantStatuses(t, report, "w create, after unchanged, late unchanged, beside failed")
	if !errors.Is(report.Err(), os.ErrNotExist) {
		t.Errorf("beside: %v", report.Err())
	}
	if _, err := os.Stat(filepath.Dir(file)); err == nil {
		t.Error("the diff made a directory")
	}
}

// What an undiffed step would write is not there: then nothing can be said.
func TestDiffBehindAWaitingStep(t *testing.T) {
	l := newLab()
	file := filepath.Join(t.TempDir(), "f")
	g := l.graph(t, fmt.Sprintf(`
		up: fake {says: image}
		w: fake {says: "${steps.up.id}", writes: %q}
		reads: fake w {reads: %q}`, file, file))
	report := run(t, (&Runner{Graph: g}).Diff)
	wantStatuses(t, report, "up create, w waiting, reads waiting")
	if why := report.Step("reads").Why; !strings.HasPrefix(why, "not diffed: waits for w (") {
		t.Errorf("why %q", why)
	}
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
	_, err = (&Runner{Graph: g, Only: []string{"fre", "a"}}).Why(t.Context(), "zz")
	if !errors.As(err, &missing) {
		t.Errorf("why of an unknown step: %v", err)
	}
}

func TestStepsThatBreakTheirContract(t *testing.T) {
	give := func(o Outputs, c *Change) func(context.Context, *fake, World, *Record) (*Finding, error) {
		return func(context.Context, *fake, World, *Record) (*Finding, error) { return &Finding{o, c}, nil }
	}
	good := func() Outputs {
		return Outputs{"text": plan.Text("x"), "list": plan.List("x"), "id": plan.Text("1")}
	}
	with := func(name string, v plan.Value) Outputs { o := good(); o[name] = v; return o }
	lacking := good()
	delete(lacking, "id")
	tests := []struct {
		name string
		typ  string
		diff func(context.Context, *fake, World, *Record) (*Finding, error)
		want string
	}{
		{"no finding", "fake", func(context.Context, *fake, World, *Record) (*Finding, error) { return nil, nil }, "neither a finding nor an error"},
		{"an output missing", "fake", give(lacking, nil), `the output "id" is missing`},
		{"an output nobody declared", "fake", give(with("colour", plan.Text("red")), nil), `the output "colour" is not one of the type's`},
		{"a list for a text", "fake", give(with("text", plan.List()), nil), `the output "text" is a list, but its type declares text`},
		{"a text for a list", "fake", give(with("list", plan.Text("")), &Change{}), `the output "list" is text, but its type declares a list`},
		{"a promise with nothing to do", "fake", give(with("id", plan.Later("after upload")), nil), `the output "id" is only known after upload`},
		{"a check that would change", "check", give(good(), &Change{}), "a check must not find a change"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab()
			l.diff["a"] = tt.diff
			report := run(t, (&Runner{Graph: l.graph(t, "a: "+tt.typ+" {says: x}")}).Diff)
			if err := report.Err(); err == nil || !strings.Contains(err.Error(), tt.want) || fault.Hint(report.Step("a").Err) == "" {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	t.Run("a change without Apply", func(t *testing.T) {
		l := newLab()
		l.diff["a"] = give(good(), &Change{})
		if err := run(t, (&Runner{Graph: l.graph(t, "a: fake {says: x}")}).Apply).Err(); err == nil || !strings.Contains(err.Error(), "no Apply") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("an output missing after Verify", func(t *testing.T) {
		l := newLab()
		l.check["a"] = func(context.Context, *fake) (Outputs, error) { return lacking, nil }
		if err := run(t, (&Runner{Graph: l.graph(t, "a: fake {says: x}")}).Apply).Err(); err == nil || !strings.Contains(err.Error(), `"id" is missing`) {
			t.Errorf("error %v", err)
		}
	})
}

// A value that only turns out to be wrong once its reference is replaced is
// reported at its place in the plan.
func TestMistakeThatShowsAtRunTime(t *testing.T) {
	l := newLab()
	report := run(t, (&Runner{Graph: l.graph(t, `
		a: fake {says: nonsens}
		b: fake {says: "${steps.a.text}e"}
		c: fake {number: "${steps.a.text}"}`)}).Apply)
	wantStatuses(t, report, "a changed, b failed, c failed")
	var at *plan.Error
	if !errors.As(report.Step("b").Err, &at) || at.Msg != "is nonsense" || at.Pos.Line != 5 {
		t.Errorf("b: %v", report.Step("b").Err)
	}
	var all plan.Errors
	if errors.As(report.Err(), &all) {
		t.Error("a step's failure is taken for a mistake in the plan")
	}
}

func TestTypeOfAStepChanged(t *testing.T) {
	l := newLab()
	g := l.graph(t, "a: fake {says: x}")
	run(t, stored(t, g).Apply)
	changed := newLab()
	changed.diff["a"] = func(_ context.Context, f *fake, _ World, prior *Record) (*Finding, error) {
		if prior != nil {
			return nil, errors.New("was given the record of another type")
		}
		return &Finding{}, nil
	}
	other := changed.graph(t, "a: mute {says: x}")
	s, err := ReadStore(StateDir(g.Plan), g.Plan.File)
	must(t, err)
	wantStatuses(t, run(t, (&Runner{Graph: other, Store: s}).Diff), "a unchanged")
}

func TestApplyWithAStoreForReading(t *testing.T) {
	l := newLab()
	g := l.graph(t, "a: fake {says: x}")
	s, err := ReadStore(StateDir(g.Plan), g.Plan.File)
	must(t, err)
	if _, err := (&Runner{Graph: g, Store: s}).Apply(t.Context()); err == nil {
		t.Error("no error")
	}
}
