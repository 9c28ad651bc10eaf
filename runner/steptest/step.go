package steptest

import (
	"strings"
	"testing"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// Step makes a step of a type with the configuration that stands under "with" in
// a plan, as YAML in flow style without its braces. Paths must be absolute.
func Step(t *testing.T, typ runner.Type, with string) runner.Step {
	t.Helper()
	src := "apiVersion: bayplan/v1\nname: p\nsteps: { it: { type: " + typ.Name + ", with: { " + with + " } } }\n"
	p, errs := plan.Parse("/p.yaml", []byte(src), plan.Options{})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	step := typ.New()
	if errs := p.Step("it").With.Decode(step, nil); len(errs) > 0 {
		t.Fatal(errs)
	}
	return step
}

// Diff gives the change that a step would make, or nil.
func Diff(t *testing.T, s runner.Step, w runner.World) *runner.Change {
	t.Helper()
	f, err := s.Diff(t.Context(), w, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f.Change
}

// Apply diffs a step, applies the change, and ends the test when Verify fails or
// a second Diff still finds something to do.
func Apply(t *testing.T, s runner.Step) *Progress {
	t.Helper()
	p, w := &Progress{}, &runner.Disk{}
	c := Diff(t, s, w)
	if c == nil {
		t.Fatal("nothing to do")
	}
	if _, err := c.Apply(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(t.Context(), w.Hard()); err != nil {
		t.Fatal(err)
	}
	if c := Diff(t, s, w); c != nil {
		t.Errorf("after Apply there is still to do: %v", c.Items)
	}
	return p
}

// ItemLines gives a change's items in short: operation, kind of thing, name
// below base and note.
func ItemLines(base string, c *runner.Change) []string {
	var lines []string
	if c == nil {
		return nil
	}
	for _, it := range c.Items {
		lines = append(lines, strings.TrimSpace(string(it.Op)+" "+it.What+" "+strings.TrimPrefix(it.Name, base+"/")+" "+it.Note))
	}
	return lines
}

// FileLines gives the files that a change would leave behind with their modes,
// with paths below base.
func FileLines(base string, c *runner.Change) []string {
	var lines []string
	for _, f := range c.Files {
		lines = append(lines, strings.TrimPrefix(f.Path, base+"/")+" "+f.Mode.String())
	}
	return lines
}

// Must ends the test when there is an error.
func Must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Record gives the record of a step that was applied.
func Record(t *testing.T, s runner.Step) *runner.Record {
	t.Helper()
	w := &runner.Disk{}
	inputs, err := s.Inputs(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := s.Verify(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	return &runner.Record{Inputs: inputs, Outputs: outputs}
}
