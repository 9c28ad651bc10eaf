// Package request has what a run of a plan over several sites is made of: the plan's files, its
// steps, where each runs and what travels between them. It knows neither Temporal nor any step
// type.
package request

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
)

// Form is the version of a Run's form. A worker refuses one that it does not know.
const Form = 1

// MaxPayload is how many bytes one value may have that goes to or from the server. The default
// limit of Temporal is 2 MiB (limit.blobSize.error of its dynamic configuration), for the value
// with its frame.
const MaxPayload = 2<<20 - 16<<10

// maxUnpacked is how large a Run or a Result may become when it is unpacked.
const maxUnpacked = 64 << 20

// A Run is all that a run is made of. It holds no secrets.
type Run struct {
	Form    int    `json:"form"`
	Version string `json:"version"` // of the program that made it
	Plan    string `json:"plan"`    // the plan's name
	Digest  string `json:"digest"`  // of all but Version, sha256:HEX

	Bundle
	Centre string `json:"centre"`           // the site of steps that name none
	Locked bool   `json:"locked,omitempty"` // a tag that is not in the lock file is an error

	Steps []Step `json:"steps"` // in file order
	Waves int    `json:"waves"` // how many there are

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

	// Asks are the steps of other sites to whose outputs it refers. Gives are its outputs to
	// which steps of other sites refer.
	Asks  []string `json:"asks,omitempty"`
	Gives []string `json:"gives,omitempty"`
}

// Seal sets the digest of a Run.
func (r *Run) Seal() error {
	digest, err := r.sum()
	r.Digest = digest
	return err
}

// sum computes the digest: what two programs of different versions make of one plan is the same.
func (r *Run) sum() (string, error) {
	same := *r
	same.Version, same.Digest = "", ""
	b, err := json.Marshal(same)
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:]), err
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

// A FormError says that a Run has a form that this program does not know.
type FormError struct {
	Form    int
	Version string // of the program that made the Run
}

// Error names both forms.
func (e *FormError) Error() string {
	return fmt.Sprintf("the run was started by version %s in form %d, and this program knows form %d", e.Version, e.Form, Form)
}

// Unpack reads what Pack wrote of a Run. If the form is not known, the error is a *FormError.
func Unpack(packed []byte) (*Run, error) {
	var head struct {
		Form    int    `json:"form"`
		Version string `json:"version"`
	}
	b, err := unzip(packed)
	if err == nil {
		err = json.Unmarshal(b, &head)
	}
	if err != nil {
		return nil, fmt.Errorf("read the run: %w", err)
	}
	if head.Form != Form {
		return nil, &FormError{head.Form, head.Version}
	}
	r := &Run{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("read the run: %w", err)
	}
	if sum, err := r.sum(); err != nil || sum != r.Digest {
		return nil, errors.Join(fmt.Errorf("read the run: its digest is %s, not %s", sum, r.Digest), err)
	}
	return r, nil
}

// Pack returns the Run as one value. One that is too large for Temporal is an error.
func (r *Run) Pack() ([]byte, error) {
	packed, err := Pack(r)
	if err != nil || len(packed) <= MaxPayload {
		return packed, err
	}
	name, size := r.largest()
	return nil, fault.WithHint(
		fmt.Errorf("the plan with its files takes %s compressed, and Temporal takes at most %s in one value", human.Size(int64(len(packed))), human.Size(MaxPayload)),
		fmt.Sprintf("split the plan, or put a large list where each site has it, outside of the plan's folder; the largest file is %s with %s", name, human.Size(int64(size))))
}

// Pack returns a value as compressed JSON. The same value gives the same bytes.
func Pack(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err = z.Write(b)
	if err := errors.Join(err, z.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Open reads what Pack wrote.
func Open(packed []byte, v any) error {
	b, err := unzip(packed)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

func unzip(packed []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(z, maxUnpacked+1))
	if len(b) > maxUnpacked {
		return nil, fmt.Errorf("it takes more than %s unpacked", human.Size(maxUnpacked))
	}
	return b, err
}
