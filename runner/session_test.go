package runner

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/plan"
)

// openSession begins a Session over a state of its own.
func openSession(t *testing.T, r *Runner) *Session {
	t.Helper()
	if r.Store == nil {
		store, err := OpenStore(filepath.Join(t.TempDir(), "state"), r.Graph.Plan.File)
		must(t, err)
		t.Cleanup(func() { must(t, store.Close()) })
		r.Store = store
	}
	s, err := r.Session()
	must(t, err)
	return s
}

// done does a step of a Session.
func done(t *testing.T, s *Session, id string, given map[string]Outputs) *StepReport {
	t.Helper()
	report, err := s.Do(t.Context(), id, given)
	must(t, err)
	return report
}

// Of two steps of a Session that fill one place with different contents, the second one fails, also if
// they run at the same time.
func TestSessionClaims(t *testing.T) {
	l := newLab()
	g := l.graph(t, "a: fake  {says: x}\nb: fake  {says: y}")
	l.fills = map[string]map[string]Content{"x": {"place": {Size: 1}}, "y": {"place": {Size: 2}}}
	begun, failed := make(chan struct{}), make(chan error)
	l.on["a"] = func(context.Context, *fake, Progress) error {
		close(begun)
		return <-failed
	}
	s := openSession(t, &Runner{Graph: g})
	first := make(chan *StepReport)
	go func() {
		report, _ := s.Do(context.Background(), "a", nil)
		first <- report
	}()
	<-begun
	if b := done(t, s, "b", nil); b.Status != Failed || !strings.Contains(b.Err.Error(), `step "a" makes it`) {
		t.Errorf("got %s %v", b.Status, b.Err)
	}
	failed <- nil
	a := <-first
	if a.Status != Changed {
		t.Errorf("got %s %v", a.Status, a.Err)
	}
	if sum := s.End().Summary(); !strings.HasPrefix(sum, "1 changed, 0 unchanged, 1 failed") {
		t.Error(sum)
	}

	// A later Session of the same run knows what the earlier one has filled.
	again := openSession(t, &Runner{Graph: g, Before: []*StepReport{a}})
	if b := done(t, again, "b", nil); b.Status != Failed {
		t.Errorf("got %s", b.Status)
	}
	if sum := again.End().Summary(); !strings.HasPrefix(sum, "1 changed, 0 unchanged, 1 failed") {
		t.Error(sum)
	}
}

// A step that is stopped is interrupted, and the next attempt does it.
func TestSessionAgain(t *testing.T) {
	l := newLab()
	g := l.graph(t, "a: fake  {says: x}\nb: fake  {says: '${steps.a.text}'}")
	ctx, cancel := context.WithCancel(t.Context())
	l.on["a"] = func(ctx context.Context, _ *fake, _ Progress) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}
	r := &Runner{Graph: g, Only: []string{"a", "b"}}
	var ends []Status
	r.Observe = func(e Event) {
		if e.Kind == StepEnd {
			ends = append(ends, e.Status)
		}
	}
	s := openSession(t, r)
	if a, err := s.Do(ctx, "a", nil); err != nil || a.Status != Interrupted {
		t.Fatalf("got %+v %v", a, err)
	}
	if _, err := s.Do(t.Context(), "b", nil); err == nil || !strings.Contains(err.Error(), `output "text" of step "a"`) {
		t.Errorf("got %v", err)
	}
	delete(l.on, "a")
	for _, id := range []string{"a", "b"} {
		if report := done(t, s, id, nil); report.Status != Changed {
			t.Errorf("%s: %s %v", id, report.Status, report.Err)
		}
	}
	if _, err := s.Do(t.Context(), "c", nil); err == nil {
		t.Error("there is no step c")
	}
	if report := s.End(); report.Count(Changed) != 2 || len(report.Steps) != 2 {
		t.Errorf("got %s", report.Summary())
	}
	if len(ends) != 3 || ends[0] != Interrupted {
		t.Errorf("got %v", ends)
	}
}

// What another site gave is used and recorded, but it is no record of a step that was done here, and
// never takes the place of one.
func TestGiven(t *testing.T) {
	l := newLab()
	g := l.graph(t, "a: fake  {says: x}\nb: fake  {says: '${steps.a.text}'}")
	r := &Runner{Graph: g, Only: []string{"b"}}
	s := openSession(t, r)
	given := func(text string) map[string]Outputs { return map[string]Outputs{"a": {"text": plan.Text(text)}} }
	done(t, s, "b", given("far"))
	if l.said["b"] != "far" {
		t.Errorf("b said %q", l.said["b"])
	}
	s.End()
	if rec := r.Store.Record("a"); rec == nil || !rec.Given || r.record(g.Node("a")) != nil {
		t.Errorf("got %+v", rec)
	}
	seq := r.Store.mem.Seq
	s = openSession(t, r)
	done(t, s, "b", nil) // from the record
	done(t, s, "b", given("far"))
	s.End()
	if r.Store.mem.Seq != seq {
		t.Error("the same outputs are recorded again")
	}

	all := &Runner{Graph: g, Store: r.Store}
	if _, err := all.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = openSession(t, r)
	if done(t, s, "b", given("farther")); l.said["b"] != "farther" {
		t.Errorf("b said %q", l.said["b"])
	}
	s.End()
	if rec := r.Store.Record("a"); rec.Given || rec.Outputs["text"].String() == "farther" {
		t.Errorf("got %+v", rec)
	}
}

// A Session needs a state that may be written, and steps that there are.
func TestSessionRefused(t *testing.T) {
	l := newLab()
	g := l.graph(t, "a: fake  {says: x}")
	store, err := ReadStore(filepath.Join(t.TempDir(), "state"), g.Plan.File)
	must(t, err)
	if _, err := (&Runner{Graph: g, Store: store}).Session(); err == nil {
		t.Error("the state may not be written")
	}
	if _, err := (&Runner{Graph: g, Only: []string{"b"}}).Session(); err == nil {
		t.Error("there is no step b")
	}
}
