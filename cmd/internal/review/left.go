package review

import (
	"slices"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// A Run is a report of a run with where its steps have made things.
type Run struct {
	*runner.Report
	// Place returns the name of what a step has made, with its place: a name that an image has in
	// one cloud may be that of another image in another one.
	Place func(step, name string) string
}

// made returns the names in the outputs of a step, with their places.
func (r Run) made(s *runner.StepReport, typ runner.Type) []string {
	names := append(typ.Made(s.Outputs), typ.Made(s.Finding.Outputs)...)
	for i, name := range names {
		names[i] = r.Place(s.ID, name)
	}
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

// removes reports whether a step would remove a thing.
func (r Run) removes(s *runner.StepReport, name string) bool {
	c := s.Finding.Change
	return c != nil && slices.ContainsFunc(c.Items, func(it runner.Item) bool { return it.Op == runner.Remove && r.Place(s.ID, it.Name) == name })
}

// mostLeft is how many names are shown.
const mostLeft = 3

// LeftBehind returns what the steps of a run have made that no step of a later diff wants and
// that the same step does not remove: in a few words, by the step's id. A step of which the diff
// does not know what it wants leaves nothing behind.
func LeftBehind(was, now Run, types runner.Types) map[string]string {
	wanted := map[string]bool{}
	for _, s := range now.Steps {
		typ, _ := types.Find(s.Type)
		for _, name := range now.made(s, typ) {
			wanted[name] = true
		}
	}
	left := map[string]string{}
	for _, before := range was.Steps {
		s := now.Step(before.ID)
		if s != nil && !isDiffed(s) {
			continue
		}
		typ, _ := types.Find(before.Type)
		names := slices.DeleteFunc(was.made(before, typ), func(name string) bool { return wanted[name] || s != nil && now.removes(s, name) })
		if len(names) > 0 {
			left[before.ID] = human.Some(names, mostLeft)
		}
	}
	return left
}

// isDiffed reports whether a diff knows what a step wants.
func isDiffed(s *runner.StepReport) bool {
	return s.Status == runner.ToCreate || s.Status == runner.ToChange || s.Status == runner.Unchanged
}
