package sigstore

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/trust/cosign"
)

// Who is trusted.
const (
	TrustedIssuer   = "https://issuer.test"
	TrustedIdentity = "https://git.test/mine/app/.ci/release.yml@refs/tags/v1"
)

// A Document is a signature, and the trusted root by which it is to be checked.
type Document struct {
	*cosign.Signature

	Bundle []byte
	Root   []byte
	Sum    [sha256.Size]byte // of the text that is signed, or that a signed statement is about
}

// A stage is what the cases take their documents from: an instance that is trusted, another
// one, and who is trusted.
type stage struct {
	*Instance
	other *Instance
	by    Signer
	what  What
	root  map[string]any
}

func newStage(t testing.TB) *stage {
	t.Helper()
	s := &stage{Instance: New(t), other: New(t), what: What{Text: []byte("a document")}}
	s.by = s.trusted()
	s.root = s.Root()
	return s
}

// trusted gives a signer who is trusted.
func (i *Instance) trusted() Signer {
	return Signer{Identity: TrustedIdentity, Issuer: TrustedIssuer, From: i.Start.Add(time.Hour)}
}

// statement is what a bundle signs about the text of the stage.
func (s *stage) statement() What {
	sum := sha256.Sum256(s.what.Text)
	text := fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"","digest":{"sha256":%q}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{}}`, hex.EncodeToString(sum[:]))
	return What{Envelope: &cosign.Envelope{Type: "application/vnd.in-toto+json", Payload: []byte(text)}}
}

func (s *stage) sign(log Log) *cosign.Signature { return s.Sign(s.by, s.what, log) }

// signed is when the stage's signer signs.
func (s *stage) signed() time.Time { return s.by.From.Add(5 * time.Minute) }

// A Case makes a document, and says what must be found wrong with it.
type Case struct {
	Want     string // "": it is right
	Stricter bool   // sigstore-go takes it though something is wrong

	make func(s *stage) *cosign.Signature
}

// Document makes the document of a case.
func (c Case) Document(t testing.TB) Document {
	t.Helper()
	s := newStage(t)
	sig := c.make(s)
	version := Bundle03
	for _, e := range sig.Entries {
		if e.Proof == nil {
			version = Bundle01
		}
	}
	return Document{Signature: sig, Bundle: s.Bundle(sig, version), Root: s.encode(s.root), Sum: sha256.Sum256(s.what.Text)}
}

// Cases gives good and bad documents by name.
func Cases() map[string]Case {
	all := map[string]Case{}
	for name, log := range Logs() {
		all["a text, "+name] = Case{make: func(s *stage) *cosign.Signature { return s.sign(log) }}
		all["an envelope, "+name] = Case{make: func(s *stage) *cosign.Signature { return s.Sign(s.by, s.statement(), log) }}
	}
	for _, more := range []map[string]Case{signerCases(), certificateCases(), entryCases(), promiseCases(), proofCases(), timestampCases(), rootCases()} {
		maps.Copy(all, more)
	}
	return all
}

// change gives a case of a signer who is another one.
func change(want string, f func(s *stage)) Case {
	return Case{Want: want, make: func(s *stage) *cosign.Signature {
		f(s)
		return s.sign(Both)
	}}
}

// spoil gives a case of a signature that is changed.
func spoil(log Log, want string, f func(s *stage, sig *cosign.Signature)) Case {
	return Case{Want: want, make: func(s *stage) *cosign.Signature {
		sig := s.sign(log)
		f(s, sig)
		return sig
	}}
}

// template gives a case of a certificate that is changed before it is issued.
func template(want string, f func(c *x509.Certificate)) Case {
	return change(want, func(s *stage) { s.by.Change = f })
}

func signerCases() map[string]Case {
	return map[string]Case{
		"another issuer":             change("it is signed by "+TrustedIdentity+", as https://other.test says", func(s *stage) { s.by.Issuer = "https://other.test" }),
		"an issuer that is longer":   change("as "+TrustedIssuer+"/ says", func(s *stage) { s.by.Issuer += "/" }),
		"another identity":           change("it is signed by https://git.test/other/app, as "+TrustedIssuer+" says", func(s *stage) { s.by.Identity = "https://git.test/other/app" }),
		"an identity that is longer": change("it is signed by "+TrustedIdentity+"2", func(s *stage) { s.by.Identity += "2" }),
		"a mail address":             change("it is signed by me@git.test", func(s *stage) { s.by.Identity = "me@git.test" }),
		"another authority": {Want: "its certificate does not hold at", make: func(s *stage) *cosign.Signature {
			sig := s.other.Sign(s.by, s.what, Both)
			sig.Entries = []cosign.LogEntry{s.Entry(sig, Both, s.signed())}
			return sig
		}},
		"another instance": {Want: "its log entry is in no log that the root names", make: func(s *stage) *cosign.Signature { return s.other.Sign(s.by, s.what, Both) }},
		"another key": spoil(Both, "it is not signed by the key of its certificate", func(s *stage, sig *cosign.Signature) {
			other := s.sign(Both)
			sig.Signature = other.Signature
			sig.Entries = []cosign.LogEntry{s.Entry(sig, Both, s.signed())}
		}),
		"another text": spoil(Both, "it is not signed by the key of its certificate", func(_ *stage, sig *cosign.Signature) {
			sig.Text = []byte("another document")
			sig.Sum = sha256.Sum256(sig.Text)
		}),
	}
}

func certificateCases() map[string]Case {
	extension := func(last int, value []byte) pkix.Extension {
		return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, last}, Value: value}
	}
	return map[string]Case{
		"no stamp":               change("its certificate is in no log of certificates that the root names", func(s *stage) { s.by.Unlogged = true }),
		"a stamp of another log": change("its certificate is in no log of certificates that the root names", func(s *stage) { s.by.Logs = s.other }),
		"not for signing":        template("its certificate does not hold at", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }),
		"only the old issuer":    template("", func(c *x509.Certificate) { c.ExtraExtensions = c.ExtraExtensions[:1] }),
		"only the new issuer":    template("", func(c *x509.Certificate) { c.ExtraExtensions = c.ExtraExtensions[1:] }),
		"no issuer":              template("its certificate names 0 issuers, not one", func(c *x509.Certificate) { c.ExtraExtensions = nil }),
		"a broken issuer":        template("the issuer in its certificate cannot be read", func(c *x509.Certificate) { c.ExtraExtensions[1].Value = []byte(TrustedIssuer) }),
		"two issuers": {Stricter: true, Want: "its certificate names 2 issuers, not one", make: func(s *stage) *cosign.Signature {
			s.by.Change = func(c *x509.Certificate) { c.ExtraExtensions[0] = extension(1, []byte("https://other.test")) }
			return s.sign(Both)
		}},
		"two identities": {Stricter: true, Want: "its certificate is for 2 URLs and mail addresses, and not for one", make: func(s *stage) *cosign.Signature {
			s.by.Change = func(c *x509.Certificate) { c.EmailAddresses = []string{"other@git.test"} }
			return s.sign(Both)
		}},
		"no identity": template("its certificate is for 0 URLs and mail addresses, and not for one", func(c *x509.Certificate) { c.URIs, c.DNSNames = nil, []string{"git.test"} }),
		"a critical extension": template("its certificate does not hold at", func(c *x509.Certificate) {
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}})
		}),
		"a broken stamp": {Want: "what logs say about its certificate cannot be read", make: func(s *stage) *cosign.Signature {
			s.by.Unlogged = true
			s.by.Change = func(c *x509.Certificate) {
				c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}, Value: []byte{4, 1, 0}})
			}
			return s.sign(Both)
		}},
		"a broken certificate": spoil(Both, "its certificate cannot be read", func(_ *stage, sig *cosign.Signature) { sig.Certificate = sig.Certificate[:100] }),
	}
}

func entryCases() map[string]Case {
	both := Both
	return map[string]Case{
		"no log entry": spoil(both, "it has no log entry", func(_ *stage, sig *cosign.Signature) { sig.Entries = nil }),
		"the entry is of a time after the certificate": spoil(both, "its certificate does not hold at", func(s *stage, sig *cosign.Signature) {
			sig.Entries = []cosign.LogEntry{s.Entry(sig, both, s.by.From.Add(11*time.Minute))}
		}),
		"the entry is of a time before the certificate": spoil(both, "its certificate does not hold at", func(s *stage, sig *cosign.Signature) {
			sig.Entries = []cosign.LogEntry{s.Entry(sig, both, s.by.From.Add(-time.Second))}
		}),
		"the entry is for another text": spoil(both, "its log entry is for another text", func(s *stage, sig *cosign.Signature) {
			another := *sig
			another.Sum = sha256.Sum256([]byte("another document"))
			sig.Entries = []cosign.LogEntry{s.Entry(&another, both, s.signed())}
		}),
		"the entry is for another signature": spoil(both, "its log entry is for another signature", func(s *stage, sig *cosign.Signature) { sig.Entries = s.sign(both).Entries }),
		"the entry is for another certificate": spoil(both, "its log entry is for another certificate", func(s *stage, sig *cosign.Signature) {
			another := *sig
			another.Certificate = s.sign(both).Certificate
			sig.Entries = []cosign.LogEntry{s.Entry(&another, both, s.signed())}
		}),
		"the entry of an envelope is for another payload": {Want: "its log entry is for another text", make: func(s *stage) *cosign.Signature {
			sig := s.Sign(s.by, s.statement(), both)
			another := *sig
			another.Envelope = &cosign.Envelope{Type: sig.Envelope.Type, Payload: []byte("{}")}
			sig.Entries = []cosign.LogEntry{s.Entry(&another, both, s.signed())}
			return sig
		}},
		"the entry of an envelope is for a document": {Want: "its log entry is for a signature of another form", make: func(s *stage) *cosign.Signature {
			sig := s.Sign(s.by, s.statement(), both)
			another := *sig
			another.Envelope = nil
			sig.Entries = []cosign.LogEntry{s.Entry(&another, both, s.signed())}
			return sig
		}},
		"the entry is for an envelope": spoil(both, "its log entry is for a signature of another form", func(s *stage, sig *cosign.Signature) {
			another := *sig
			another.Envelope = &cosign.Envelope{Type: "text/plain", Payload: sig.Text}
			sig.Entries = []cosign.LogEntry{s.Entry(&another, both, s.signed())}
		}),
		"an entry of another kind": spoil(Proof, `its log entry is of the kind "rekord", version "0.0.1", which is not judged`, func(s *stage, sig *cosign.Signature) {
			e := &sig.Entries[0]
			e.Body = bytes.Replace(e.Body, []byte("hashedrekord"), []byte("rekord"), 1)
			e.Proof = s.Include(e.Body, Proof)
		}),
		"an entry that is no JSON": spoil(Proof, "its log entry cannot be read", func(s *stage, sig *cosign.Signature) {
			sig.Entries[0].Body = []byte("<html>")
			sig.Entries[0].Proof = s.Include(sig.Entries[0].Body, Proof)
		}),
	}
}

func promiseCases() map[string]Case {
	both := Both
	return map[string]Case{
		"the promise of another log": spoil(both, "its log entry is not signed by the log", func(s *stage, sig *cosign.Signature) {
			sig.Entries[0].Promise = s.other.Entry(sig, both, s.signed()).Promise
		}),
		"the promise is for another time":  spoil(both, "its log entry is not signed by the log", func(_ *stage, sig *cosign.Signature) { sig.Entries[0].Time++ }),
		"the promise is for another place": spoil(both, "its log entry is not signed by the log", func(_ *stage, sig *cosign.Signature) { sig.Entries[0].Index++ }),
		"neither promise nor proof":        spoil(Promise, "nothing shows that its log entry is in the log", func(_ *stage, sig *cosign.Signature) { sig.Entries[0].Promise = nil }),
		"a second entry in an unknown log": spoil(both, "", func(s *stage, sig *cosign.Signature) {
			sig.Entries = append(sig.Entries, s.other.Entry(sig, both, s.signed()))
		}),
		"a second entry that is right": spoil(both, "", func(s *stage, sig *cosign.Signature) {
			sig.Entries = append(sig.Entries, s.Entry(sig, Second, s.signed()))
		}),
		"a second entry that is wrong": spoil(both, "its log entry is for another signature", func(s *stage, sig *cosign.Signature) {
			second := s.sign(both).Entries[0]
			second.LogID, second.Index = sig.Entries[0].LogID, 1000
			sig.Entries = append(sig.Entries, second)
		}),
	}
}

func proofCases() map[string]Case {
	const wrong = "its log entry is not in the log: "
	all := map[string]Case{}
	for name, log := range map[string]Log{"both": Both, "second": Second} {
		maps.Copy(all, map[string]Case{
			"another hash in the proof, " + name: spoil(log, wrong+"the proof does not lead to the root", func(_ *stage, sig *cosign.Signature) { sig.Entries[0].Proof.Hashes[1][3] ^= 1 }),
			"a hash less, " + name: spoil(log, wrong+"the proof does not lead to the root", func(_ *stage, sig *cosign.Signature) {
				sig.Entries[0].Proof.Hashes = sig.Entries[0].Proof.Hashes[1:]
			}),
			"another place in the proof, " + name: spoil(log, wrong+"the proof does not lead to the root", func(_ *stage, sig *cosign.Signature) {
				if sig.Entries[0].Proof.Index = 2; log == Second {
					sig.Entries[0].Index = 2 // sigstore-go looks at this one
				}
			}),
			"the proof of another entry, " + name: spoil(log, wrong+"the proof does not lead to the root", func(s *stage, sig *cosign.Signature) {
				sig.Entries[0].Proof = s.Include([]byte("another"), log)
			}),
			"the checkpoint of another log, " + name: spoil(log, wrong+"its checkpoint is not signed by the log", func(s *stage, sig *cosign.Signature) {
				sig.Entries[0].Proof = s.other.Include(sig.Entries[0].Body, log)
			}),
			"a checkpoint without a signature, " + name: spoil(log, wrong+"its checkpoint is not signed by the log", func(_ *stage, sig *cosign.Signature) {
				before, _, _ := bytes.Cut([]byte(sig.Entries[0].Proof.Checkpoint), []byte("\n\n"))
				sig.Entries[0].Proof.Checkpoint = string(before) + "\n\n"
			}),
			"a checkpoint that is cut, " + name: spoil(log, wrong+"its checkpoint", func(s *stage, sig *cosign.Signature) {
				sig.Entries[0].Proof.Checkpoint = s.Checkpoint(log, "", 7, nil)
			}),
		})
	}
	all["the checkpoint names another log"] = spoil(Second, wrong+"its checkpoint is of another log, other.test", func(s *stage, sig *cosign.Signature) {
		leaf := sha256.Sum256(append([]byte{0}, sig.Entries[0].Body...))
		sig.Entries[0].Index = 0
		sig.Entries[0].Proof = &cosign.Inclusion{Checkpoint: s.Checkpoint(Second, "other.test", 1, leaf[:])}
	})
	all["the checkpoint of the first log"] = spoil(Second, wrong+"its checkpoint is not signed by the log", func(s *stage, sig *cosign.Signature) {
		sig.Entries[0].Proof = s.Include(sig.Entries[0].Body, Both)
	})
	return all
}

func timestampCases() map[string]Case {
	all := map[string]Case{}
	for name, log := range map[string]Log{"proof": Proof, "second": Second} {
		stamp := func(want string, f func(s *stage, sig *cosign.Signature) []byte) Case {
			return spoil(log, want, func(s *stage, sig *cosign.Signature) { sig.Timestamps = [][]byte{f(s, sig)} })
		}
		const nobody = "nobody whom the root trusts says when it was signed: "
		maps.Copy(all, map[string]Case{
			"no timestamp, " + name:                     spoil(log, nobody+"it has no timestamp", func(_ *stage, sig *cosign.Signature) { sig.Timestamps = nil }),
			"a timestamp of another signature, " + name: stamp(nobody, func(s *stage, _ *cosign.Signature) []byte { return s.Timestamp([]byte("another"), s.signed()) }),
			"a timestamp of another authority, " + name: stamp(nobody, func(s *stage, sig *cosign.Signature) []byte { return s.other.Timestamp(sig.Signature, s.signed()) }),
			"a timestamp that cannot be read, " + name:  stamp(nobody, func(*stage, *cosign.Signature) []byte { return []byte("now") }),
			"a timestamp after the certificate, " + name: stamp("its certificate does not hold at", func(s *stage, sig *cosign.Signature) []byte {
				return s.Timestamp(sig.Signature, s.by.From.Add(time.Hour))
			}),
			"one timestamp is right, " + name: spoil(log, "", func(s *stage, sig *cosign.Signature) {
				sig.Timestamps = append([][]byte{s.other.Timestamp(sig.Signature, s.signed())}, sig.Timestamps...)
			}),
		})
	}
	all["a timestamp of another time beside a promise"] = spoil(Both, "its certificate does not hold at", func(s *stage, sig *cosign.Signature) {
		sig.Timestamps = [][]byte{s.Timestamp(sig.Signature, s.by.From.Add(time.Hour))}
	})
	return all
}

// rootCases are cases in which the root no longer trusts a part of the instance.
func rootCases() map[string]Case {
	until := func(s *stage, key string) {
		entry := s.root[key].([]any)[0].(map[string]any)
		if public, ok := entry["publicKey"].(map[string]any); ok {
			entry = public
		}
		entry["validFor"] = map[string]any{"start": s.Start, "end": s.Start.Add(30 * time.Minute)}
	}
	return map[string]Case{
		"the authority is no longer trusted":           change("the root trusted no certificate authority then", func(s *stage) { until(s, "certificateAuthorities") }),
		"the log of certificates is no longer trusted": change("its certificate is in no log of certificates that the root names", func(s *stage) { until(s, "ctlogs") }),
		"the log is no longer trusted":                 change("when the root did not trust the log of its log entry", func(s *stage) { until(s, "tlogs") }),
		"the log is no longer trusted, by a timestamp": {Stricter: true, Want: "when the root did not trust the log of its log entry", make: func(s *stage) *cosign.Signature {
			until(s, "tlogs")
			return s.sign(Proof)
		}},
		"the timestamp authority is no longer trusted": {Want: "the root did not trust the authority then", make: func(s *stage) *cosign.Signature {
			until(s, "timestampAuthorities")
			return s.sign(Proof)
		}},
	}
}
