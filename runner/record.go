package runner

import "time"

// A Record is the memory of a step's last success.
type Record struct {
	Step    string    `json:"step"`
	Type    string    `json:"type"`
	Key     string    `json:"key"`    // digest over type, configuration and inputs
	Inputs  []Input   `json:"inputs"` // the configuration's fields as "with.NAME" first, then the step's own
	Outputs Outputs   `json:"outputs"`
	Changed bool      `json:"changed"` // false: found as wanted, adopted
	At      time.Time `json:"at"`      // for people; nothing is decided by it
}

// Input gives the digest of the input of that name as recorded, "" where there
// is none. It may be asked of a nil Record.
func (r *Record) Input(name string) string {
	if r == nil {
		return ""
	}
	for _, in := range r.Inputs {
		if in.Name == name {
			return in.Digest
		}
	}
	return ""
}
