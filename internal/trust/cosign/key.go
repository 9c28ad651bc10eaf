package cosign

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha512" // hashes that signatures of large curves have
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
)

// Keys are public keys, one of which must have signed. They implement Verifier. What a
// transparency log says is not looked at: the key alone proves an image.
type Keys struct{ list []crypto.PublicKey }

// The smallest and the largest length of an RSA key in bits. A signature by a longer one
// takes minutes to check.
const (
	minRSA = 2048
	maxRSA = 16384
)

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
		return Keys{}, errors.New("there is something behind the public key that is not a key")
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
	return ParseKey(block.Bytes)
}

// ParseKey reads a public key in DER, which must be of a kind that signs images.
func ParseKey(der []byte) (crypto.PublicKey, error) {
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, errors.New("its public key cannot be read")
	}
	return key, CheckKey(key)
}

// CheckKey gives an error unless a public key is of a kind that signs images.
func CheckKey(key crypto.PublicKey) error {
	switch k := key.(type) {
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return nil
	case *rsa.PublicKey:
		if bits := k.Size() * 8; bits < minRSA || bits > maxRSA {
			return fmt.Errorf("its RSA key has %d bits, and needs %d to %d", bits, minRSA, maxRSA)
		}
		return nil
	}
	return fmt.Errorf("its key is of a kind that signs no images: %T", key)
}

// Check implements Verifier.
func (k Keys) Check(s *Signature) error {
	for _, key := range k.list {
		if s.By(key) {
			return nil
		}
	}
	return errors.New("it is not signed by the key")
}

// By reports whether a key has made the signature.
func (s *Signature) By(key crypto.PublicKey) bool {
	if s.Text == nil {
		return signedSum(key, crypto.SHA256, s.Sum[:], s.Signature)
	}
	return Signed(key, s.Text, s.Signature)
}

// Signed reports whether a key has signed a text.
func Signed(key crypto.PublicKey, text, sig []byte) bool {
	if pure, ok := key.(ed25519.PublicKey); ok {
		return ed25519.Verify(pure, text, sig)
	}
	for _, hash := range hashes(key) {
		h := hash.New()
		h.Write(text)
		if signedSum(key, hash, h.Sum(nil), sig) {
			return true
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

func signedSum(key crypto.PublicKey, hash crypto.Hash, sum, sig []byte) bool {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(k, sum, sig)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(k, hash, sum, sig) == nil
	}
	return false
}
