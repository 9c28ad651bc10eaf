// Package cosign proves images by signatures in the formats of cosign, which lie in the
// image's own repository: documents of simple signing in a manifest with a tag of its
// own or in a referrer, and Sigstore bundles in referrers. It does not know whom to trust:
// a Verifier does.
package cosign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/trust"
	"github.com/bayplan/bayplan/internal/trust/payload"
)

// Media types of layers that hold a signature.
const (
	typeDocument = "application/vnd.dev.cosign.simplesigning.v1+json"
	typeBundle   = "application/vnd.dev.sigstore.bundle" // and a version
)

const (
	// maxSignatures is the largest number of signatures of one image that are read.
	maxSignatures = 32
	// maxSignature is the largest size of one of them. The registry client reads no more.
	maxSignature = 4 << 20
)

// A Verifier knows whom to trust. Many goroutines use it at once.
type Verifier interface {
	// Check gives an error that says why a signature does not count, unless somebody who is
	// trusted has made it. What is signed it leaves to others.
	Check(s *Signature) error
}

// A Proof is trust in what a Verifier takes.
type Proof struct {
	Verifier  Verifier
	Registry  *registry.Client
	Canonical func(string) string // gives the one spelling of an image's name
}

// Check implements trust.Proof. One signature that is right is enough.
func (p *Proof) Check(ctx context.Context, im trust.Image) error {
	var found trust.Findings
	looked := 0
	for m, err := range p.Registry.SignatureManifests(ctx, nameOf(im), im.Digest) {
		if err != nil {
			return fmt.Errorf("looking for its signatures: %w", err)
		}
		layers, err := layersOf([]byte(m.Body))
		if err != nil {
			found.Add(m.Name, err)
		}
		for i, l := range layers {
			if looked++; looked > maxSignatures {
				found.Add("the registry", fmt.Errorf("it has more than %d signatures of the image, and the others are not read", maxSignatures))
				return found.Err("")
			}
			err := p.checkLayer(ctx, im, l)
			if err == nil || fault.IsCancelled(err) || fault.IsConnection(err) {
				return err
			}
			where := m.Name
			if len(layers) > 1 {
				where += fmt.Sprintf(", signature %d", i+1)
			}
			found.Add(where, err)
		}
	}
	return found.Err("in its repository")
}

func nameOf(im trust.Image) string { return im.Repository + "@" + im.Digest }

// A layer is a blob that a manifest names.
type layer struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations"`
}

func layersOf(manifest []byte) ([]layer, error) {
	var m struct {
		Layers []layer `json:"layers"`
	}
	if err := json.Unmarshal(manifest, &m); err != nil {
		return nil, errors.New("its manifest cannot be read")
	}
	if len(m.Layers) == 0 {
		return nil, errors.New("its manifest holds no signature")
	}
	return m.Layers, nil
}

// checkLayer checks one signature, of either format.
func (p *Proof) checkLayer(ctx context.Context, im trust.Image, l layer) error {
	isBundle := strings.HasPrefix(l.MediaType, typeBundle)
	switch {
	case !isBundle && l.MediaType != typeDocument:
		return fmt.Errorf("it is of the type %q, which is not judged", l.MediaType)
	case l.Size > maxSignature:
		return fmt.Errorf("it is said to be %d bytes long, and at most %d are read", l.Size, maxSignature)
	}
	b, err := p.Registry.SmallBlob(ctx, nameOf(im), l.Digest, l.Size)
	if err != nil {
		return err
	}
	var s *Signature
	if isBundle {
		s, err = ReadBundle(b)
	} else {
		s, err = ReadDocument(b, l.Annotations)
	}
	if err != nil {
		return err
	}
	if s.Text == nil {
		if s.Sum, err = sumOf(im.Digest); err != nil {
			return err
		}
	}
	if err := p.Verifier.Check(s); err != nil {
		return err
	}
	return p.checkText(im, s)
}

// checkText checks what is signed. Where only a digest is known, it is the image's.
func (p *Proof) checkText(im trust.Image, s *Signature) error {
	switch {
	case s.Text == nil:
		return nil
	case s.Envelope != nil:
		return checkStatement(s.Envelope, im.Digest)
	}
	return p.checkDocument(im, s.Text)
}

// checkDocument checks what a document says. An image in a layout has lost its name, so
// that only the digest counts there.
func (p *Proof) checkDocument(im trust.Image, text []byte) error {
	doc, err := payload.Parse(text)
	if err != nil {
		return err
	}
	if err := doc.CheckDigest(payload.Cosign, im); err != nil || im.Signed() == "" || doc.Reference == "" {
		return err
	}
	return doc.CheckRepository(im, p.Canonical)
}
