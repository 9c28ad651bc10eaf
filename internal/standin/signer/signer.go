// Package signer makes keys and signs with them, where real signatures are stood in for:
// as cosign does, and by OpenPGP. It does not know what is signed.
package signer

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/bayplan/bayplan/internal/trust/payload"
)

// What cosign calls its documents and their signatures.
const (
	DocumentType        = "application/vnd.dev.cosign.simplesigning.v1+json"
	SignatureAnnotation = "dev.cosignproject.cosign/signature"
)

// Tag gives the tag under which cosign keeps the signatures of an image.
func Tag(digest string) string { return strings.Replace(digest, ":", "-", 1) + ".sig" }

// A Key is a key as cosign makes it.
type Key struct{ key *ecdsa.PrivateKey }

// NewKey makes a key.
func NewKey() (*Key, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return &Key{k}, err
}

// Public gives the public key in PEM.
func (k *Key) Public() ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(k.key.Public())
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), err
}

// Document gives the document that says that an image, HOST/NAME, has a digest, and its
// signature in base64.
func (k *Key) Document(name, digest string) (text []byte, signature string, err error) {
	if text, err = document(payload.Cosign, name, digest); err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(text)
	sig, err := k.key.Sign(rand.Reader, sum[:], crypto.SHA256)
	return text, base64.StdEncoding.EncodeToString(sig), err
}

// document gives a document of simple signing.
func document(kind, name, digest string) ([]byte, error) {
	type object = map[string]any
	return json.Marshal(object{
		"critical": object{
			"type":     kind,
			"image":    object{"docker-manifest-digest": digest},
			"identity": object{"docker-reference": name},
		},
		"optional": object{},
	})
}

// A PGP is an OpenPGP key.
type PGP struct{ entity *openpgp.Entity }

// NewPGP makes a key.
func NewPGP() (*PGP, error) {
	e, err := openpgp.NewEntity("bayplan rehearsal", "", "rehearsal@invalid", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA})
	return &PGP{e}, err
}

// Public gives the armored public key.
func (p *PGP) Public() ([]byte, error) {
	var b bytes.Buffer
	w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	if err != nil {
		return nil, err
	}
	if err := p.entity.Serialize(w); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

// Detached gives an armored signature of a text.
func (p *PGP) Detached(text []byte) ([]byte, error) {
	var b bytes.Buffer
	err := openpgp.ArmoredDetachSign(&b, p.entity, bytes.NewReader(text), nil)
	return b.Bytes(), err
}

// Image gives a signature of an image, HOST/NAME or HOST/NAME:TAG, as a store beside a
// registry keeps it.
func (p *PGP) Image(name, digest string) ([]byte, error) {
	text, err := document(payload.Atomic, name, digest)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w, err := openpgp.Sign(&b, p.entity, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("sign %s: %w", name, err)
	}
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

// Clear gives a text with its signature in it.
func (p *PGP) Clear(text []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := clearsign.Encode(&b, p.entity.PrivateKey, nil)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}
