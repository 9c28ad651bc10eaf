// Package lookaside proves images by OpenPGP signatures that lie beside the registry, in
// a store with the layout of containers/image: STORE/PATH@sha256=HEX/signature-N, with N
// from 1. It does not know how the store is reached.
package lookaside

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/signature"
	"github.com/bayplan/bayplan/internal/trust"
	"github.com/bayplan/bayplan/internal/trust/payload"
)

const (
	// maxSignatures is the largest number of signatures of one image that are read.
	maxSignatures = 32
	// maxSignature is the largest size of one signature.
	maxSignature = 256 << 10
	// maxWait is how long a store may take to send one signature.
	maxWait = time.Minute
)

// A Proof is trust in OpenPGP keys.
type Proof struct {
	Keys      signature.Keys
	Store     string              // URL
	Downloads *download.Client    // reaches the store
	Canonical func(string) string // gives the one spelling of an image's name
}

// CheckStore checks the URL of a store. An empty one passes.
func CheckStore(raw string) error {
	if err := download.CheckURL(raw); err != nil {
		return err
	}
	if u, err := url.Parse(raw); err != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%q has a query, which the address of a store cannot have", download.RedactURL(raw))
	}
	return nil
}

// Check implements trust.Proof. One signature that is right is enough.
func (p *Proof) Check(ctx context.Context, im trust.Image) error {
	var found trust.Findings
	for n := 1; n <= maxSignatures; n++ {
		at, err := p.address(im, n)
		if err != nil {
			return err
		}
		b, err := p.get(ctx, at)
		switch {
		case isMissing(err):
			return found.Err("in " + download.RedactURL(p.Store))
		case err != nil:
			return err
		}
		if err = p.checkOne(b, im); err == nil {
			return nil
		}
		found.Add(fmt.Sprintf("signature %d", n), err)
	}
	found.Add("the store", fmt.Errorf("it has more than %d signatures of the image, and the others are not read", maxSignatures))
	return found.Err("")
}

// checkOne checks one signature: first who has signed, then what.
func (p *Proof) checkOne(b []byte, im trust.Image) error {
	if len(b) > maxSignature {
		return fmt.Errorf("it is larger than %d bytes", maxSignature)
	}
	text, err := p.Keys.Signed(b)
	if err != nil {
		return err
	}
	doc, err := payload.Parse(text)
	if err != nil {
		return err
	}
	if err := doc.CheckDigest(payload.Atomic, im); err != nil {
		return err
	}
	return doc.CheckName(im, p.Canonical)
}

// address gives the URL of a signature.
func (p *Proof) address(im trust.Image, n int) (string, error) {
	signed := im.Signed()
	if signed == "" {
		return "", errors.New("an image of a layout has no signatures in a store")
	}
	u, err := url.Parse(p.Store)
	if err != nil {
		return "", errors.New("the address of the store cannot be read")
	}
	_, path, _ := strings.Cut(p.Canonical(signed), "/")
	digest := strings.Replace(im.Digest, ":", "=", 1)
	u.Path, u.RawPath = fmt.Sprintf("%s/%s@%s/signature-%d", strings.TrimRight(u.Path, "/"), path, digest, n), ""
	return u.String(), nil
}

// get reads one signature.
func (p *Proof) get(ctx context.Context, address string) ([]byte, error) {
	if local := download.LocalPath(address); local != "" {
		return readFile(local)
	}
	timed, stop := context.WithTimeout(ctx, maxWait)
	defer stop()
	b, err := p.Downloads.Small(timed, download.Request{URL: address, SameHost: true})
	if err != nil && ctx.Err() == nil && timed.Err() != nil {
		return nil, fault.AsConnection(fmt.Errorf("%s: it has not come within %s", download.RedactURL(address), maxWait))
	}
	return b, err
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSignature+1))
}

// isMissing reports whether there is no such signature, and so no further one.
func isMissing(err error) bool {
	var status *download.StatusError
	return errors.Is(err, fs.ErrNotExist) || errors.As(err, &status) && status.Status == http.StatusNotFound
}
