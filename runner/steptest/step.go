package steptest

import (
	"strings"
	"testing"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// Step makes a step of a type with a configuration: the YAML that stands under "with" in
// a plan, in flow style without its braces. Paths must be absolute.
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

// Diff returns the change that a step would make, or nil.
func Diff(t *testing.T, s runner.Step, w runner.World) *runner.Change {
	t.Helper()
	f, err := s.Diff(t.Context(), w, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f.Change
}

// Apply diffs a step and applies the change. It ends the test if Verify fails, and fails
// it if a second Diff still finds a change.
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

// ItemLines returns one line for each item of a change: operation, kind of thing, name
// relative to base, and note.
func ItemLines(base string, c *runner.Change) []string {
	var lines []string
	if c == nil {
		return nil
	}
	for _, it := range c.Items {
		lines = append(lines, strings.TrimSpace(string(it.Op)+" "+string(it.What)+" "+strings.TrimPrefix(it.Name, base+"/")+" "+it.Note))
	}
	return lines
}

// FileLines returns one line for each file that a change would leave behind: the path
// relative to base, and the mode.
func FileLines(base string, c *runner.Change) []string {
	var lines []string
	for _, f := range c.Files {
		lines = append(lines, strings.TrimPrefix(f.Path, base+"/")+" "+f.Mode.String())
	}
	return lines
}

// Must ends the test if there is an error.
func Must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Record returns the record of a step that was applied.
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

// Failure gives what makes a step fail after a Diff: its error, or that of its finding.
func Failure(f *runner.Finding, err error) error {
	if err == nil && f != nil {
		return f.Err
	}
	return err
}
