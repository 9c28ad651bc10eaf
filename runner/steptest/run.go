package steptest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// A fixed step replaces the one that a plan configures by one that is configured already.
type fixed struct{ step runner.Step }

func (f *fixed) Inputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	return f.step.Inputs(ctx, w)
}

func (f *fixed) Diff(ctx context.Context, w runner.World, prior *runner.Record) (*runner.Finding, error) {
	return f.step.Diff(ctx, w, prior)
}

func (f *fixed) Verify(ctx context.Context, w runner.World) (runner.Outputs, error) {
	return f.step.Verify(ctx, w)
}

// BeforeApply passes the call on if the step has it.
func (f *fixed) BeforeApply() {
	if b, ok := f.step.(runner.BeforeApplier); ok {
		b.BeforeApply()
	}
}

// MarshalJSON returns the configuration of the step, which is in the key.
func (f *fixed) MarshalJSON() ([]byte, error) { return json.Marshal(f.step) }

// run makes one run of a plan with the one step, with a Store of its own as a process has.
func (f *Fixture) run(t *testing.T, c Case, dir string, mode func(*runner.Runner, context.Context) (*runner.Report, error)) (*runner.StepReport, error) {
	t.Helper()
	file := filepath.Join(dir, "bayplan.yaml")
	src := "apiVersion: bayplan/v1\nname: laws\nsteps:\n  it: {type: " + c.Type.Name + "}\n"
	p, errs := plan.Parse(file, []byte(src), plan.Options{})
	if len(errs) > 0 {
		return nil, errs
	}
	typ := c.Type
	typ.New = func() runner.Step { return &fixed{step: f.New()} }
	g, errs := runner.Check(p, runner.Types{typ})
	if len(errs) > 0 {
		return nil, errs
	}
	store, err := runner.OpenStore(runner.StateDir(p), file)
	if err != nil {
		return nil, err
	}
	report, err := mode(&runner.Runner{Graph: g, Store: store}, t.Context())
	if err := errors.Join(err, store.Close()); err != nil {
		return nil, err
	}
	return report.Step("it"), f.checkStateForSecrets(runner.StateDir(p))
}

func (f *Fixture) checkStateForSecrets(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.json*"))
	if err != nil {
		return err
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, secret := range f.Secrets {
			if strings.Contains(string(b), secret) {
				return fmt.Errorf("the state's %s holds a secret", filepath.Base(name))
			}
		}
	}
	return nil
}

func recordsRuns(t *testing.T, c Case) error {
	f := c.Fresh(t)
	if f.Satisfy != nil {
		f.Satisfy(t)
	}
	dir := t.TempDir()
	first := runner.Changed
	if !c.applies() {
		first = runner.Adopted
	}
	runs := []struct {
		what string
		mode func(*runner.Runner, context.Context) (*runner.Report, error)
		want runner.Status
	}{
		{"the first apply", (*runner.Runner).Apply, first},
		{"the second apply", (*runner.Runner).Apply, runner.Unchanged},
		{"a diff after it", (*runner.Runner).Diff, runner.Unchanged},
		{"a verify after it", (*runner.Runner).Verify, runner.Verified},
	}
	for _, r := range runs {
		s, err := f.run(t, c, dir, r.mode)
		if err != nil {
			return fmt.Errorf("%s: %w", r.what, err)
		}
		if s.Status != r.want {
			return fmt.Errorf("%s says %s, want %s (error: %v)", r.what, s.Status, r.want, s.Err)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, ".bayplan")); err != nil {
		return err
	}
	s, err := f.run(t, c, dir, (*runner.Runner).Apply)
	if err != nil {
		return err
	}
	if s.Status != runner.Adopted {
		return fmt.Errorf("an apply whose state was lost says %s, want %s (error: %v)", s.Status, runner.Adopted, s.Err)
	}
	return nil
}

// noticesBreak breaks a finished world in one way. Diff must find a change or fail, or
// Verify must fail. A step that only looks may return other outputs instead. If Diff
// finds a change, an apply must repair the world.
func noticesBreak(t *testing.T, c Case, i int) error {
	f := c.Fresh(t)
	if f.Satisfy != nil {
		f.Satisfy(t)
	}
	dir := t.TempDir()
	s, err := f.run(t, c, dir, (*runner.Runner).Apply)
	if err != nil {
		return err
	}
	if s.Err != nil {
		return s.Err
	}
	f.Break[i].Do(t)
	s, err = f.run(t, c, dir, (*runner.Runner).Diff)
	if err != nil {
		return err
	}
	switch s.Status {
	case runner.Failed:
		return nil
	case runner.Unchanged:
		if c.OnlyLooks && foundOther(s) {
			return nil
		}
		s, err = f.run(t, c, dir, (*runner.Runner).Verify)
		if err == nil && s.Status != runner.Failed {
			err = errors.New("neither Diff nor Verify notices")
		}
		return err
	}
	s, err = f.run(t, c, dir, (*runner.Runner).Apply)
	if err != nil {
		return err
	}
	if s.Status != runner.Changed {
		return fmt.Errorf("an apply that should mend it says %s: %w", s.Status, s.Err)
	}
	return f.converged(t.Context())
}

// foundOther reports whether a step found other inputs or outputs than recorded.
func foundOther(s *runner.StepReport) bool {
	if s.Prior == nil || !slices.Equal(s.Inputs, s.Prior.Inputs) {
		return true
	}
	for name, v := range s.Outputs {
		if !same(v, s.Prior.Outputs[name]) {
			return true
		}
	}
	return false
}
