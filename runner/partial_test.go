package runner

import (
	"context"
	"errors"
	"testing"

	"github.com/bayplan/bayplan/plan"
)

// A step that does a part of its work fails, and the next run gets what is done.
func TestIncompleteStep(t *testing.T) {
	l := newLab()
	g := l.graph(t, "a: fake {says: x}\nb: fake a {says: y}")
	boom := errors.New("c is not there")
	var prior *Record
	applied := 0
	l.diff["a"] = func(_ context.Context, f *fake, _ World, p *Record) (*Finding, error) {
		prior = p
		part := &IncompleteError{Done: Outputs{"text": plan.Text("half")}, Err: boom}
		finding := &Finding{Outputs: f.outputs(plan.Text("1")), Err: part}
		if p == nil {
			finding.Change = &Change{Summary: "half", Items: []Item{{Op: Create, What: "word", Name: "half"}}, Apply: func(context.Context, Progress) (Outputs, error) {
				applied++
				return nil, part
			}}
		}
		return finding, nil
	}
	r := stored(t, g)
	diff := run(t, r.Diff)
	if s := diff.Step("a"); s.Status != Failed || !errors.Is(s.Err, boom) || s.Finding.Change == nil || applied != 0 {
		t.Errorf("diff: %+v", s)
	}
	for i := range 2 {
		report := run(t, r.Apply)
		if s := report.Step("a"); s.Status != Failed || !errors.Is(s.Err, boom) || applied != 1 || report.Step("b").Status != Skipped {
			t.Errorf("apply %d: %+v, applied %d times", i, s, applied)
		}
	}
	if prior == nil || prior.Partial["text"].String() != "half" || prior.Key != "" || len(prior.Outputs) != 0 {
		t.Errorf("prior: %+v", prior)
	}
	// What is done lasts as long as the state, and is no record.
	must(t, r.Store.Close())
	r = stored(t, g)
	run(t, r.Diff)
	if prior == nil || prior.Partial["text"].String() != "half" || r.Store.Record("a") != nil {
		t.Errorf("after the state was read again: %+v", prior)
	}
	// A success ends it.
	delete(l.diff, "a")
	run(t, r.Apply)
	l.diff["a"] = func(_ context.Context, f *fake, _ World, p *Record) (*Finding, error) {
		prior = p
		return &Finding{Outputs: f.outputs(plan.Text("id-a"))}, nil
	}
	run(t, r.Diff)
	if prior == nil || prior.Partial != nil || prior.Key == "" {
		t.Errorf("after a success: %+v", prior)
	}
}

// What an interrupted step has done is kept like that of a failed one, and the step counts
// as cut short.
func TestInterruptedStepKeepsWhatIsDone(t *testing.T) {
	for name, tt := range map[string]struct {
		err  func(cause error) error
		want string
	}{
		"a part is done": {func(cause error) error {
			return &IncompleteError{Done: Outputs{"text": plan.Text("half")}, Err: cause}
		}, "half"},
		"it is not known": {func(cause error) error { return cause }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab()
			g := l.graph(t, "a: fake {says: x}")
			ctx, interrupt := context.WithCancel(t.Context())
			var prior *Record
			l.diff["a"] = func(_ context.Context, f *fake, _ World, p *Record) (*Finding, error) {
				prior = p
				return &Finding{Outputs: f.outputs(plan.Text("1")), Change: &Change{Summary: "x", Items: []Item{{Op: Create, What: "word", Name: "x"}}, Apply: func(ctx context.Context, _ Progress) (Outputs, error) {
					interrupt()
					<-ctx.Done()
					return nil, tt.err(context.Cause(ctx))
				}}}, nil
			}
			r := stored(t, g)
			report, err := r.Apply(ctx)
			if !errors.Is(err, context.Canceled) || report.Step("a").Status != Interrupted {
				t.Fatalf("%v, %+v", err, report.Step("a"))
			}
			if last, _ := r.Store.Last("a"); last.Kind != EntryStarted || last.Error != "" {
				t.Errorf("the last entry: %+v", last)
			}
			must(t, r.Store.Close())
			r = stored(t, g) // as a process that comes later
			run(t, r.Diff)
			got := ""
			if prior != nil {
				got = prior.Partial["text"].String()
			}
			if got != tt.want || r.Store.Record("a") != nil {
				t.Errorf("prior %+v, want %q", prior, tt.want)
			}
		})
	}
}
