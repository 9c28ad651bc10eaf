package cosign_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/dev/sigstore"
	"github.com/bayplan/bayplan/internal/trust/cosign"
)

const (
	keySignature   = "dev.cosignproject.cosign/signature"
	keyCertificate = "dev.sigstore.cosign/certificate"
	keyLogEntry    = "dev.sigstore.cosign/bundle"
	keyTimestamp   = "dev.sigstore.cosign/rfc3161timestamp"
)

func newSigned(t *testing.T, what sigstore.What, log sigstore.Log) (*sigstore.Instance, *cosign.Signature) {
	t.Helper()
	i := sigstore.New(t)
	return i, i.Sign(sigstore.Signer{Identity: "me@git.test", Issuer: "https://issuer.test", From: i.Start}, what, log)
}

func TestReadDocument(t *testing.T) {
	i, want := newSigned(t, sigstore.What{Text: []byte("text")}, sigstore.Promise)
	want.Timestamps = [][]byte{[]byte("stamp")}
	good := i.Annotations(want)
	got, err := cosign.ReadDocument([]byte("text"), good)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	certificate := good[keyCertificate]
	for name, change := range map[string]map[string]string{
		"no signature":         {keySignature: ""},
		"a broken signature":   {keySignature: "<html>"},
		"a broken certificate": {keyCertificate: "<html>"},
		"two certificates":     {keyCertificate: certificate + certificate},
		"a key":                {keyCertificate: strings.ReplaceAll(certificate, "CERTIFICATE", "PUBLIC KEY")},
		"a broken log entry":   {keyLogEntry: "<html>"},
		"a broken log id":      {keyLogEntry: `{"Payload":{"logID":"x"}}`},
		"a broken timestamp":   {keyTimestamp: "<html>"},
	} {
		annotations := maps.Clone(good)
		maps.Copy(annotations, change)
		if _, err := cosign.ReadDocument([]byte("text"), annotations); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestReadBundle(t *testing.T) {
	for name, log := range sigstore.Logs() {
		i, want := newSigned(t, sigstore.What{Envelope: &cosign.Envelope{Type: "text/plain", Payload: []byte("text")}}, log)
		version := sigstore.Bundle03
		if log == sigstore.Promise {
			version = sigstore.Bundle01
		}
		b := i.Bundle(want, version)
		got, err := cosign.ReadBundle(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// A bundle has its numbers as texts or as numbers, and its bytes in either alphabet.
func TestReadBundleForms(t *testing.T) {
	i, want := newSigned(t, sigstore.What{Envelope: &cosign.Envelope{Type: "text/plain", Payload: []byte("<<???>>")}}, sigstore.Both)
	text := string(i.Bundle(want, sigstore.Bundle03))
	text = strings.Replace(text, `"logIndex":"1000"`, `"logIndex":1000`, 1)
	text = strings.Replace(text, base64.StdEncoding.EncodeToString(want.Envelope.Payload), base64.URLEncoding.EncodeToString(want.Envelope.Payload), 1)
	got, err := cosign.ReadBundle([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, tt := range map[string]struct {
		change func(b map[string]any)
		want   string
	}{
		"another file": {func(b map[string]any) { b["mediaType"] = "text/plain" }, "it is not a bundle that can be read"},
		"another version": {
			func(b map[string]any) { b["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.4+json" },
			`it is a bundle of the type "application/vnd.dev.sigstore.bundle.v0.4+json", which is not known`,
		},
		"a broken index": {func(b map[string]any) { entryOf(b)["logIndex"] = "x" }, "it is not a bundle that can be read"},
		"broken base64":  {func(b map[string]any) { entryOf(b)["canonicalizedBody"] = "<html>" }, "it is not a bundle that can be read"},
		"two signatures": {func(b map[string]any) { b["messageSignature"] = map[string]any{"signature": "AAAA"} }, "the bundle holds two signatures"},
		"two in an envelope": {func(b map[string]any) {
			e := b["dsseEnvelope"].(map[string]any)
			e["signatures"] = append(e["signatures"].([]any), e["signatures"].([]any)[0])
		}, "the envelope in the bundle has 2 signatures, not one"},
		"a certificate and a chain": {func(b map[string]any) {
			b["verificationMaterial"].(map[string]any)["x509CertificateChain"] = map[string]any{"certificates": []any{map[string]any{"rawBytes": "AAAA"}}}
		}, "the bundle holds a certificate and a chain of certificates"},
		"no proof in a new bundle": {func(b map[string]any) { delete(entryOf(b), "inclusionProof") }, "a log entry of the bundle has no proof that it is in the log"},
		"many entries": {func(b map[string]any) {
			m := b["verificationMaterial"].(map[string]any)
			for range 32 {
				m["tlogEntries"] = append(m["tlogEntries"].([]any), entryOf(b))
			}
		}, "the bundle holds more than 32 log entries or timestamps"},
	} {
		t.Run(name, func(t *testing.T) {
			var b map[string]any
			if err := json.Unmarshal([]byte(text), &b); err != nil {
				t.Fatal(err)
			}
			tt.change(b)
			if _, err := cosign.ReadBundle(encode(t, b)); err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// entryOf gives the first log entry of a bundle.
func entryOf(b map[string]any) map[string]any {
	return b["verificationMaterial"].(map[string]any)["tlogEntries"].([]any)[0].(map[string]any)
}
