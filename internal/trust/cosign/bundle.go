package cosign

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Media types of bundles. In the first version, log entries need no proof that they are in
// the log.
const (
	typeBundle01 = typeBundle + "+json;version=0.1"
	typeBundle02 = typeBundle + "+json;version=0.2"
	typeBundle03 = typeBundle + ".v0.3+json"
	oldBundle03  = typeBundle + "+json;version=0.3"
)

// maxBeside is the largest number of log entries of a bundle, and of timestamps.
const maxBeside = 32

// A bundle is a Sigstore bundle in the JSON form of protocol buffers.
type bundle struct {
	MediaType string   `json:"mediaType"`
	Material  material `json:"verificationMaterial"`
	Envelope  *struct {
		Payload     octets `json:"payload"`
		PayloadType string `json:"payloadType"`
		Signatures  []struct {
			Sig octets `json:"sig"`
		} `json:"signatures"`
	} `json:"dsseEnvelope"`
	Message *struct {
		Signature octets `json:"signature"`
	} `json:"messageSignature"`
}

// A material shows when and by whom a bundle was signed.
type material struct {
	Certificate *raw `json:"certificate"`
	Chain       struct {
		Certificates []raw `json:"certificates"`
	} `json:"x509CertificateChain"`
	Entries    []entry `json:"tlogEntries"`
	Timestamps struct {
		Responses []struct {
			Response octets `json:"signedTimestamp"`
		} `json:"rfc3161Timestamps"`
	} `json:"timestampVerificationData"`
}

type raw struct {
	Bytes octets `json:"rawBytes"`
}

type entry struct {
	Index number `json:"logIndex"`
	LogID struct {
		KeyID octets `json:"keyId"`
	} `json:"logId"`
	Time    number `json:"integratedTime"`
	Promise struct {
		Timestamp octets `json:"signedEntryTimestamp"`
	} `json:"inclusionPromise"`
	Proof *struct {
		Index      number   `json:"logIndex"`
		Hashes     []octets `json:"hashes"`
		Checkpoint struct {
			Envelope string `json:"envelope"`
		} `json:"checkpoint"`
	} `json:"inclusionProof"`
	Body octets `json:"canonicalizedBody"`
}

// octets are bytes, in base64 of either alphabet.
type octets []byte

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *octets) UnmarshalText(text []byte) error {
	b, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		b, err = base64.URLEncoding.DecodeString(string(text))
	}
	*o = b
	return err
}

// A number is a whole number, which may be written as a text.
type number int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(b []byte) error {
	return json.Unmarshal([]byte(strings.Trim(string(b), `"`)), (*int64)(n))
}

// ReadBundle reads a bundle. What it signs is a payload in an envelope or, where somebody
// has signed the manifest as a file, that manifest, of which only the digest is known.
func ReadBundle(b []byte) (*Signature, error) {
	var read bundle
	if err := json.Unmarshal(b, &read); err != nil || !strings.HasPrefix(read.MediaType, typeBundle) {
		return nil, errors.New("it is not a bundle that can be read")
	}
	if !slices.Contains([]string{typeBundle01, typeBundle02, typeBundle03, oldBundle03}, read.MediaType) {
		return nil, fmt.Errorf("it is a bundle of the type %q, which is not known", read.MediaType)
	}
	s := &Signature{}
	switch e := read.Envelope; {
	case e != nil && read.Message != nil:
		return nil, errors.New("the bundle holds two signatures")
	case e != nil:
		if len(e.Signatures) != 1 {
			return nil, fmt.Errorf("the envelope in the bundle has %d signatures, not one", len(e.Signatures))
		}
		s.Envelope, s.Signature = &Envelope{e.PayloadType, e.Payload}, e.Signatures[0].Sig
		s.setText(fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(e.PayloadType), e.PayloadType, len(e.Payload), e.Payload))
	case read.Message != nil:
		s.Signature = read.Message.Signature
	default:
		return nil, errors.New("the bundle holds no signature")
	}
	return s, read.addMaterial(s)
}

// addMaterial adds to a signature what lies beside it.
func (b *bundle) addMaterial(s *Signature) error {
	m := b.Material
	switch n := len(m.Chain.Certificates); {
	case m.Certificate != nil && n > 0:
		return errors.New("the bundle holds a certificate and a chain of certificates")
	case m.Certificate != nil:
		s.Certificate = m.Certificate.Bytes
	case n > 0:
		s.Certificate = m.Chain.Certificates[0].Bytes
	}
	if len(m.Entries) > maxBeside || len(m.Timestamps.Responses) > maxBeside {
		return fmt.Errorf("the bundle holds more than %d log entries or timestamps", maxBeside)
	}
	for _, e := range m.Entries {
		entry := LogEntry{LogID: e.LogID.KeyID, Index: int64(e.Index), Time: int64(e.Time), Body: e.Body, Promise: e.Promise.Timestamp}
		if e.Proof != nil {
			entry.Proof = &Inclusion{Index: int64(e.Proof.Index), Checkpoint: e.Proof.Checkpoint.Envelope}
			for _, h := range e.Proof.Hashes {
				entry.Proof.Hashes = append(entry.Proof.Hashes, h)
			}
		} else if b.MediaType != typeBundle01 {
			return errors.New("a log entry of the bundle has no proof that it is in the log")
		}
		s.Entries = append(s.Entries, entry)
	}
	for _, t := range m.Timestamps.Responses {
		s.Timestamps = append(s.Timestamps, t.Response)
	}
	return nil
}
