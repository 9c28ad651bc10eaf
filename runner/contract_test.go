package runner

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
)

func TestStepsThatBreakTheirContract(t *testing.T) {
	give := func(o Outputs, c *Change) func(context.Context, *fake, World, *Record) (*Finding, error) {
		return func(context.Context, *fake, World, *Record) (*Finding, error) {
			return &Finding{Outputs: o, Change: c}, nil
		}
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
		{"an undeclared output", "fake", give(with("colour", plan.Text("red")), nil), `the output "colour" is not one of the type's`},
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

// A value that turns out to be wrong once its reference is resolved is reported at its
// place in the plan.
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
