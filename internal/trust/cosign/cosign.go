// Package cosign proves images by signatures in the formats of cosign, which lie in the
// image's own repository: documents of simple signing in a manifest with a tag of its
// own or in a referrer, and Sigstore bundles in referrers. It does not know how a
// signature is held against a key or a certificate: a Verifier does.
package cosign

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/trust"
	"github.com/bayplan/bayplan/internal/trust/payload"
)

// Media types of layers that hold a signature, and the key of its annotation.
const (
	typeDocument = "application/vnd.dev.cosign.simplesigning.v1+json"
	typeBundle   = "application/vnd.dev.sigstore.bundle" // and a version

	keySignature = "dev.cosignproject.cosign/signature"
)

const (
	// maxSignatures is the largest number of signatures of one image that are read.
	maxSignatures = 32
	// maxSignature is the largest size of one of them. The registry client reads no more.
	maxSignature = 4 << 20
)

// A Document is a signed document of simple signing.
type Document struct {
	Payload   []byte
	Signature []byte
}

// A Verifier knows whom to trust. Its errors say why a signature does not count. Many
// goroutines use it at once.
type Verifier interface {
	// CheckDocument checks who has signed a document, and not what it says.
	CheckDocument(d Document) error
	// CheckBundle checks who has signed a bundle, and that it is for the image's digest.
	CheckBundle(b []byte, digest string) error
}

// A Proof is trust in what a Verifier takes.
type Proof struct {
	Verifier  Verifier
	Registry  *registry.Client
	Canonical func(string) string // gives the one spelling of an image's name
}

// Check implements trust.Proof. One signature that is right is enough.
func (p *Proof) Check(ctx context.Context, im trust.Image) error {
	manifests, err := p.Registry.SignatureManifests(ctx, nameOf(im), im.Digest)
	if err != nil {
		return fmt.Errorf("looking for its signatures: %w", err)
	}
	var found trust.Findings
	looked := 0
	for _, m := range manifests {
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
	switch {
	case err != nil:
		return err
	case isBundle:
		return p.Verifier.CheckBundle(b, im.Digest)
	}
	return p.checkDocument(im, l, b)
}

// checkDocument checks who has signed, and then what. An image in a layout has lost its
// name, so that only the digest counts there.
func (p *Proof) checkDocument(im trust.Image, l layer, b []byte) error {
	sig, err := base64.StdEncoding.DecodeString(l.Annotations[keySignature])
	if err != nil || len(sig) == 0 {
		return fmt.Errorf("it has no signature under %s", keySignature)
	}
	if err := p.Verifier.CheckDocument(Document{Payload: b, Signature: sig}); err != nil {
		return err
	}
	doc, err := payload.Parse(b)
	if err != nil {
		return err
	}
	if err := doc.CheckDigest(payload.Cosign, im); err != nil || im.InLayout() || doc.Reference == "" {
		return err
	}
	return doc.CheckRepository(im, p.Canonical)
}
