package keyless

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/bayplan/bayplan/internal/trust/cosign"
)

// checkEntries gives the logs of the root that have an entry for the signature, of which
// there must be one, and the times that they have signed. Each entry in such a log has to
// be right.
func (r *Root) checkEntries(s *cosign.Signature) (known []*log, times []time.Time, err error) {
	if len(s.Entries) == 0 {
		return nil, nil, errors.New("it has no log entry")
	}
	for _, e := range s.Entries {
		l := r.logs[string(e.LogID)]
		if l == nil {
			continue
		}
		known = append(known, l)
		if err := l.check(e); err != nil {
			return nil, nil, err
		}
		if err := checkBody(e.Body, s); err != nil {
			return nil, nil, err
		}
		if e.Promise != nil {
			times = append(times, time.Unix(e.Time, 0))
		}
	}
	if len(known) == 0 {
		return nil, nil, errors.New("its log entry is in no log that the root names")
	}
	return known, times, nil
}

// A claim is what a log entry says: a signature, by the key of a certificate, of a text
// with a sum.
type claim struct {
	algorithm   string
	sum         []byte
	form        form
	signature   []byte
	certificate []byte
}

// A form is what the sum of a claim is of.
type form int

const (
	anyText  form = iota // the text that is signed
	document             // that text, which is no envelope's
	payload              // an envelope's payload
)

// checkBody gives an error unless an entry is about the signature.
func checkBody(body []byte, s *cosign.Signature) error {
	c, err := readBody(body)
	if err != nil {
		return err
	}
	text := s.Text
	if c.form == payload && s.Envelope != nil {
		text = s.Envelope.Payload
	}
	switch sum := c.sumOf(s, text); {
	case c.form == payload && s.Envelope == nil, c.form == document && s.Envelope != nil:
		return errors.New("its log entry is for a signature of another form")
	case !bytes.Equal(c.signature, s.Signature):
		return errors.New("its log entry is for another signature")
	case !bytes.Equal(c.certificate, s.Certificate):
		return errors.New("its log entry is for another certificate")
	case sum == nil || !bytes.Equal(c.sum, sum):
		return errors.New("its log entry is for another text")
	}
	return nil
}

// hash gives the hash that the sum is of, 0 for none that is known.
func (c claim) hash() crypto.Hash {
	switch c.algorithm {
	case "sha256", "SHA2_256":
		return crypto.SHA256
	case "sha384", "SHA2_384":
		return crypto.SHA384
	case "sha512", "SHA2_512":
		return crypto.SHA512
	}
	return 0
}

// sumOf gives the sum that a claim about the text of a signature has, nil if its hash is not
// known.
func (c claim) sumOf(s *cosign.Signature, text []byte) []byte {
	hash := c.hash()
	switch {
	case text == nil && hash == crypto.SHA256:
		return s.Sum[:]
	case text == nil || hash == 0:
		return nil
	}
	h := hash.New()
	h.Write(text)
	return h.Sum(nil)
}

// readBody reads what a log has kept.
func readBody(body []byte) (claim, error) {
	var b struct {
		Kind       string          `json:"kind"`
		APIVersion string          `json:"apiVersion"`
		Spec       json.RawMessage `json:"spec"`
	}
	err := json.Unmarshal(body, &b)
	var c claim
	if err == nil {
		switch b.Kind + " " + b.APIVersion {
		case "hashedrekord 0.0.1":
			c, err = readHashed(b.Spec)
		case "dsse 0.0.1":
			c, err = readEnvelope(b.Spec)
		case "intoto 0.0.2":
			c, err = readIntoto(b.Spec)
		case "hashedrekord 0.0.2":
			c, err = readHashed2(b.Spec)
		default:
			return c, fmt.Errorf("its log entry is of the kind %q, version %q, which is not judged", b.Kind, b.APIVersion)
		}
	}
	if err != nil {
		return c, errors.New("its log entry cannot be read")
	}
	return c, nil
}

type hexSum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"value"`
}

func readHashed(spec []byte) (c claim, err error) {
	var e struct {
		Data struct {
			Hash hexSum `json:"hash"`
		} `json:"data"`
		Signature struct {
			Content   []byte `json:"content"`
			PublicKey struct {
				Content []byte `json:"content"`
			} `json:"publicKey"`
		} `json:"signature"`
	}
	if err = json.Unmarshal(spec, &e); err != nil {
		return c, err
	}
	return newClaim(document, e.Data.Hash, e.Signature.Content, e.Signature.PublicKey.Content)
}

func readEnvelope(spec []byte) (c claim, err error) {
	var e struct {
		PayloadHash hexSum `json:"payloadHash"`
		Signatures  []struct {
			Signature []byte `json:"signature"`
			Verifier  []byte `json:"verifier"`
		} `json:"signatures"`
	}
	if err = json.Unmarshal(spec, &e); err != nil {
		return c, err
	}
	if len(e.Signatures) != 1 {
		return c, errors.New("it is for several signatures")
	}
	return newClaim(payload, e.PayloadHash, e.Signatures[0].Signature, e.Signatures[0].Verifier)
}

// readIntoto reads the older form of entries for envelopes. It has the signature's base64 in
// base64.
func readIntoto(spec []byte) (c claim, err error) {
	var e struct {
		Content struct {
			Envelope struct {
				Signatures []struct {
					PublicKey []byte `json:"publicKey"`
					Sig       []byte `json:"sig"`
				} `json:"signatures"`
			} `json:"envelope"`
			PayloadHash hexSum `json:"payloadHash"`
		} `json:"content"`
	}
	if err = json.Unmarshal(spec, &e); err != nil {
		return c, err
	}
	all := e.Content.Envelope.Signatures
	if len(all) != 1 {
		return c, errors.New("it is for several signatures")
	}
	sig, err := base64.StdEncoding.DecodeString(string(all[0].Sig))
	if err != nil {
		return c, err
	}
	return newClaim(payload, e.Content.PayloadHash, sig, all[0].PublicKey)
}

func newClaim(of form, sum hexSum, signature, certificate []byte) (claim, error) {
	value, err := hex.DecodeString(sum.Value)
	block, _ := pem.Decode(certificate)
	if err != nil || block == nil {
		return claim{}, errors.New("it has no sum or no certificate")
	}
	return claim{algorithm: sum.Algorithm, sum: value, form: of, signature: signature, certificate: block.Bytes}, nil
}

func readHashed2(spec []byte) (c claim, err error) {
	var e struct {
		Entry struct {
			Data struct {
				Algorithm string `json:"algorithm"`
				Digest    []byte `json:"digest"`
			} `json:"data"`
			Signature struct {
				Content  []byte `json:"content"`
				Verifier struct {
					Certificate struct {
						Bytes []byte `json:"rawBytes"`
					} `json:"x509Certificate"`
				} `json:"verifier"`
			} `json:"signature"`
		} `json:"hashedRekordV002"`
	}
	err = json.Unmarshal(spec, &e)
	sig := e.Entry.Signature
	return claim{algorithm: e.Entry.Data.Algorithm, sum: e.Entry.Data.Digest, signature: sig.Content, certificate: sig.Verifier.Certificate.Bytes}, err
}
