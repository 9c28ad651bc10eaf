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

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
)

// Form is the version of the form of what travels. A program refuses one that it does not know. New
// fields, which older programs do not read, keep the form.
const Form = 1

// MaxPayload is how many bytes the values of one event may have together. The default limit of
// Temporal is 2 MiB (limit.blobSize.error of its dynamic configuration), for the values with
// their frames and with what encryption adds.
const MaxPayload = 2<<20 - 16<<10

// How large values may become when they are unpacked. The workflow opens a Run and many Results in
// its turns, and the library gives up a turn that computes for a second.
const (
	maxRun    = 16 << 20
	maxBundle = 64 << 20

	// MaxResult is the bound of a Result, and of each other value that steps give.
	MaxResult = 8 << 20
)

// A Head says what a run is made of, before anything of it is opened.
type Head struct {
	Form    int    `json:"form"`
	Version string `json:"version"` // of the program that started the run
	Run     string `json:"run"`     // the digest of the packed Run
	Bundle  string `json:"bundle"`  // the digest of the packed Bundle
}

// Digest returns the digest of all but the version: two runs with the same one do the same.
func (h Head) Digest() string {
	return Digest([]byte(fmt.Sprintf("%d %s %s", h.Form, h.Run, h.Bundle)))
}

// Check returns a *FormError if this program does not know the form.
func (h Head) Check() error { return CheckForm(h.Form, h.Version) }

// CheckForm returns a *FormError if this program does not know a form, which a program of a version
// has written.
func CheckForm(form int, version string) error {
	if form != Form {
		return &FormError{form, version}
	}
	return nil
}

// A FormError says that a value has a form that this program does not know.
type FormError struct {
	Form    int
	Version string // of the program that wrote it
}

// Error names both forms.
func (e *FormError) Error() string {
	return fmt.Sprintf("the run was started by version %s in form %d, and this program knows form %d", e.Version, e.Form, Form)
}

// A Packed is a run as it travels: the three values with which its workflow begins.
type Packed struct {
	Head   Head
	Run    []byte
	Bundle []byte
}

// NewPacked packs a run. One that is too large for Temporal is an error.
func NewPacked(version string, r *Run, b *Bundle) (*Packed, error) {
	p := &Packed{Head: Head{Form: Form, Version: version}}
	var errs [2]error
	p.Run, errs[0] = Pack(r)
	p.Bundle, errs[1] = Pack(b)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	p.Head.Run, p.Head.Bundle = Digest(p.Run), Digest(p.Bundle)
	b.Digest = p.Head.Bundle
	size := len(p.Run) + len(p.Bundle)
	if size <= MaxPayload {
		return p, nil
	}
	name, largest := b.largest()
	return nil, fault.WithHint(
		fmt.Errorf("the plan with its files takes %s compressed, and Temporal takes at most %s", human.Size(int64(size)), human.Size(MaxPayload)),
		fmt.Sprintf("split the plan, or put a large list where each site has it, outside of the plan's folder; the largest file is %s with %s", name, human.Size(int64(largest))))
}

// OpenRun opens the Run of a workflow. If the form is not known, the error is a *FormError.
func (h Head) OpenRun(packed []byte) (*Run, error) {
	r := &Run{}
	if err := h.open(packed, h.Run, maxRun, r); err != nil {
		return nil, err
	}
	return r, nil
}

// OpenBundle opens the Bundle of a workflow. If the form is not known, the error is a *FormError.
func (h Head) OpenBundle(packed []byte) (*Bundle, error) {
	b := &Bundle{}
	if err := h.open(packed, h.Bundle, maxBundle, b); err != nil {
		return nil, err
	}
	b.Digest = h.Bundle
	return b, b.Check()
}

func (h Head) open(packed []byte, digest string, most int64, v any) error {
	if err := h.Check(); err != nil {
		return err
	}
	if sum := Digest(packed); sum != digest {
		return fmt.Errorf("read the run: the digest of its bytes is %s, not %s", sum, digest)
	}
	if err := Open(packed, most, v); err != nil {
		return fmt.Errorf("read the run: %w", err)
	}
	return nil
}

// Digest returns the digest of bytes, sha256:HEX.
func Digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Pack returns a value as compressed JSON. In programs made by one Go release the same value gives
// the same bytes.
func Pack(v any) ([]byte, error) { return (&Packer{}).Pack(v) }

// A Packer packs many values. A compressor of its own for each would take a millisecond a value.
type Packer struct{ z *gzip.Writer }

// Pack does what the function Pack does.
func (p *Packer) Pack(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if p.z == nil {
		p.z = gzip.NewWriter(&out)
	} else {
		p.z.Reset(&out)
	}
	_, err = p.z.Write(b)
	if err := errors.Join(err, p.z.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Open reads what Pack wrote, if it takes at most so many bytes when it is unpacked.
func Open(packed []byte, most int64, v any) error {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(z, most+1))
	if int64(len(b)) > most {
		return fmt.Errorf("it takes more than %s unpacked", human.Size(most))
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}
