package keyless

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/tls"
	ctx509 "github.com/google/certificate-transparency-go/x509"
)

// checkLogged gives an error unless a log of certificates has signed that it knows the
// certificate, by way of one of the chains.
func (r *Root) checkLogged(cert *x509.Certificate, chains [][]*x509.Certificate) error {
	stamps, err := certificateStamps(cert)
	if err != nil {
		return err
	}
	for _, stamp := range stamps {
		l := r.ctLogs[string(stamp.LogID.KeyID[:])]
		if l == nil || !l.validFor.has(ct.TimestampToTime(stamp.Timestamp)) {
			continue
		}
		for _, chain := range chains {
			if len(chain) > 1 && l.hasSigned(stamp, cert, chain[1]) {
				return nil
			}
		}
	}
	return errors.New("its certificate is in no log of certificates that the root names")
}

// hasSigned reports whether a log has signed that it knows a certificate of an issuer.
func (l *log) hasSigned(stamp ct.SignedCertificateTimestamp, cert, issuer *x509.Certificate) bool {
	leaf, err := ct.MerkleTreeLeafForEmbeddedSCT([]*ctx509.Certificate{
		{RawTBSCertificate: cert.RawTBSCertificate}, {RawSubjectPublicKeyInfo: issuer.RawSubjectPublicKeyInfo},
	}, stamp.Timestamp)
	if err != nil {
		return false
	}
	v, err := ct.NewSignatureVerifier(l.key)
	return err == nil && v.VerifySCTSignature(stamp, ct.LogEntry{Leaf: *leaf}) == nil
}

// certificateStamps gives what logs have signed about a certificate.
func certificateStamps(cert *x509.Certificate) ([]ct.SignedCertificateTimestamp, error) {
	var stamps []ct.SignedCertificateTimestamp
	for _, e := range cert.Extensions {
		if !e.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}) {
			continue
		}
		var text []byte
		var list ctx509.SignedCertificateTimestampList
		if decode(asn1.Unmarshal(e.Value, &text)) != nil || decode(tls.Unmarshal(text, &list)) != nil {
			return nil, errUnreadable
		}
		for _, s := range list.SCTList {
			var stamp ct.SignedCertificateTimestamp
			if decode(tls.Unmarshal(s.Val, &stamp)) != nil {
				return nil, errUnreadable
			}
			stamps = append(stamps, stamp)
		}
	}
	return stamps, nil
}

var errUnreadable = errors.New("what logs say about its certificate cannot be read")

// decode gives an error if something is left behind what was decoded.
func decode(rest []byte, err error) error {
	if err == nil && len(rest) > 0 {
		return errUnreadable
	}
	return err
}
