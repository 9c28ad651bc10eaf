package signer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/trust/payload"
)

// What cosign calls the parts of a signature by a certificate.
const (
	certificateAnnotation = "dev.sigstore.cosign/certificate"
	logEntryAnnotation    = "dev.sigstore.cosign/bundle"
)

// An Identity is who signs by a certificate: a URL or mail address, and the URL of who vouches
// for it.
type Identity struct{ Name, Issuer string }

// An Authority is what a Sigstore instance is: it gives certificates to signers, and has a log of
// these and a log of signatures. It is good for a day.
type Authority struct {
	start         time.Time
	root          *x509.Certificate
	key           *ecdsa.PrivateKey
	ctKey, logKey *ecdsa.PrivateKey
}

// NewAuthority makes an authority with keys of its own.
func NewAuthority() (*Authority, error) {
	a := &Authority{start: time.Now().Add(-time.Hour).Truncate(time.Second)}
	var errs [3]error
	for i, key := range []**ecdsa.PrivateKey{&a.key, &a.ctKey, &a.logKey} {
		*key, errs[i] = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bayplan rehearsal"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: a.start, NotAfter: a.start.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	var err error
	a.root, err = certify(template, template, &a.key.PublicKey, a.key)
	return a, err
}

func certify(template, parent *x509.Certificate, key *ecdsa.PublicKey, by *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, by)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// Root gives the authority's trusted_root.json.
func (a *Authority) Root() ([]byte, error) {
	type object = map[string]any
	period := object{"start": a.start, "end": a.start.Add(24 * time.Hour)}
	log := func(name string, key *ecdsa.PrivateKey) (object, error) {
		der, err := x509.MarshalPKIXPublicKey(key.Public())
		id := sha256.Sum256(der)
		return object{
			"baseUrl": "https://" + name, "hashAlgorithm": "SHA2_256", "logId": object{"keyId": id[:]},
			"publicKey": object{"rawBytes": der, "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": period},
		}, err
	}
	certificates, err := log("certificates.invalid", a.ctKey)
	signatures, err2 := log("signatures.invalid", a.logKey)
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	return json.Marshal(object{
		"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
		"certificateAuthorities": []any{object{
			"uri": "https://authority.invalid", "validFor": period, "certChain": object{"certificates": []any{object{"rawBytes": a.root.Raw}}},
		}},
		"ctlogs": []any{certificates},
		"tlogs":  []any{signatures},
	})
}

// A Certified is a signer with a certificate.
type Certified struct {
	Identity

	authority   *Authority
	key         *ecdsa.PrivateKey
	certificate []byte // in PEM
	from        time.Time
}

// Certify gives a signer a certificate for ten minutes.
func (a *Authority) Certify(who Identity) (*Certified, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	issuer, err := asn1.MarshalWithParams(who.Issuer, "utf8")
	if err != nil {
		return nil, err
	}
	from := time.Now().Add(-time.Minute).Truncate(time.Second)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(from.UnixNano()), NotBefore: from, NotAfter: from.Add(10 * time.Minute),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8}, Value: issuer}},
	}
	if strings.Contains(who.Name, "://") {
		u, err := url.Parse(who.Name)
		if err != nil {
			return nil, err
		}
		template.URIs = []*url.URL{u}
	} else {
		template.EmailAddresses = []string{who.Name}
	}
	unlogged, err := certify(template, a.root, &key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	stamp, err := a.stamp(unlogged)
	if err != nil {
		return nil, err
	}
	template.ExtraExtensions = append(template.ExtraExtensions, stamp)
	cert, err := certify(template, a.root, &key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	return &Certified{who, a, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), from}, nil
}

// stamp signs that the log of certificates knows a certificate, as RFC 6962 says.
func (a *Authority) stamp(cert *x509.Certificate) (pkix.Extension, error) {
	at := uint64(cert.NotBefore.UnixMilli()) //nolint:gosec // after 1970
	issuer := sha256.Sum256(a.root.RawSubjectPublicKeyInfo)
	signed := binary.BigEndian.AppendUint64([]byte{0, 0}, at)
	signed = append(append(signed, 0, 1), issuer[:]...)
	n := len(cert.RawTBSCertificate)
	signed = append(signed, byte(n>>16), byte(n>>8), byte(n))
	signed = append(append(signed, cert.RawTBSCertificate...), 0, 0)
	sig, err := sign(a.ctKey, signed)
	if err != nil {
		return pkix.Extension{}, err
	}
	id, err := logID(a.ctKey)
	if err != nil {
		return pkix.Extension{}, err
	}
	stamp := binary.BigEndian.AppendUint64(append([]byte{0}, id...), at)
	stamp = append(stamp, 0, 0, 4, 3)
	stamp = append(stamp, sized(sig)...)
	value, err := asn1.Marshal(sized(sized(stamp)))
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}, Value: value}, err
}

// sized puts the length of a text before it.
func sized(text []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(text))), text...) //nolint:gosec // it is short
}

func sign(key *ecdsa.PrivateKey, text []byte) ([]byte, error) {
	sum := sha256.Sum256(text)
	return key.Sign(rand.Reader, sum[:], crypto.SHA256)
}

func logID(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	id := sha256.Sum256(der)
	return id[:], err
}

// Document gives the document that says that an image, HOST/NAME, has a digest, and the
// annotations with its signature, its certificate and what the log of signatures promises.
func (c *Certified) Document(name, digest string) (text []byte, annotations map[string]string, err error) {
	if text, err = document(payload.Cosign, name, digest); err != nil {
		return nil, nil, err
	}
	sig, err := sign(c.key, text)
	if err != nil {
		return nil, nil, err
	}
	entry, err := c.logEntry(sha256.Sum256(text), sig)
	return text, map[string]string{
		SignatureAnnotation: base64.StdEncoding.EncodeToString(sig), certificateAnnotation: string(c.certificate), logEntryAnnotation: entry,
	}, err
}

// logEntry gives the entry of a signature in the log, with the log's promise to keep it.
func (c *Certified) logEntry(sum [sha256.Size]byte, sig []byte) (string, error) {
	type object = map[string]any
	body, err := json.Marshal(object{"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": object{
		"data":      object{"hash": object{"algorithm": "sha256", "value": hex.EncodeToString(sum[:])}},
		"signature": object{"content": sig, "publicKey": object{"content": c.certificate}},
	}})
	if err != nil {
		return "", err
	}
	id, err := logID(c.authority.logKey)
	if err != nil {
		return "", err
	}
	at := c.from.Add(30 * time.Second).Unix()
	promised := fmt.Appendf(nil, `{"body":"%s","integratedTime":%d,"logID":"%x","logIndex":%d}`, base64.StdEncoding.EncodeToString(body), at, id, 1)
	promise, err := sign(c.authority.logKey, promised)
	if err != nil {
		return "", err
	}
	entry, err := json.Marshal(object{"SignedEntryTimestamp": promise, "Payload": object{
		"body": body, "integratedTime": at, "logIndex": 1, "logID": hex.EncodeToString(id),
	}})
	return string(entry), err
}
