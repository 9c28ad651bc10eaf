// Package request has what a run of a plan over several sites is made of: the plan's files, its
// steps, where each runs and what travels between them. It knows neither Temporal nor any step
// type.
package request

import "time"

// A Run is what the workflow and those who watch it know of a run: the steps, and in which order
// they may begin. It holds no file and no value of the plan; those are in the Bundle.
type Run struct {
	Plan   string `json:"plan"`   // the plan's name
	Centre string `json:"centre"` // the site of steps that name none
	Steps  []Step `json:"steps"`  // in file order
	Waves  int    `json:"waves"`  // how many there are

	// MaxFailures is how many sites may have failed when another wave begins; -1: any number.
	MaxFailures int `json:"max_failures"`

	Silence  time.Duration `json:"silence"`  // a worker that says nothing for so long has lost its step
	Patience time.Duration `json:"patience"` // how long a step waits for a worker of its site
}

// A Step is a step of the plan as a run knows it.
type Step struct {
	ID    string   `json:"id"`
	Type  string   `json:"type"`
	Site  string   `json:"site"`
	Wave  int      `json:"wave,omitempty"` // from 1; 0: of no wave
	Needs []string `json:"needs,omitempty"`

	// Asks are the steps of other sites to whose outputs it refers, and Refers those of its own
	// site. Gives are its outputs to which steps of other sites refer.
	Asks   []string `json:"asks,omitempty"`
	Refers []string `json:"refers,omitempty"`
	Gives  []string `json:"gives,omitempty"`
}

// Step returns the step with an id, or nil.
func (r *Run) Step(id string) *Step {
	for i := range r.Steps {
		if r.Steps[i].ID == id {
			return &r.Steps[i]
		}
	}
	return nil
}
