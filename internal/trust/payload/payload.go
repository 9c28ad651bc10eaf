// Package payload reads the document of simple signing, which says what an image's
// signature is for: a digest and a name. OpenPGP signatures of images and those of cosign
// hold it. It does not know who has signed it.
package payload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/trust"
)

// The types of documents.
const (
	Atomic = "atomic container signature"       // signed by OpenPGP
	Cosign = "cosign container image signature" // signed by cosign
)

// A Payload is what a signature is for.
type Payload struct {
	Type      string
	Digest    string // of a manifest
	Reference string // HOST/PATH[:TAG]; "" in some signatures of cosign
}

// Parse reads a document. It must not be possible to read it in two ways: a key that is
// there twice, or one that is not known, is an error.
func Parse(b []byte) (Payload, error) {
	top, err := object(b, "critical", "optional")
	if err != nil {
		return Payload{}, err
	}
	critical, err := object(top["critical"], "type", "image", "identity")
	if err != nil {
		return Payload{}, err
	}
	image, err := object(critical["image"], "docker-manifest-digest")
	if err != nil {
		return Payload{}, err
	}
	identity, err := object(critical["identity"], "docker-reference")
	if err != nil {
		return Payload{}, err
	}
	var p Payload
	err = errors.Join(
		text(critical["type"], &p.Type),
		text(image["docker-manifest-digest"], &p.Digest),
		text(identity["docker-reference"], &p.Reference),
	)
	return p, err
}

var errUnreadable = errors.New("it holds no document of simple signing")

// object reads a JSON object that may have these keys and no others.
func object(b []byte, keys ...string) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errUnreadable
	}
	found := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		key, isText := t.(string)
		var value json.RawMessage
		if err == nil {
			err = d.Decode(&value)
		}
		switch {
		case err != nil || !isText:
			return nil, errUnreadable
		case found[key] != nil:
			return nil, fmt.Errorf("%w: it has the key %q twice", errUnreadable, key)
		case !slices.Contains(keys, key):
			return nil, fmt.Errorf("%w: it has the key %q, which is not known", errUnreadable, key)
		}
		found[key] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, errUnreadable
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errUnreadable
	}
	return found, nil
}

func text(b json.RawMessage, into *string) error {
	if len(b) == 0 || b[0] != '"' || json.Unmarshal(b, into) != nil {
		return errUnreadable
	}
	return nil
}

// CheckDigest gives an error unless the document is of this type and for the image's
// digest.
func (p Payload) CheckDigest(typ string, im trust.Image) error {
	switch {
	case p.Type != typ:
		return fmt.Errorf("it is of the type %q, not %q", p.Type, typ)
	case p.Digest != im.Digest:
		return fmt.Errorf("it is for another image, %s", p.Digest)
	}
	return nil
}

// CheckRepository gives an error unless the document names the repository that the image's
// signatures must name. The function canonical gives the one spelling of a name.
func (p Payload) CheckRepository(im trust.Image, canonical func(string) string) error {
	if named := p.named(canonical); named.Repository != canonical(im.Signed()) {
		return fmt.Errorf("it is for another repository, %s", named.Repository)
	}
	return nil
}

// CheckName gives an error unless the document names the image. A name with a tag must be
// the same. If the list names a digest, any tag of the repository will do.
func (p Payload) CheckName(im trust.Image, canonical func(string) string) error {
	if err := p.CheckRepository(im, canonical); err != nil {
		return err
	}
	if tag := p.named(canonical).Tag; im.Tag != "" && tag != im.Tag {
		return fmt.Errorf("it is for another tag, %q", tag)
	}
	return nil
}

// named gives the image that the document names. A name without a host is one of Docker
// Hub, as for docker.
func (p Payload) named(canonical func(string) string) trust.Image {
	name := p.Reference
	if host, _, ok := strings.Cut(name, "/"); !ok || !strings.ContainsAny(host, ".:") && host != "localhost" {
		name = "docker.io/" + name
	}
	return trust.NewImage(canonical(name), "")
}
