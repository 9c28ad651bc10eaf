package rpm

import (
	"bytes"
	"crypto/md5"  //nolint:gosec // what packages have of themselves; never trusted alone
	"crypto/sha1" //nolint:gosec // likewise
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
)

// Tags of the signature header.
const (
	sigDSA      = 267
	sigRSA      = 268
	sigSHA1     = 269
	sigLongSize = 270
	sigSHA256   = 273
	sigOpenPGP  = 278
	sigSize     = 1000
	sigPGP      = 1002
	sigMD5      = 1004
	sigGPG      = 1005
)

// checkHeader checks the header against its digests in the signature header.
func (p *Package) checkHeader() error {
	checked := false
	for _, one := range []struct {
		tag int
		sum func() hash.Hash
	}{{sigSHA256, sha256.New}, {sigSHA1, sha1.New}} {
		want, err := p.sig.text(one.tag)
		if err != nil {
			continue
		}
		h := one.sum()
		h.Write(p.main.raw)
		if got := hex.EncodeToString(h.Sum(nil)); got != strings.ToLower(want) {
			return errors.New("its header is damaged: it does not have the digest that the package states")
		}
		checked = true
	}
	if _, err := p.sig.binary(sigMD5); err != nil && !checked {
		return errors.New("it has no digest of itself")
	}
	return nil
}

// A Verifier checks an OpenPGP signature of the content of r.
type Verifier interface {
	Packet(r io.Reader, signature []byte) error
}

// errUnsigned is the error of a package without a signature.
var errUnsigned = errors.New("it is not signed")

// CheckSignature checks the package's signature. A signature of the header is
// enough, since the header has the digests of all files. An old package may have
// only a signature of header and payload; then rest must return the payload.
func (p *Package) CheckSignature(v Verifier, rest func() (io.ReadCloser, error)) error {
	var first error
	for _, sig := range p.headerSignatures() {
		err := v.Packet(bytes.NewReader(p.main.raw), sig)
		if err == nil {
			return nil
		}
		first = errors.Join(first, err)
	}
	for _, tag := range []int{sigPGP, sigGPG} {
		sig, err := p.sig.binary(tag)
		if err != nil || first != nil {
			continue
		}
		payload, err := rest()
		if err != nil {
			return err
		}
		err = v.Packet(io.MultiReader(bytes.NewReader(p.main.raw), payload), sig)
		payload.Close()
		if err == nil {
			return nil
		}
		first = err
	}
	if first == nil {
		return errUnsigned
	}
	return first
}

// headerSignatures returns the signatures of the header alone.
func (p *Package) headerSignatures() [][]byte {
	var all [][]byte
	for _, tag := range []int{sigRSA, sigDSA} {
		if sig, err := p.sig.binary(tag); err == nil {
			all = append(all, sig)
		}
	}
	texts, _ := p.sig.texts(sigOpenPGP)
	for _, text := range texts {
		if sig, err := base64.StdEncoding.DecodeString(text); err == nil {
			all = append(all, sig)
		}
	}
	return all
}

// A payloadCheck hashes the compressed payload while it is read.
type payloadCheck struct {
	r      io.Reader
	pkg    *Package
	sha256 hash.Hash
	md5    hash.Hash
	n      int64
}

func newPayloadCheck(r io.Reader, p *Package) *payloadCheck {
	c := &payloadCheck{r: r, pkg: p, sha256: sha256.New(), md5: md5.New()}
	c.md5.Write(p.main.raw)
	return c
}

func (c *payloadCheck) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.sha256.Write(b[:n])
	c.md5.Write(b[:n])
	c.n += int64(n)
	return n, err
}

// finish reads the rest of the payload and checks its digests and size.
func (c *payloadCheck) finish() error {
	if _, err := io.Copy(io.Discard, c); err != nil {
		return err
	}
	if got := hex.EncodeToString(c.sha256.Sum(nil)); c.pkg.sha256 != "" && got != c.pkg.sha256 {
		return fmt.Errorf("its payload is damaged: its sha256 is %s, not %s", got, c.pkg.sha256)
	}
	if want, err := c.pkg.sig.binary(sigMD5); err == nil && !bytes.Equal(want, c.md5.Sum(nil)) {
		return errors.New("it is damaged: it does not have the md5 that the package states")
	}
	for _, tag := range []int{sigSize, sigLongSize} {
		want, err := c.pkg.sig.numbers(tag)
		if size := c.n + int64(len(c.pkg.main.raw)); err == nil && len(want) == 1 && int64(want[0]) != size {
			return fmt.Errorf("it has %d bytes, but the package states %d", size, want[0])
		}
	}
	return nil
}

// HeaderSHA256 returns the digest of the header. It identifies the package, since
// the header has the digests of all files.
func (p *Package) HeaderSHA256() string {
	sum := sha256.Sum256(p.main.raw)
	return hex.EncodeToString(sum[:])
}
