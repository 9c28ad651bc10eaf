package keyless

import (
	"bytes"
	"crypto/x509"
	"errors"
	"time"

	"github.com/sigstore/timestamp-authority/v2/pkg/verification"

	"github.com/bayplan/bayplan/internal/trust/cosign"
)

// checkTimestamps gives the times that authorities of the root have signed for the
// signature, and why another timestamp does not count.
func (r *Root) checkTimestamps(s *cosign.Signature) (times []time.Time, err error) {
	err = errors.New("it has no timestamp")
	for _, response := range s.Timestamps {
		at, reason := r.checkTimestamp(response, s.Signature)
		if reason != nil {
			err = reason
			continue
		}
		times = append(times, at)
	}
	return times, err
}

func (r *Root) checkTimestamp(response, signature []byte) (time.Time, error) {
	err := errors.New("the root names no timestamp authority")
	for _, a := range r.stampers {
		var at time.Time
		if at, err = a.checkTimestamp(response, signature); err == nil {
			return at, nil
		}
	}
	return time.Time{}, err
}

func (a *authority) checkTimestamp(response, signature []byte) (time.Time, error) {
	stamp, err := verification.VerifyTimestampResponse(response, bytes.NewReader(signature), verification.VerifyOpts{
		TSACertificate: a.leaf, Intermediates: a.between, Roots: []*x509.Certificate{a.root},
	})
	if err != nil {
		return time.Time{}, err
	}
	if !a.validFor.has(stamp.Time) {
		return time.Time{}, errors.New("the root did not trust the authority then")
	}
	return stamp.Time, nil
}
