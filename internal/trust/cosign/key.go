package cosign

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // hashes that signatures of large curves have
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
)

// Keys are public keys, one of which must have signed. They implement Verifier. What a
// transparency log says is not looked at: the key alone proves an image.
type Keys struct{ list []crypto.PublicKey }

// minRSA is the smallest length of an RSA key in bits.
const minRSA = 2048

// ParseKeys reads the content of a file of public keys in PEM blocks, as cosign writes
// them.
func ParseKeys(file string, content []byte) (Keys, error) {
	keys, err := parseKeys(content)
	if err != nil {
		return Keys{}, fault.WithHint(fmt.Errorf("read the key in %s: %w", file, err), "write the public key there, as cosign public-key does")
	}
	return keys, nil
}

func parseKeys(content []byte) (Keys, error) {
	var keys Keys
	for {
		block, rest := pem.Decode(content)
		if block == nil {
			break
		}
		key, err := parseKey(block)
		if err != nil {
			return Keys{}, err
		}
		keys.list, content = append(keys.list, key), rest
	}
	if len(keys.list) == 0 {
		return Keys{}, errors.New("there is no public key in it")
	}
	if len(bytes.TrimSpace(content)) > 0 {
		return Keys{}, errors.New("there is something behind the public key that is no key")
	}
	return keys, nil
}

func parseKey(block *pem.Block) (crypto.PublicKey, error) {
	if strings.Contains(block.Type, "PRIVATE KEY") {
		return nil, errors.New("it is a private key")
	}
	if block.Type != "PUBLIC KEY" {
		return nil, fmt.Errorf("it is a %q, not a PUBLIC KEY", block.Type)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.New("its public key cannot be read")
	}
	switch k := key.(type) {
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return k, nil
	case *rsa.PublicKey:
		if k.Size()*8 < minRSA {
			return nil, fmt.Errorf("its RSA key has %d bits, and needs %d", k.Size()*8, minRSA)
		}
		return k, nil
	}
	return nil, fmt.Errorf("its key is of a kind that signs no images: %T", key)
}

var errOtherKey = errors.New("it is not signed by the key")

// CheckDocument implements Verifier.
func (k Keys) CheckDocument(d Document) error {
	if k.signed(d.Payload, d.Signature) {
		return nil
	}
	return errOtherKey
}

// A bundle is the part of a Sigstore bundle that a key has to do with.
type bundle struct {
	MediaType string `json:"mediaType"`
	Envelope  *struct {
		Payload     string `json:"payload"`
		PayloadType string `json:"payloadType"`
		Signatures  []struct {
			Sig string `json:"sig"`
		} `json:"signatures"`
	} `json:"dsseEnvelope"`
	Message *struct {
		Signature string `json:"signature"`
	} `json:"messageSignature"`
}

// CheckBundle implements Verifier. A bundle signs a statement about the image or, where
// somebody has signed the manifest as a file, its digest.
func (k Keys) CheckBundle(b []byte, digest string) error {
	var read bundle
	switch err := json.Unmarshal(b, &read); {
	case err != nil || !strings.HasPrefix(read.MediaType, typeBundle):
		return errors.New("it is not a bundle that can be read")
	case read.Envelope != nil:
		return k.checkEnvelope(read, digest)
	case read.Message != nil:
		return k.checkMessage(read.Message.Signature, digest)
	}
	return errors.New("the bundle holds no signature")
}

func (k Keys) checkEnvelope(read bundle, digest string) error {
	payload, err := decode(read.Envelope.Payload)
	if err != nil {
		return errors.New("the payload of the bundle cannot be read")
	}
	signed := fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(read.Envelope.PayloadType), read.Envelope.PayloadType, len(payload), payload)
	for _, s := range read.Envelope.Signatures {
		if sig, err := decode(s.Sig); err == nil && k.signed(signed, sig) {
			return CheckStatement(read.Envelope.PayloadType, payload, digest)
		}
	}
	return errOtherKey
}

// checkMessage checks a signature of the manifest's bytes, of which only the digest is
// known.
func (k Keys) checkMessage(signature, digest string) error {
	sum, err := hex.DecodeString(strings.TrimPrefix(digest, "sha256:"))
	sig, err2 := decode(signature)
	if err := errors.Join(err, err2); err != nil || len(sum) != sha256.Size {
		return errors.New("its signature cannot be read, or the image's digest is not SHA-256")
	}
	for _, key := range k.list {
		if signedDigest(key, crypto.SHA256, sum, sig) {
			return nil
		}
	}
	return errOtherKey
}

// decode reads base64 of either alphabet, as bundles may have it.
func decode(text string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return base64.URLEncoding.DecodeString(text)
	}
	return b, nil
}

// signed reports whether one of the keys has signed a text.
func (k Keys) signed(text, sig []byte) bool {
	for _, key := range k.list {
		if pure, ok := key.(ed25519.PublicKey); ok {
			if ed25519.Verify(pure, text, sig) {
				return true
			}
			continue
		}
		for _, hash := range hashes(key) {
			h := hash.New()
			h.Write(text)
			if signedDigest(key, hash, h.Sum(nil), sig) {
				return true
			}
		}
	}
	return false
}

// hashes gives the hashes that signatures by a key have. cosign takes SHA-256 for all
// keys; other tools take a larger one for a larger curve.
func hashes(key crypto.PublicKey) []crypto.Hash {
	all := []crypto.Hash{crypto.SHA256}
	if k, ok := key.(*ecdsa.PublicKey); ok {
		switch bits := k.Curve.Params().BitSize; {
		case bits > 384:
			all = append(all, crypto.SHA512)
		case bits > 256:
			all = append(all, crypto.SHA384)
		}
	}
	return all
}

func signedDigest(key crypto.PublicKey, hash crypto.Hash, sum, sig []byte) bool {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(k, sum, sig)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(k, hash, sum, sig) == nil
	}
	return false
}
