// Package steptest has the laws that every type of step must keep, and tries a
// type against them. It knows no type: a Case brings one, with worlds for it. It
// also has small helpers for the tests of types.
//
//	func TestMkdir(t *testing.T) {
//		steptest.Laws(t, steptest.Case{Type: mkdirType(), Fresh: func(t *testing.T) *steptest.Fixture {
//			dir := t.TempDir()
//			return &steptest.Fixture{
//				New:  func() runner.Step { return &mkdir{Dirs: []plan.Path{plan.Path(dir + "/a")}} },
//				Dirs: []string{dir},
//				Break: []steptest.Break{
//					{Name: "it is removed", Do: func(t *testing.T) { os.Remove(dir + "/a") }},
//				},
//			}
//		}})
//	}
package steptest

import (
	"testing"

	"github.com/bayplan/bayplan/runner"
)

// A Case is a type of step and a way to make worlds for it.
type Case struct {
	Type runner.Type

	// Fresh makes a world in which none of the step's work is done. Every law gets
	// worlds of its own. They differ only in their place.
	Fresh func(t *testing.T) *Fixture

	// OnlyLooks says that the type is not a check but never changes anything, so that
	// a fresh world is as the step wants it.
	OnlyLooks bool
}

// A Fixture is a fresh world and a step that is configured for it.
type Fixture struct {
	// New makes a new step with its configuration complete, as the runner does.
	New func() runner.Step

	// Satisfy changes a fresh world so that a check accepts it. Only checks need it.
	Satisfy func(t *testing.T)

	// Close makes all that the step changes or checks refuse every request, until open is
	// called. A step that is a Resolver needs it unless that is in Dirs.
	Close func(t *testing.T) (open func())

	Dirs     []string      // all directories that the step works in
	Snapshot func() string // describes what else it works on; nil for nothing
	Break    []Break       // what others may do to the world
	Secrets  []string      // texts that must not appear anywhere
}

// A Break is something that happens to a world in which the step is done.
type Break struct {
	Name string
	Do   func(t *testing.T)
}

// A law returns an error that says how it is broken.
type law struct {
	name string
	hold func(t *testing.T, c Case) error
}

// laws are all laws, in the order in which a new type usually meets them.
var laws = []law{
	{"what is not known yet is not a mistake", acceptsUnknown},
	{"a fresh world is not as wanted", freshWorld},
	{"looking writes nothing", looksOnly},
	{"inputs are stable and hold no secret", stableInputs},
	{"what was planned comes true", matchesPlan},
	{"what Apply confirms is there", confirmsWhatIsThere},
	{"after BeforeApply and Apply the inputs are those of any other step", completesInputs},
	{"once applied there is nothing to do", convergesAtOnce},
	{"cancelled anywhere and applied again, it converges", convergesAfterCancel},
	{"a run with a state remembers", recordsRuns},
	{"looking up for the lock file asks sources only", asksSourcesOnly},
}

// Laws tries the case against every law. Then it breaks the world in every way that
// the fixture knows.
func Laws(t *testing.T, c Case) {
	t.Helper()
	for _, l := range laws {
		t.Run(l.name, func(t *testing.T) {
			if err := l.hold(t, c); err != nil {
				t.Error(err)
			}
		})
	}
	for i, b := range c.Fresh(t).Break {
		t.Run("it is noticed when "+b.Name, func(t *testing.T) {
			if err := noticesBreak(t, c, i); err != nil {
				t.Error(err)
			}
		})
	}
}

// applies reports whether steps of the type change anything.
func (c Case) applies() bool { return !c.Type.Check && !c.OnlyLooks }
