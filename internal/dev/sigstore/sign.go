package sigstore

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"time"

	"github.com/digitorus/timestamp"

	"github.com/bayplan/bayplan/internal/trust/cosign"
)

// A Log is one of the logs of signatures, and what it gives for an entry.
type Log int

const (
	// Promise is the first log, and its promise that the entry will be in it.
	Promise Log = iota
	// Both is the first log, its promise and the proof.
	Both
	// Proof is the first log and the proof. A timestamp says when.
	Proof
	// Second is the log of Rekor's second version. A timestamp says when.
	Second
)

// Logs are all of them, by name.
func Logs() map[string]Log {
	return map[string]Log{"promise": Promise, "both": Both, "proof": Proof, "second": Second}
}

// A What is what is signed: a text, or a payload in an envelope.
type What struct {
	Text     []byte
	Envelope *cosign.Envelope
}

// Sign signs five minutes after the certificate has begun.
func (i *Instance) Sign(by Signer, what What, log Log) *cosign.Signature {
	i.t.Helper()
	cert, key := i.Certificate(by)
	s := &cosign.Signature{Text: what.Text, Envelope: what.Envelope, Certificate: cert.Raw}
	if e := what.Envelope; e != nil {
		s.Text = fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(e.Type), e.Type, len(e.Payload), e.Payload)
	}
	s.Sum = sha256.Sum256(s.Text)
	s.Signature = i.sign(key, s.Text)
	at := by.From.Add(5 * time.Minute)
	s.Entries = []cosign.LogEntry{i.Entry(s, log, at)}
	if log == Proof || log == Second {
		s.Timestamps = [][]byte{i.Timestamp(s.Signature, at)}
	}
	return s
}

// Timestamp gives the answer of the timestamp authority for a signature.
func (i *Instance) Timestamp(signature []byte, at time.Time) []byte {
	i.t.Helper()
	sum := sha256.Sum256(signature)
	stamp := timestamp.Timestamp{HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Time: at, Policy: []int{1, 2, 3}}
	b, err := stamp.CreateResponseWithOpts(i.stampers.leaf, i.stampers.key, crypto.SHA256)
	if err != nil {
		i.t.Fatal(err)
	}
	return b
}

// Entry makes the entry of a log about a signature.
func (i *Instance) Entry(s *cosign.Signature, log Log, at time.Time) cosign.LogEntry {
	i.t.Helper()
	e := cosign.LogEntry{LogID: i.logID(i.logKey.Public()), Index: 1000, Time: at.Unix(), Body: i.body(s, log)}
	switch log {
	case Promise, Both:
		e.Promise = i.sign(i.logKey, promised(e))
	case Proof:
		e.Time = 0
	case Second:
		e.LogID, e.Index, e.Time = i.logID(i.log2Key.Public()), place, 0
	}
	if log != Promise {
		e.Proof = i.Include(e.Body, log)
	}
	return e
}

// promised is what the log signs of an entry.
func promised(e cosign.LogEntry) []byte {
	return fmt.Appendf(nil, `{"body":"%s","integratedTime":%d,"logID":"%x","logIndex":%d}`,
		base64.StdEncoding.EncodeToString(e.Body), e.Time, e.LogID, e.Index)
}

// body is what the log keeps of a signature.
func (i *Instance) body(s *cosign.Signature, log Log) []byte {
	i.t.Helper()
	sum := func(text []byte) map[string]any {
		sum := sha256.Sum256(text)
		return map[string]any{"algorithm": "sha256", "value": hex.EncodeToString(sum[:])}
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate})
	kind, version, spec := "hashedrekord", "0.0.1", map[string]any{
		"data":      map[string]any{"hash": map[string]any{"algorithm": "sha256", "value": hex.EncodeToString(s.Sum[:])}},
		"signature": map[string]any{"content": s.Signature, "publicKey": map[string]any{"content": certificate}},
	}
	switch {
	case log == Second:
		version, spec = "0.0.2", map[string]any{"hashedRekordV002": map[string]any{
			"data": map[string]any{"algorithm": "SHA2_256", "digest": s.Sum[:]},
			"signature": map[string]any{"content": s.Signature, "verifier": map[string]any{
				"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": map[string]any{"rawBytes": s.Certificate},
			}},
		}}
	case s.Envelope != nil:
		kind, spec = "dsse", map[string]any{
			"envelopeHash": sum(s.Text), "payloadHash": sum(s.Envelope.Payload),
			"signatures": []any{map[string]any{"signature": s.Signature, "verifier": certificate}},
		}
	}
	return i.encode(map[string]any{"apiVersion": version, "kind": kind, "spec": spec})
}

// place is where an entry is in the tree of a log, which has several others.
const place = 4

// Include gives the proof that an entry is in a log.
func (i *Instance) Include(body []byte, log Log) *cosign.Inclusion {
	i.t.Helper()
	var leaves [][]byte
	for n := range 7 {
		leaves = append(leaves, leafHash(fmt.Appendf(nil, "entry %d", n)))
	}
	leaves[place] = leafHash(body)
	origin := host + " - 4242"
	if log == Second {
		origin = host2
	}
	return &cosign.Inclusion{Index: place, Hashes: path(place, leaves), Checkpoint: i.Checkpoint(log, origin, len(leaves), treeHash(leaves))}
}

// Checkpoint gives the signed note of a log about a tree.
func (i *Instance) Checkpoint(log Log, origin string, size int, root []byte) string {
	i.t.Helper()
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, size, base64.StdEncoding.EncodeToString(root))
	name, hash, sig := host, i.logID(i.logKey.Public()), i.sign(i.logKey, []byte(text))
	if log == Second {
		name = host2
		sum := sha256.Sum256(append([]byte(name+"\n\x01"), i.log2Key.Public().(ed25519.PublicKey)...))
		hash, sig = sum[:], ed25519.Sign(i.log2Key, []byte(text))
	}
	return fmt.Sprintf("%s\n— %s %s\n", text, name, base64.StdEncoding.EncodeToString(append(hash[:4:4], sig...)))
}

func leafHash(leaf []byte) []byte { return hashOf(0, leaf) }

func hashOf(prefix byte, parts ...[]byte) []byte {
	h := sha256.New()
	h.Write([]byte{prefix})
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// half is the largest power of two below the number of leaves.
func half(n int) int {
	k := 1
	for 2*k < n {
		k *= 2
	}
	return k
}

// treeHash is the root of a tree, as RFC 6962 says.
func treeHash(leaves [][]byte) []byte {
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := half(len(leaves))
	return hashOf(1, treeHash(leaves[:k]), treeHash(leaves[k:]))
}

// path gives the hashes beside the way from a leaf to the root.
func path(at int, leaves [][]byte) [][]byte {
	if len(leaves) == 1 {
		return nil
	}
	k := half(len(leaves))
	if at < k {
		return append(path(at, leaves[:k]), treeHash(leaves[k:]))
	}
	return append(path(at-k, leaves[k:]), treeHash(leaves[:k]))
}
