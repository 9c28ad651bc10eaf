package runner

import (
	"context"
	"fmt"

	"github.com/bayplan/bayplan/internal/fault"
)

// Why says why a step is, or is not, up to date.
type Why struct {
	Step     *StepReport   // as a diff finds it, with the items of its change
	First    bool          // it has no record
	Last     *Last         // its last entry in the state, if it has no record
	Inputs   []InputChange // those that are not as recorded; without a record: all
	Upstream []string      // steps before it that would change something, in order
}

// An InputChange is an input that is not as recorded.
type InputChange struct {
	Name string `json:"name"`          // of the input
	Old  string `json:"old,omitempty"` // "" if there was none
	New  string `json:"new,omitempty"` // "" if there is none any more
}

// Why diffs a step and all steps before it, and compares the result with the record. The
// error for an unknown id is a *SelectionError.
func (r *Runner) Why(ctx context.Context, id string) (*Why, error) {
	found, err := r.Graph.Find(id)
	if err != nil {
		return nil, err
	}
	n := found[0]
	if id = n.ID(); len(found) > 1 {
		err := fault.WithHint(fmt.Errorf("step %q is repeated", n.Step.Base), "name one of its instances, as "+id)
		return nil, &SelectionError{Step: n.Step.Base, Err: err}
	}
	part := *r
	part.Only, part.Skip = []string{id}, nil
	for _, m := range r.Graph.Ancestors(n) {
		part.Only = append(part.Only, m.ID())
	}
	report, err := part.Diff(ctx)
	if err != nil {
		return nil, err
	}
	w := &Why{Step: report.Step(id), Inputs: []InputChange{}, Upstream: []string{}}
	if w.First = w.Step.Prior == nil; w.First && r.Store != nil {
		if last, ok := r.Store.Last(id); ok {
			w.Last = &last
		}
	}
	for _, m := range r.Graph.Ancestors(n) {
		switch report.Step(m.ID()).Status {
		case ToCreate, ToChange, Waiting:
			w.Upstream = append(w.Upstream, m.ID())
		}
	}
	if w.Step.Inputs != nil {
		w.Inputs = ChangedInputs(redactPrior(r.redactor(), r.Graph.Plan.Name, w.Step.Prior), w.Step.Inputs)
	}
	return w, nil
}

// ChangedInputs returns the inputs of a step that are not as its record has them. Without a
// record it returns all.
func ChangedInputs(prior *Record, now []Input) []InputChange {
	changed := []InputChange{}
	there := map[string]bool{}
	for _, in := range now {
		there[in.Name] = true
		if old := prior.Input(in.Name); old != in.Digest {
			changed = append(changed, InputChange{Name: in.Name, Old: old, New: in.Digest})
		}
	}
	if prior == nil {
		return changed
	}
	for _, in := range prior.Inputs {
		if !there[in.Name] {
			changed = append(changed, InputChange{Name: in.Name, Old: in.Digest})
		}
	}
	return changed
}
