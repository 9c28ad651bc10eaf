package keyless

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
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

// maxTimestamp is the largest size of a timestamp. They have some kilobytes. The library
// that reads them calls itself for each level of what they hold.
const maxTimestamp = 16 << 10

func (r *Root) checkTimestamp(response, signature []byte) (time.Time, error) {
	err := errors.New("the root names no timestamp authority")
	if len(response) > maxTimestamp {
		return time.Time{}, fmt.Errorf("its timestamp is larger than %d bytes", maxTimestamp)
	}
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
