// Package sigstore makes for tests what a Sigstore instance makes: certificates that a log
// has stamped, entries of logs of signatures, timestamps, and the trusted root that names
// all these. It does not know how signatures are checked.
package sigstore

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"math/big"
	"testing"
	"time"
)

// An Instance is a certificate authority, a log of certificates, two logs of signatures
// and a timestamp authority.
type Instance struct {
	// Start is since when all of it may be used. It may be used for a day.
	Start time.Time

	t                 testing.TB
	issuers, stampers authority
	ctKey, logKey     *ecdsa.PrivateKey
	log2Key           ed25519.PrivateKey
}

// An authority has a root, a certificate between, and one that stamps or nothing.
type authority struct {
	root, between, leaf *x509.Certificate
	key                 *ecdsa.PrivateKey // of the last
}

// New makes an instance, which may be used since two hours ago.
func New(t testing.TB) *Instance {
	t.Helper()
	i := &Instance{t: t, Start: time.Now().Add(-2 * time.Hour).Truncate(time.Second)}
	i.issuers = i.newAuthority("issuer", x509.ExtKeyUsageCodeSigning)
	i.stampers = i.newAuthority("stamper", x509.ExtKeyUsageTimeStamping)
	leafKey := i.newKey()
	i.stampers.leaf = i.certify(&x509.Certificate{
		KeyUsage:        x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{criticalUsage(t)},
	}, leafKey, i.stampers.between, i.stampers.key)
	i.stampers.key = leafKey
	i.ctKey, i.logKey = i.newKey(), i.newKey()
	var err error
	if _, i.log2Key, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	return i
}

// criticalUsage is what a certificate that stamps has to say.
func criticalUsage(t testing.TB) pkix.Extension {
	t.Helper()
	value, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		t.Fatal(err)
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: value}
}

func (i *Instance) newAuthority(name string, usage x509.ExtKeyUsage) authority {
	i.t.Helper()
	ca := func(name string) *x509.Certificate {
		return &x509.Certificate{
			Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
			KeyUsage: x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{usage},
		}
	}
	rootKey, key := i.newKey(), i.newKey()
	root := i.certify(ca(name+" root"), rootKey, nil, rootKey)
	return authority{root: root, between: i.certify(ca(name), key, root, rootKey), key: key}
}

func (i *Instance) newKey() *ecdsa.PrivateKey {
	i.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		i.t.Fatal(err)
	}
	return key
}

// certify makes a certificate for a day, if the template does not say for when. Without a
// parent it signs itself.
func (i *Instance) certify(template *x509.Certificate, key *ecdsa.PrivateKey, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) *x509.Certificate {
	i.t.Helper()
	if template.NotBefore.IsZero() {
		template.NotBefore, template.NotAfter = i.Start, i.Start.Add(24*time.Hour)
	}
	if template.SerialNumber == nil {
		template.SerialNumber = big.NewInt(time.Now().UnixNano())
	}
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		i.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		i.t.Fatal(err)
	}
	return cert
}

// Names of the two logs of signatures.
const (
	host  = "rekor.test"
	host2 = "log2.rekor.test"
)

// Root gives the trusted root of the instance, in which a test may change things.
func (i *Instance) Root() map[string]any {
	i.t.Helper()
	period := map[string]any{"start": i.Start, "end": i.Start.Add(24 * time.Hour)}
	chain := func(name string, certificates ...*x509.Certificate) map[string]any {
		var all []any
		for _, c := range certificates {
			all = append(all, map[string]any{"rawBytes": c.Raw})
		}
		return map[string]any{"uri": "https://" + name, "certChain": map[string]any{"certificates": all}, "validFor": period}
	}
	log := func(name, details string, public any) map[string]any {
		return map[string]any{
			"baseUrl": "https://" + name, "hashAlgorithm": "SHA2_256", "logId": map[string]any{"keyId": i.logID(public)},
			"publicKey": map[string]any{"rawBytes": i.marshalKey(public), "keyDetails": details, "validFor": period},
		}
	}
	const p256 = "PKIX_ECDSA_P256_SHA_256"
	return map[string]any{
		"mediaType":              "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
		"certificateAuthorities": []any{chain("fulcio.test", i.issuers.between, i.issuers.root)},
		"timestampAuthorities":   []any{chain("stamps.test", i.stampers.leaf, i.stampers.between, i.stampers.root)},
		"ctlogs":                 []any{log("ct.test", p256, i.ctKey.Public())},
		"tlogs":                  []any{log(host, p256, i.logKey.Public()), log(host2, "PKIX_ED25519", i.log2Key.Public())},
	}
}

// RootFile gives the trusted root as a file has it.
func (i *Instance) RootFile() []byte { return i.encode(i.Root()) }

func (i *Instance) encode(v any) []byte {
	i.t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		i.t.Fatal(err)
	}
	return b
}

func (i *Instance) marshalKey(public any) []byte {
	i.t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		i.t.Fatal(err)
	}
	return der
}

// logID gives the id of the log with a key.
func (i *Instance) logID(public any) []byte {
	i.t.Helper()
	sum := sha256.Sum256(i.marshalKey(public))
	return sum[:]
}
