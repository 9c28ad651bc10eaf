// Package signature checks OpenPGP signatures against the keys in a file. It
// checks detached signatures, clear-signed texts and the signatures in RPM
// packages. It trusts every key of that file and no other, and does not use key
// servers or a web of trust.
package signature

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/textfile"
)

// Keys are the trusted public keys.
type Keys struct{ list openpgp.EntityList }

const (
	// maxKeys and maxSignature are the largest sizes of a file of keys and of a
	// signature.
	maxKeys      = 16 << 20
	maxSignature = 1 << 20
)

// Load reads a file of public keys, armored or not. A file may have several keys,
// also several armored blocks one after the other, as distributions have them.
func Load(file string) (Keys, error) {
	// Keys without armor are not text, but none of them begins like a text in UTF-16.
	b, err := textfile.Read(context.Background(), file, maxKeys)
	if err != nil {
		return Keys{}, fmt.Errorf("read the keys: %w", err)
	}
	return Parse(file, b)
}

// Parse is Load for a file that has been read.
func Parse(file string, content []byte) (Keys, error) {
	list, err := parseKeys(content)
	if err != nil {
		return Keys{}, fault.WithHint(fmt.Errorf("read the keys in %s: %w", file, err), "write public keys there with gpg --export, or name the distribution's file of keys")
	}
	return Keys{list}, nil
}

var armorStart = []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----")

func parseKeys(b []byte) (openpgp.EntityList, error) {
	if !bytes.Contains(b, armorStart) {
		list, err := openpgp.ReadKeyRing(bytes.NewReader(b))
		switch {
		case err != nil:
			err = errors.New("it holds no OpenPGP keys")
		case len(list) == 0:
			err = errors.New("no public key in it")
		}
		return list, err
	}
	var all openpgp.EntityList
	for {
		i := bytes.Index(b, armorStart)
		if i < 0 {
			return all, nil
		}
		next := bytes.Index(b[i+1:], armorStart)
		one := b[i:]
		if next >= 0 {
			one = b[i : i+1+next]
		}
		list, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(one))
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		b = b[i+len(one):]
	}
}

// policy refuses hashes that are broken.
func policy() *packet.Config {
	return &packet.Config{RejectHashAlgorithms: map[crypto.Hash]bool{crypto.MD5: true, crypto.SHA1: true, crypto.RIPEMD160: true}}
}

// Detached checks a signature of the content of r. The signature may be armored.
func (k Keys) Detached(r io.Reader, signature []byte) error {
	if len(signature) > maxSignature {
		return fmt.Errorf("the signature is larger than %d bytes", maxSignature)
	}
	sig, err := detachedPackets(signature)
	if err == nil {
		_, err = openpgp.CheckDetachedSignature(k.list, r, sig, policy())
	}
	return explain(err)
}

// detachedPackets gives the packets of a signature. It says what a file is that is none.
func detachedPackets(signature []byte) (io.Reader, error) {
	switch {
	case IsClear(signature):
		return nil, fault.WithHint(errors.New("it is a text that carries its signature"), "such a list goes under checksums, without signature")
	case bytes.HasPrefix(signature, []byte("untrusted comment:")):
		return nil, errors.New("it is one of minisign, not of OpenPGP")
	}
	block, err := armor.Decode(bytes.NewReader(signature))
	switch {
	case err == nil && block.Type != openpgp.SignatureType:
		return nil, errors.New("it is a " + block.Type)
	case err == nil:
		return block.Body, nil
	case len(signature) > 0 && signature[0]&0x80 == 0: // no packet begins like this
		return nil, errors.New("it is not in OpenPGP's format")
	}
	return bytes.NewReader(signature), nil
}

// IsClear reports whether a text is clear-signed.
func IsClear(text []byte) bool {
	return bytes.Contains(text, []byte("-----BEGIN PGP SIGNED MESSAGE-----"))
}

// Clear checks a clear-signed text and returns only its signed part.
func (k Keys) Clear(text []byte) ([]byte, error) {
	block, _ := clearsign.Decode(text)
	if block == nil {
		return nil, errors.New("its signature cannot be read")
	}
	if _, err := block.VerifySignature(k.list, policy()); err != nil {
		return nil, explain(err)
	}
	return block.Plaintext, nil
}
