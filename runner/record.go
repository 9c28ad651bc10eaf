package runner

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/checksum"
	"github.com/bayplan/bayplan/internal/hostdisk"
	"github.com/bayplan/bayplan/internal/redact"
)

// A Record is what the state keeps of a step's last success.
type Record struct {
	Step    string    `json:"step"`    // its id
	Type    string    `json:"type"`    // of the step
	Key     string    `json:"key"`     // digest of type, configuration and inputs
	Inputs  []Input   `json:"inputs"`  // the configuration's fields as "with.NAME" first, then where links lead, then the step's own
	Outputs Outputs   `json:"outputs"` // as they were found
	Changed bool      `json:"changed"` // false: found as wanted, adopted
	At      time.Time `json:"at"`      // for people; it decides nothing

	Given bool `json:"given,omitempty"` // another site did the step and gave the outputs; nothing else is known of it

	Notes string `json:"notes,omitempty"` // digest of the notes that the last apply told; "": none

	// Partial is what a failed run since then has done, for Diff only.
	Partial Outputs `json:"-"`
}

// Input returns the recorded digest of the input with a name, or "" if there is none. It
// may be called on a nil Record.
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

// notesDigest gives the digest of notes, in which secrets are masked, "" for none.
func notesDigest(r *redact.Redactor, notes []string) string {
	if len(notes) == 0 {
		return ""
	}
	sum := sha256.Sum256([]byte(r.Text(strings.Join(notes, "\n"))))
	return hex.EncodeToString(sum[:])
}

// longestDigest is the largest length of a field's JSON that serves as its own digest,
// so that `bayplan why` can show the value itself.
const longestDigest = 80

// configInputs returns one input for each field of a step's configuration, in the order
// of the struct, with its JSON.
func configInputs(step Step) ([]Input, error) {
	b, err := json.Marshal(step)
	if err != nil {
		return nil, fmt.Errorf("write the configuration as JSON: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, fmt.Errorf("the configuration's JSON is not an object: %.40q", b)
	}
	var inputs []Input
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		inputs = append(inputs, Input{Name: fmt.Sprintf("with.%s", name), Digest: string(value)})
	}
	return inputs, nil
}

// linkInputs returns one input for each path that a step touches of which links lead elsewhere: where
// it leads.
func linkInputs(step Step) []Input {
	p, ok := step.(Pather)
	if !ok {
		return nil
	}
	paths := p.Paths()
	all := cleaned(slices.Concat(paths.Reads, paths.Writes, paths.Into, paths.Makes, paths.Scans))
	slices.Sort(all)
	var inputs []Input
	for _, path := range slices.Compact(all) {
		if real := hostdisk.Resolve(path); real != path {
			inputs = append(inputs, Input{Name: "link " + path, Digest: real})
		}
	}
	return inputs
}

// shortened gives a digest in place of each long text that is not sealed.
func shortened(inputs []Input) []Input {
	for i, in := range inputs {
		if len(in.Digest) > longestDigest && !strings.HasPrefix(in.Digest, redact.Mark) {
			inputs[i].Digest = checksum.SHA256([]byte(in.Digest))
		}
	}
	return inputs
}

// keyOf returns the digest of everything that decides a step's result.
func keyOf(typeName string, inputs []Input) string {
	h := sha256.New()
	write := func(s string) { fmt.Fprintf(h, "%d:%s", len(s), s) }
	write(typeName)
	for _, in := range inputs {
		write(in.Name)
		write(in.Digest)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
