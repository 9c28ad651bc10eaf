package sigstore

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A Signer is a person or a program that signs.
type Signer struct {
	Identity string // URL or mail address
	Issuer   string
	From     time.Time // the certificate is valid for ten minutes from then
	// Change changes the certificate, if it is not nil.
	Change func(template *x509.Certificate)
	// Logs is the instance whose log of certificates has stamped the certificate, nil for
	// the one that has issued it.
	Logs *Instance
	// Unlogged says that no log has stamped the certificate.
	Unlogged bool
}

// Certificate makes the certificate of a signer.
func (i *Instance) Certificate(s Signer) (*x509.Certificate, *ecdsa.PrivateKey) {
	i.t.Helper()
	key := i.newKey()
	issuer, err := asn1.MarshalWithParams(s.Issuer, "utf8")
	if err != nil {
		i.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		NotBefore:    s.From, NotAfter: s.From.Add(10 * time.Minute),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		ExtraExtensions: []pkix.Extension{
			{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}, Value: []byte(s.Issuer)},
			{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8}, Value: issuer},
		},
	}
	if strings.Contains(s.Identity, "://") {
		u, err := url.Parse(s.Identity)
		if err != nil {
			i.t.Fatal(err)
		}
		template.URIs = []*url.URL{u}
	} else {
		template.EmailAddresses = []string{s.Identity}
	}
	if s.Change != nil {
		s.Change(template)
	}
	cert := i.certify(template, key, i.issuers.between, i.issuers.key)
	if s.Unlogged {
		return cert, key
	}
	logs := s.Logs
	if logs == nil {
		logs = i
	}
	template.ExtraExtensions = append(slices.Clone(template.ExtraExtensions), logs.stamp(cert, i.issuers.between))
	return i.certify(template, key, i.issuers.between, i.issuers.key), key
}

// stamp signs that the log of certificates knows a certificate, as RFC 6962 says.
func (i *Instance) stamp(cert, issuer *x509.Certificate) pkix.Extension {
	i.t.Helper()
	at := uint64(cert.NotBefore.UnixMilli()) //nolint:gosec // after 1970
	keyHash := sha256.Sum256(issuer.RawSubjectPublicKeyInfo)
	signed := append([]byte{0, 0}, binary.BigEndian.AppendUint64(nil, at)...)
	signed = append(signed, 0, 1)
	signed = append(signed, keyHash[:]...)
	n := len(cert.RawTBSCertificate)
	signed = append(signed, byte(n>>16), byte(n>>8), byte(n))
	signed = append(signed, cert.RawTBSCertificate...)
	signed = append(signed, 0, 0)

	stamp := append([]byte{0}, i.logID(i.ctKey.Public())...)
	stamp = binary.BigEndian.AppendUint64(stamp, at)
	stamp = append(stamp, 0, 0, 4, 3)
	stamp = append(stamp, sized(i.sign(i.ctKey, signed))...)
	value, err := asn1.Marshal(sized(sized(stamp)))
	if err != nil {
		i.t.Fatal(err)
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}, Value: value}
}

// sized puts the length of a text before it.
func sized(text []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(text))), text...) //nolint:gosec // it is short
}

func (i *Instance) sign(key *ecdsa.PrivateKey, text []byte) []byte {
	i.t.Helper()
	sum := sha256.Sum256(text)
	sig, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		i.t.Fatal(err)
	}
	return sig
}
