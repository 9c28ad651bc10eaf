package keyless

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// checkCertificate gives an error unless the certificate was valid at all the times, and
// is in a log of certificates.
func (r *Root) checkCertificate(cert *x509.Certificate, times []time.Time) error {
	for _, at := range times {
		chains, err := r.chains(cert, at)
		if err != nil {
			return fmt.Errorf("its certificate does not hold at %s, when it was signed: %w", clock(at), err)
		}
		if err := r.checkLogged(cert, chains); err != nil {
			return err
		}
	}
	return nil
}

// chains gives the ways from a certificate to an authority of the root, as they were at a
// time.
func (r *Root) chains(cert *x509.Certificate, at time.Time) (chains [][]*x509.Certificate, err error) {
	err = errors.New("the root trusted no certificate authority then")
	for _, a := range r.issuers {
		if !a.validFor.has(at) {
			continue
		}
		if chains, err = a.chains(cert, at); err == nil {
			return chains, nil
		}
	}
	return nil, err
}

func (a *authority) chains(cert *x509.Certificate, at time.Time) ([][]*x509.Certificate, error) {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(a.root)
	for _, c := range a.between {
		between.AddCert(c)
	}
	return cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}})
}
