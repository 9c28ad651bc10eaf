package steptest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// look does what the runner does before it applies, in a new process.
func look(ctx context.Context, step runner.Step) (*runner.Finding, error) {
	world := &runner.Disk{}
	if _, err := step.Inputs(ctx, world); err != nil {
		return nil, fmt.Errorf("in Inputs: %w", err)
	}
	f, err := step.Diff(ctx, world, nil)
	if err != nil {
		return nil, fmt.Errorf("in Diff: %w", err)
	}
	if f == nil {
		return nil, errors.New("Diff gave neither a finding nor an error")
	}
	return f, nil
}

// apply looks, applies the change, and verifies the outputs unless Apply confirmed them.
// It returns the outputs.
func apply(ctx context.Context, step runner.Step) (*runner.Finding, runner.Outputs, error) {
	f, err := look(ctx, step)
	if err != nil {
		return nil, nil, err
	}
	if f.Change != nil {
		confirmed, err := f.Change.Apply(ctx, &counter{})
		if err != nil {
			return f, nil, fmt.Errorf("in Apply: %w", err)
		}
		if confirmed != nil {
			return f, confirmed, nil
		}
	}
	outputs, err := verify(ctx, step)
	return f, outputs, err
}

func verify(ctx context.Context, step runner.Step) (runner.Outputs, error) {
	outputs, err := step.Verify(ctx, (&runner.Disk{}).Hard())
	if err != nil {
		return nil, fmt.Errorf("in Verify: %w", err)
	}
	return outputs, nil
}

// doneFixture returns a world in which the step is done, or which a check accepts.
func doneFixture(t *testing.T, c Case) (*Fixture, error) {
	t.Helper()
	f := c.Fresh(t)
	if f.Satisfy != nil {
		f.Satisfy(t)
	}
	if !c.applies() {
		return f, nil
	}
	_, _, err := apply(t.Context(), f.New())
	return f, err
}

// acceptsUnknown calls what Check calls while references are unresolved.
func acceptsUnknown(_ *testing.T, c Case) error {
	step := c.Type.New()
	if v, ok := step.(runner.Validator); ok {
		if err := v.Validate(); err != nil {
			return fmt.Errorf("in Validate of an empty step, whose fields may all be references: %w", err)
		}
	}
	if p, ok := step.(runner.Pather); ok {
		p.Paths() // must not panic
	}
	return nil
}

func freshWorld(t *testing.T, c Case) error {
	f, err := look(t.Context(), c.Fresh(t).New())
	switch {
	case c.Type.Check && err == nil:
		return errors.New("the check is content with a fresh world")
	case c.Type.Check:
		return nil
	case err != nil:
		return err
	case c.OnlyLooks && f.Change != nil:
		return fmt.Errorf("it only looks, but finds a change: %s", f.Change.Summary)
	case c.OnlyLooks:
		return nil
	case f.Change == nil:
		return errors.New("Diff finds nothing to do in a fresh world")
	}
	return wellFormed(f.Change)
}

// wellFormed checks what people see of a change.
func wellFormed(c *runner.Change) error {
	if c.Apply == nil {
		return errors.New("the change has no Apply")
	}
	if c.Summary == "" || strings.Contains(c.Summary, "\n") {
		return fmt.Errorf("the change's summary must be one line, is %q", c.Summary)
	}
	if len(c.Items) == 0 {
		return errors.New("the change touches nothing: it has no items")
	}
	for _, it := range c.Items {
		switch it.Op {
		case runner.Create, runner.Update, runner.Replace, runner.Remove:
		default:
			return fmt.Errorf("item %q has the unknown operation %q", it.Name, it.Op)
		}
		if !slices.Contains(it.What.Words(), string(it.What)) || it.Name == "" || it.Bytes < 0 {
			return fmt.Errorf("the item %+v is of an unknown kind, lacks its name, or has negative bytes", it)
		}
	}
	return nil
}

func looksOnly(t *testing.T, c Case) error {
	worlds := map[string]func(*testing.T, Case) (*Fixture, error){
		"a fresh world":                   func(t *testing.T, c Case) (*Fixture, error) { return c.Fresh(t), nil },
		"a world in which it has applied": doneFixture,
	}
	for name, make := range worlds {
		f, err := make(t, c)
		if err != nil {
			return err
		}
		before := f.snapshot(t)
		step := f.New()
		for range 2 {
			if finding, err := look(t.Context(), step); err == nil && finding.Change != nil {
				readAll(finding.Change.Files)
			}
		}
		_, _ = verify(t.Context(), f.New())
		if diff := cmp.Diff(before, f.snapshot(t)); diff != "" {
			return fmt.Errorf("looking at %s changed it (-before +after):\n%s", name, diff)
		}
	}
	return nil
}

func stableInputs(t *testing.T, c Case) error {
	f := c.Fresh(t)
	if f.Satisfy != nil {
		f.Satisfy(t)
	}
	config, err := json.Marshal(f.New())
	if err != nil {
		return fmt.Errorf("the configuration as JSON: %w", err)
	}
	first, err := f.New().Inputs(t.Context(), &runner.Disk{})
	if err != nil {
		return fmt.Errorf("in Inputs: %w", err)
	}
	second, err := f.New().Inputs(t.Context(), &runner.Disk{})
	if err != nil {
		return fmt.Errorf("in Inputs, asked again: %w", err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		return fmt.Errorf("the inputs differ between two calls (-first +second):\n%s", diff)
	}
	seen := map[string]bool{}
	for _, in := range first {
		if in.Name == "" || in.Digest == "" || seen[in.Name] || strings.HasPrefix(in.Name, "with.") {
			return fmt.Errorf(`the input %+v lacks name or digest, is there twice, or has a name of the configuration ("with.")`, in)
		}
		seen[in.Name] = true
	}
	return f.checkNoSecret(fmt.Sprintf("%s %v", config, first))
}

func (f *Fixture) checkNoSecret(text string) error {
	for _, secret := range f.Secrets {
		if strings.Contains(text, secret) {
			return errors.New("the configuration as JSON, the inputs or the outputs hold a secret")
		}
	}
	return nil
}

func matchesPlan(t *testing.T, c Case) error {
	f := c.Fresh(t)
	if f.Satisfy != nil {
		f.Satisfy(t)
	}
	finding, outputs, err := apply(t.Context(), f.New())
	if err != nil {
		return err
	}
	for name, planned := range finding.Outputs {
		if _, later := planned.Later(); later && finding.Change != nil {
			continue
		}
		if !same(planned, outputs[name]) {
			return fmt.Errorf("the output %q was planned as %q and became %q", name, planned, outputs[name])
		}
	}
	if err := checkDeclared(c.Type, outputs); err != nil {
		return err
	}
	if err := f.checkNoSecret(fmt.Sprint(outputs)); err != nil || finding.Change == nil {
		return err
	}
	for _, file := range finding.Change.Files {
		if err := checkPlanned(t.Context(), file); err != nil {
			return fmt.Errorf("the planned %s: %w", file.Path, err)
		}
	}
	for _, it := range finding.Change.Items {
		if err := checkItem(t.Context(), it); err != nil {
			return fmt.Errorf("the item %s: %w", it.Name, err)
		}
	}
	return nil
}

// checkItem compares the file of an item with the digest that it was planned to have.
func checkItem(ctx context.Context, it runner.Item) error {
	algo, want, known := strings.Cut(it.To, ":")
	if it.What != runner.RegularFile || it.Op == runner.Remove || !known {
		return nil
	}
	sums, err := (&runner.Disk{}).Sum(ctx, it.Name, runner.Algo(algo))
	if err == nil && sums[runner.Algo(algo)] != want {
		err = fmt.Errorf("its digest was planned as %s and became %s", it.To, sums[runner.Algo(algo)])
	}
	return err
}

// confirmsWhatIsThere verifies with another step, which knows nothing of the Apply, the
// outputs that Apply confirmed.
func confirmsWhatIsThere(t *testing.T, c Case) error {
	if !c.applies() {
		return nil
	}
	f := c.Fresh(t)
	finding, err := look(t.Context(), f.New())
	if err != nil {
		return err
	}
	confirmed, err := finding.Change.Apply(t.Context(), &counter{})
	if err != nil {
		return fmt.Errorf("in Apply: %w", err)
	}
	if confirmed == nil {
		return nil
	}
	found, err := verify(t.Context(), f.New())
	if err != nil {
		return fmt.Errorf("Apply confirmed its outputs, but %w", err)
	}
	for name, v := range found {
		if !same(v, confirmed[name]) {
			return fmt.Errorf("Apply confirmed the output %q as %q, but Verify finds %q", name, confirmed[name], v)
		}
	}
	return checkDeclared(c.Type, confirmed)
}

// completesInputs applies a step as the runner does, with BeforeApply. Afterwards its
// inputs must be those of any other step. Otherwise the next run finds another key and
// never calls the step unchanged.
func completesInputs(t *testing.T, c Case) error {
	f := c.Fresh(t)
	step := f.New()
	b, ok := step.(runner.BeforeApplier)
	if !ok || !c.applies() {
		return nil
	}
	b.BeforeApply()
	if _, _, err := apply(t.Context(), step); err != nil {
		return err
	}
	got, err := step.Inputs(t.Context(), &runner.Disk{})
	if err != nil {
		return fmt.Errorf("in Inputs, after Apply: %w", err)
	}
	other := f.New()
	if _, err := look(t.Context(), other); err != nil {
		return err
	}
	want, err := other.Inputs(t.Context(), &runner.Disk{})
	if err != nil {
		return fmt.Errorf("in Inputs: %w", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		return fmt.Errorf("the inputs after BeforeApply and Apply differ from those of another step (-other +this):\n%s", diff)
	}
	return f.converged(t.Context())
}

// checkDeclared compares outputs with those that the type declares.
func checkDeclared(typ runner.Type, outputs runner.Outputs) error {
	for _, o := range typ.Outputs {
		v, ok := outputs[o.Name]
		if _, later := v.Later(); !ok || later || v.IsList() != o.List {
			return fmt.Errorf("the output %q is missing, a promise, or a list where text is declared or the other way round: %q", o.Name, v)
		}
		if o.Doc == "" {
			return fmt.Errorf("the output %q is not explained", o.Name)
		}
	}
	if len(outputs) > len(typ.Outputs) {
		return fmt.Errorf("gave %d outputs, the type declares %d", len(outputs), len(typ.Outputs))
	}
	return nil
}

func same(a, b plan.Value) bool {
	return a.IsList() == b.IsList() && a.String() == b.String() && cmp.Equal(a.Items(), b.Items())
}

func convergesAtOnce(t *testing.T, c Case) error {
	f, err := doneFixture(t, c)
	if err != nil {
		return err
	}
	return f.converged(t.Context())
}

// converged returns an error unless the step finds nothing to do and verifies, with the
// same outputs.
func (f *Fixture) converged(ctx context.Context) error {
	step := f.New()
	finding, err := look(ctx, step)
	if err != nil {
		return err
	}
	if finding.Change != nil {
		return fmt.Errorf("there still is something to do: %s %+v", finding.Change.Summary, finding.Change.Items)
	}
	outputs, err := verify(ctx, step)
	if err != nil {
		return err
	}
	for name, found := range finding.Outputs {
		if !same(found, outputs[name]) {
			return fmt.Errorf("the output %q is %q to Diff and %q to Verify", name, found, outputs[name])
		}
	}
	if len(outputs) != len(finding.Outputs) {
		return fmt.Errorf("found %d outputs in Diff, %d in Verify", len(finding.Outputs), len(outputs))
	}
	return nil
}
