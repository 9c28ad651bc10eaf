// Package keyless proves signatures by short-lived certificates, which say who has signed,
// and by logs and timestamps, which say that this was while the certificate was valid. Whom
// to trust for all that, a file of the kind trusted_root.json says; nobody else is asked. It
// does not know where signatures come from, and what is signed.
package keyless

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/trust"
	"github.com/bayplan/bayplan/internal/trust/cosign"
)

// A Verifier trusts those whom one issuer calls by a name. It implements cosign.Verifier.
type Verifier struct {
	Root     *Root
	Issuer   string        // who has looked at the signer's identity, a URL
	Identity trust.Pattern // URL or mail address of the signer
}

// CheckIssuer checks the URL of an issuer. An empty one passes.
func CheckIssuer(text string) error {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return nil
	case strings.ContainsAny(text, "*?"):
		return fmt.Errorf("%q is a pattern, and an issuer is written out", text)
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%q is not the URL of an issuer, such as https://token.actions.githubusercontent.com", text)
	}
	return nil
}

// Check implements cosign.Verifier. The signature must be in a log, and what says when it
// was made must agree with the certificate.
func (v *Verifier) Check(s *cosign.Signature) error {
	if s.Certificate == nil {
		return errors.New("it has no certificate that says who has signed")
	}
	cert, err := x509.ParseCertificate(s.Certificate)
	if err != nil {
		return errors.New("its certificate cannot be read")
	}
	if err := cosign.CheckKey(cert.PublicKey); err != nil {
		return fmt.Errorf("its certificate does not count: %w", err)
	}
	if !s.By(cert.PublicKey) {
		return errors.New("it is not signed by the key of its certificate")
	}
	times, err := v.Root.times(s)
	if err != nil {
		return err
	}
	if err := v.Root.checkCertificate(cert, times); err != nil {
		return err
	}
	return v.checkSigner(cert)
}

// times gives when the signature was made, by each who says so and is trusted.
func (r *Root) times(s *cosign.Signature) ([]time.Time, error) {
	logs, times, err := r.checkEntries(s)
	if err != nil {
		return nil, err
	}
	stamped, err := r.checkTimestamps(s)
	if times = append(times, stamped...); len(times) == 0 {
		return nil, fmt.Errorf("nobody whom the root trusts says when it was signed: %w", err)
	}
	for _, l := range logs {
		for _, at := range times {
			if !l.validFor.has(at) {
				return nil, fmt.Errorf("it was signed at %s, when the root did not trust the log of its log entry", clock(at))
			}
		}
	}
	return times, nil
}

func clock(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// checkSigner compares who has signed with who is trusted.
func (v *Verifier) checkSigner(cert *x509.Certificate) error {
	var names []string
	for _, u := range cert.URIs {
		names = append(names, u.String())
	}
	if names = append(names, cert.EmailAddresses...); len(names) != 1 {
		return fmt.Errorf("its certificate is for %d URLs and mail addresses, and not for one", len(names))
	}
	issuer, err := issuerOf(cert)
	if err != nil {
		return err
	}
	if issuer == "" || issuer != v.Issuer || !v.Identity.Matches(names[0]) {
		return fmt.Errorf("it is signed by %s, as %s says", names[0], issuer)
	}
	return nil
}

// issuerOf gives who has looked at the signer's identity. Fulcio writes it in two ways, of
// which older certificates have only the first.
func issuerOf(cert *x509.Certificate) (string, error) {
	var found []string
	for _, e := range cert.Extensions {
		switch text := ""; {
		case e.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}):
			found = append(found, string(e.Value))
		case e.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8}):
			if rest, err := asn1.Unmarshal(e.Value, &text); err != nil || len(rest) > 0 {
				return "", errors.New("the issuer in its certificate cannot be read")
			}
			found = append(found, text)
		}
	}
	found = slices.Compact(found)
	if len(found) != 1 {
		return "", fmt.Errorf("its certificate names %d issuers, not one", len(found))
	}
	return found[0], nil
}
