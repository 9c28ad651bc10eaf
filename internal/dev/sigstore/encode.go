package sigstore

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/trust/cosign"
)

// Annotations gives the annotations that a signed document has in its manifest.
func (i *Instance) Annotations(s *cosign.Signature) map[string]string {
	i.t.Helper()
	all := map[string]string{"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(s.Signature)}
	if s.Certificate != nil {
		all["dev.sigstore.cosign/certificate"] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate}))
		all["dev.sigstore.cosign/chain"] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.issuers.between.Raw}))
	}
	for _, e := range s.Entries {
		all["dev.sigstore.cosign/bundle"] = string(i.encode(map[string]any{"SignedEntryTimestamp": e.Promise, "Payload": map[string]any{
			"body": e.Body, "integratedTime": e.Time, "logIndex": e.Index, "logID": hex.EncodeToString(e.LogID),
		}}))
	}
	for _, stamp := range s.Timestamps {
		all["dev.sigstore.cosign/rfc3161timestamp"] = string(i.encode(map[string]any{"SignedRFC3161Timestamp": stamp}))
	}
	return all
}

// Media types of bundles.
const (
	Bundle01 = "application/vnd.dev.sigstore.bundle+json;version=0.1"
	Bundle03 = "application/vnd.dev.sigstore.bundle.v0.3+json"
)

// Bundle gives a signature as a bundle.
func (i *Instance) Bundle(s *cosign.Signature, mediaType string) []byte {
	i.t.Helper()
	material := map[string]any{"tlogEntries": entries(s)}
	switch {
	case s.Certificate == nil:
		material["publicKey"] = map[string]any{"hint": "x"}
	case mediaType == Bundle01:
		material["x509CertificateChain"] = map[string]any{"certificates": []any{map[string]any{"rawBytes": s.Certificate}}}
	default:
		material["certificate"] = map[string]any{"rawBytes": s.Certificate}
	}
	var stamps []any
	for _, stamp := range s.Timestamps {
		stamps = append(stamps, map[string]any{"signedTimestamp": stamp})
	}
	material["timestampVerificationData"] = map[string]any{"rfc3161Timestamps": stamps}
	b := map[string]any{"mediaType": mediaType, "verificationMaterial": material}
	if s.Envelope != nil {
		b["dsseEnvelope"] = map[string]any{
			"payload": s.Envelope.Payload, "payloadType": s.Envelope.Type, "signatures": []any{map[string]any{"sig": s.Signature}},
		}
	} else {
		b["messageSignature"] = map[string]any{
			"messageDigest": map[string]any{"algorithm": "SHA2_256", "digest": s.Sum[:]}, "signature": s.Signature,
		}
	}
	return i.encode(b)
}

func entries(s *cosign.Signature) []any {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	var all []any
	for _, e := range s.Entries {
		entry := map[string]any{
			"logIndex": number(e.Index), "integratedTime": number(e.Time), "logId": map[string]any{"keyId": e.LogID},
			"kindVersion": kindVersion(e.Body), "canonicalizedBody": e.Body,
		}
		if e.Promise != nil {
			entry["inclusionPromise"] = map[string]any{"signedEntryTimestamp": e.Promise}
		}
		if p := e.Proof; p != nil {
			entry["inclusionProof"] = map[string]any{
				"logIndex": number(p.Index), "treeSize": "7", "hashes": p.Hashes, "rootHash": rootOf(p.Checkpoint),
				"checkpoint": map[string]any{"envelope": p.Checkpoint},
			}
		}
		all = append(all, entry)
	}
	return all
}

// kindVersion repeats the kind of an entry beside it.
func kindVersion(body []byte) map[string]any {
	var b struct{ Kind, APIVersion string }
	_ = json.Unmarshal(body, &b) // a test may have spoiled it
	return map[string]any{"kind": b.Kind, "version": b.APIVersion}
}

// rootOf repeats the root of a checkpoint beside it.
func rootOf(checkpoint string) string {
	lines := strings.SplitN(checkpoint, "\n", 4)
	if len(lines) < 4 {
		return ""
	}
	return lines[2]
}
