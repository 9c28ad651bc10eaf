package explain

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps"
	"github.com/bayplan/bayplan/steps/connections"
)

// Each type has an example, which is a plan without mistakes that has a step of the type.
func TestExamples(t *testing.T) {
	entries, err := examples.ReadDir("examples")
	if err != nil {
		t.Fatal(err)
	}
	names := Types()
	if len(entries) != len(names) {
		t.Errorf("there are %d examples of %d types", len(entries), len(names))
	}
	for _, name := range names {
		text := Example(name)
		p, errs := plan.Parse(filepath.Join(t.TempDir(), "bayplan.yaml"), []byte(text), plan.Options{})
		if len(errs) > 0 {
			t.Errorf("%s: %v", name, errs)
			continue
		}
		conns, errs := connections.Connect(p)
		graph, more := runner.Check(p, steps.Builtin(conns))
		if errs = append(errs, more...); len(errs) > 0 {
			t.Errorf("%s: %v", name, errs)
			continue
		}
		if !slices.ContainsFunc(graph.Nodes, func(n *runner.Node) bool { return n.Type.Name == name }) {
			t.Errorf("the example of %s has no step of it", name)
		}
		for line := range strings.Lines(text) {
			if n := human.Width(strings.TrimRight(line, "\n")); n > LineWidth-2 {
				t.Errorf("the example of %s has a line of %d columns: %s", name, n, line)
			}
		}
	}
}
