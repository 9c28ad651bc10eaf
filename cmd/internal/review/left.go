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

// made returns the names in outputs of a step, with their places.
func (r Run) made(s *runner.StepReport, types runner.Types, outputs runner.Outputs) []string {
	typ, _ := types.Find(s.Type)
	names := typ.Made(outputs)
	for i, name := range names {
		names[i] = r.Place(s.ID, name)
	}
	return names
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
		for _, name := range append(now.made(s, types, s.Outputs), now.made(s, types, s.Finding.Outputs)...) {
			wanted[name] = true
		}
	}
	left := map[string]string{}
	for _, before := range was.Steps {
		s := now.Step(before.ID)
		if s != nil && !isDiffed(s) {
			continue
		}
		names := slices.DeleteFunc(was.made(before, types, before.Outputs), func(name string) bool { return wanted[name] || s != nil && now.removes(s, name) })
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
