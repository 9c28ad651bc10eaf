package runner

import (
	"maps"
	"slices"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/redact"
)

// redactor gives what masks the secrets of the plan, nil for none.
func (r *Runner) redactor() *redact.Redactor {
	if r.Graph == nil || r.Graph.Plan == nil {
		return nil
	}
	return r.Graph.Plan.Redactor
}

// RedactEvent masks the secrets in the texts of an event. What steps and servers give
// is copied, not changed.
func RedactEvent(r *redact.Redactor, e Event) Event {
	e.Message, e.Error, e.Hint = r.Text(e.Message), r.Text(e.Error), r.Text(e.Hint)
	e.Notes = slices.Clone(e.Notes)
	for i, note := range e.Notes {
		e.Notes[i] = r.Text(note)
	}
	e.Problems = slices.Clone(e.Problems)
	for i := range e.Problems {
		e.Problems[i] = redactProblem(r, e.Problems[i])
	}
	if e.Item != nil {
		it := redactItem(r, *e.Item)
		e.Item = &it
	}
	e.Change = redactItems(r, e.Change)
	e.Outputs = redactOutputs(r, e.Outputs)
	return e
}

func redactItem(r *redact.Redactor, it Item) Item {
	it.Name, it.Source, it.Note = r.Text(it.Name), r.Text(it.Source), r.Text(it.Note)
	it.Old, it.New = r.Text(it.Old), r.Text(it.New)
	return it
}

func redactItems(r *redact.Redactor, items []Item) []Item {
	items = slices.Clone(items)
	for i, it := range items {
		items[i] = redactItem(r, it)
	}
	return items
}

// redactOutputs leaves out the outputs that hold a secret.
func redactOutputs(r *redact.Redactor, outputs Outputs) Outputs {
	outputs = maps.Clone(outputs)
	for name, v := range outputs {
		if text := v.String(); r.Text(text) != text {
			delete(outputs, name)
		}
	}
	return outputs
}

func redactProblem(r *redact.Redactor, p fault.Problem) fault.Problem {
	for _, text := range []*string{&p.Name, &p.Source, &p.Want, &p.Have, &p.Lacks} {
		*text = r.Text(*text)
	}
	return p
}

// redactRecord gives a record as it is written. An input with a secret in it is
// recorded by its digest, with a salt. An output with one is left out: a mark in its place would be
// a wrong value for the steps that use it.
func redactRecord(r *redact.Redactor, plan string, rec Record) Record {
	rec.Inputs = redactInputs(r, plan, rec.Step, rec.Inputs)
	rec.Outputs = redactOutputs(r, rec.Outputs)
	return rec
}

// redactPrior gives a record so that its inputs can be compared with those that
// redactInputs gives. Records of earlier versions hold them as they are. nil stays nil.
func redactPrior(r *redact.Redactor, plan string, rec *Record) *Record {
	if rec == nil {
		return nil
	}
	as := *rec
	as.Inputs = redactInputs(r, plan, rec.Step, rec.Inputs)
	return &as
}

// redactInputs masks names, and seals what has a secret in it. The salt is the same in each run and on
// each host, so that a saved diff can be compared, and another one for each plan.
func redactInputs(r *redact.Redactor, plan, step string, inputs []Input) []Input {
	inputs = slices.Clone(inputs)
	for i, in := range inputs {
		inputs[i].Name = r.Text(in.Name)
		inputs[i].Digest = r.Sealed("bayplan inputs\n"+plan, step+"\n"+inputs[i].Name, in.Digest)
	}
	return inputs
}
