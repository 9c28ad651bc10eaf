package flow

import (
	"encoding/json"

	"github.com/bayplan/bayplan/runner"
)

// task makes what the worker gets of a step.
func (r *run) task(s *step) *Task {
	t := &Task{
		Form: r.head.Form, Version: r.head.Version, Bundle: r.head.Bundle, Step: s.ID, Gives: s.Gives,
		Given: map[string]runner.Outputs{}, Ask: map[string]string{}, Records: map[string]string{},
	}
	size := 0
	for _, id := range s.Asks {
		from := r.steps[id]
		more := from.size()
		if size+more > maxInline || r.hold.given+more > maxGiven {
			t.Ask[id] = from.digest
			continue
		}
		size, r.hold.given = size+more, r.hold.given+more
		t.Given[id] = from.result.Outputs
	}
	for _, id := range s.Refers {
		t.Records[id] = r.steps[id].result.Record
	}
	return t
}

// size returns how many bytes the outputs take that other sites get.
func (s *step) size() int {
	if s.bytes == 0 {
		b, err := json.Marshal(s.result.Outputs)
		if err != nil {
			panic(err) // outputs were JSON
		}
		s.bytes = len(b)
	}
	return s.bytes
}
