package review

import (
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// LeftBehind returns what the steps of a run have made that no step of a later diff wants and
// that the same step does not remove: in a few words, by the step's id. A step of which the diff
// does not know what it wants leaves nothing behind.
func LeftBehind(was, now *runner.Report, types runner.Types) map[string]string {
	made := func(s *runner.StepReport, outputs runner.Outputs) []string {
		typ, _ := types.Find(s.Type)
		return typ.Made(outputs)
	}
	wanted := map[string]bool{}
	for _, s := range now.Steps {
		for _, name := range append(made(s, s.Outputs), made(s, s.Finding.Outputs)...) {
			wanted[name] = true
		}
	}
	left := map[string]string{}
	for _, before := range was.Steps {
		s := now.Step(before.ID)
		if s != nil && !isDiffed(s) {
			continue
		}
		names := slices.DeleteFunc(made(before, before.Outputs), func(name string) bool { return wanted[name] || s != nil && removesName(s, name) })
		if len(names) > 0 {
			left[before.ID] = someOf(names)
		}
	}
	return left
}

// isDiffed reports whether a diff knows what a step wants.
func isDiffed(s *runner.StepReport) bool {
	return s.Status == runner.ToCreate || s.Status == runner.ToChange || s.Status == runner.Unchanged
}

// removesName reports whether a step would remove a thing.
func removesName(s *runner.StepReport, name string) bool {
	c := s.Finding.Change
	return c != nil && slices.ContainsFunc(c.Items, func(it runner.Item) bool { return it.Op == runner.Remove && it.Name == name })
}

// mostLeft is how many names are shown.
const mostLeft = 3

func someOf(names []string) string {
	text := strings.Join(names[:min(len(names), mostLeft)], ", ")
	if n := len(names) - mostLeft; n > 0 {
		text += " and " + human.Count(n, "other", "others")
	}
	return text
}
