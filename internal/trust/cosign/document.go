package cosign

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
)

// Annotations of a layer that holds a document.
const (
	keySignature   = "dev.cosignproject.cosign/signature"
	keyCertificate = "dev.sigstore.cosign/certificate"
	keyLogEntry    = "dev.sigstore.cosign/bundle"
	keyTimestamp   = "dev.sigstore.cosign/rfc3161timestamp"
)

// ReadDocument reads a signed document of simple signing, whose signature and what belongs
// to it are in the annotations of the document's layer. The annotation with the chain of the
// certificate is not read: whom to trust, the signer cannot say.
func ReadDocument(b []byte, annotations map[string]string) (*Signature, error) {
	sig, err := base64.StdEncoding.DecodeString(annotations[keySignature])
	if err != nil || len(sig) == 0 {
		return nil, fmt.Errorf("it has no signature under %s", keySignature)
	}
	s := &Signature{Signature: sig}
	s.setText(b)
	if text := annotations[keyCertificate]; text != "" {
		if s.Certificate, err = decodeCertificate([]byte(text)); err != nil {
			return nil, fmt.Errorf("%w under %s", err, keyCertificate)
		}
	}
	if text := annotations[keyLogEntry]; text != "" {
		entry, err := decodeLogEntry(text)
		if err != nil {
			return nil, fmt.Errorf("%w under %s", err, keyLogEntry)
		}
		s.Entries = append(s.Entries, entry)
	}
	if text := annotations[keyTimestamp]; text != "" {
		var stamp struct {
			Response []byte `json:"SignedRFC3161Timestamp"`
		}
		if json.Unmarshal([]byte(text), &stamp) != nil {
			return nil, fmt.Errorf("it has no timestamp that can be read under %s", keyTimestamp)
		}
		s.Timestamps = append(s.Timestamps, stamp.Response)
	}
	return s, nil
}

func decodeCertificate(text []byte) ([]byte, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("it has not one certificate")
	}
	return block.Bytes, nil
}

// decodeLogEntry reads an entry as cosign keeps it beside a document.
func decodeLogEntry(text string) (LogEntry, error) {
	var b struct {
		Promise []byte `json:"SignedEntryTimestamp"`
		Payload struct {
			Body  []byte `json:"body"`
			Time  int64  `json:"integratedTime"`
			Index int64  `json:"logIndex"`
			LogID string `json:"logID"`
		} `json:"Payload"`
	}
	err := json.Unmarshal([]byte(text), &b)
	id, err2 := hex.DecodeString(b.Payload.LogID)
	if errors.Join(err, err2) != nil {
		return LogEntry{}, errors.New("it has no log entry that can be read")
	}
	return LogEntry{LogID: id, Index: b.Payload.Index, Time: b.Payload.Time, Body: b.Payload.Body, Promise: b.Promise}, nil
}
