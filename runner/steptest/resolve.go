package steptest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// asksSourcesOnly holds for steps that look up what the lock file records: they do so
// while the fixture is closed, change nothing, and know nothing that does not come true.
// For a step without Resolve it holds always.
func asksSourcesOnly(t *testing.T, c Case) error {
	f := c.Fresh(t)
	step, ok := f.New().(runner.Resolver)
	if !ok {
		return nil
	}
	before, open := f.snapshot(t), func() {}
	if f.Close != nil {
		open = f.Close(t)
	}
	found, err := step.Resolve(t.Context(), &runner.Disk{})
	open()
	if err != nil {
		return fmt.Errorf("in Resolve, while only sources answer: %w", err)
	}
	if found == nil { // there was nothing to look up
		found = &runner.Finding{}
	}
	if found.Change != nil {
		readAll(found.Change.Files)
	}
	if diff := cmp.Diff(before, f.snapshot(t)); diff != "" {
		return fmt.Errorf("the method Resolve changed the world (-before +after):\n%s", diff)
	}
	if f.Satisfy != nil {
		f.Satisfy(t)
	}
	_, outputs, err := apply(t.Context(), f.New())
	if err != nil {
		return err
	}
	for name, value := range found.Outputs {
		if _, later := value.Later(); !later && !sameValue(value, outputs[name]) {
			return fmt.Errorf("the method Resolve said that the output %q is %q; it is %q", name, value, outputs[name])
		}
	}
	return nil
}

func sameValue(a, b plan.Value) bool {
	return a.IsList() == b.IsList() && a.String() == b.String() && cmp.Equal(a.Items(), b.Items())
}
