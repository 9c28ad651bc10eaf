package runner

import (
	"maps"
	"slices"

	"github.com/bayplan/bayplan/plan"
)

// checkOutputs holds what a step gave against what its type declares: all of
// it, nothing else, texts and lists as declared, and no promises.
func (t Type) checkOutputs(outputs Outputs) error {
	for _, o := range t.Outputs {
		v, ok := outputs[o.Name]
		if !ok {
			return mistake("the output %q is missing", o.Name)
		}
		if when, later := v.Later(); later {
			return mistake("the output %q is only known %s, though the step is done", o.Name, when)
		}
	}
	return t.checkKinds(outputs)
}

func (t Type) checkKinds(outputs Outputs) error {
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		o, ok := t.output(name)
		if !ok {
			return mistake("the output %q is not one of the type's", name)
		}
		if _, later := outputs[name].Later(); !later && outputs[name].IsList() != o.List {
			return mistake("the output %q is %s, but its type declares %s", name, kind(!o.List), kind(o.List))
		}
	}
	return nil
}

func kind(list bool) string {
	if list {
		return "a list"
	}
	return "text"
}

// planOutputs checks outputs as they will be; those that are not there will be
// known after the step.
func (t Type) planOutputs(outputs Outputs, step string) (Outputs, error) {
	all := t.laterOutputs(step)
	maps.Copy(all, outputs)
	return all, t.checkKinds(outputs)
}

// laterOutputs promises all outputs.
func (t Type) laterOutputs(step string) Outputs {
	all := Outputs{}
	for _, o := range t.Outputs {
		all[o.Name] = plan.Later("after " + step)
	}
	return all
}

func sameOutputs(a, b Outputs) bool {
	return maps.EqualFunc(a, b, func(x, y plan.Value) bool {
		return x.IsList() == y.IsList() && x.String() == y.String() && slices.Equal(x.Items(), y.Items())
	})
}
