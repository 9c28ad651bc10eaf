package keyless

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"github.com/bayplan/bayplan/internal/trust/cosign"
)

// check gives an error unless an entry is in the log, by the log's promise or by a proof.
// Where both are there, both must be right.
func (l *log) check(e cosign.LogEntry) error {
	if e.Promise == nil && e.Proof == nil {
		return errors.New("nothing shows that its log entry is in the log")
	}
	if e.Promise != nil && !cosign.Signed(l.key, promised(e), e.Promise) {
		return errors.New("its log entry is not signed by the log")
	}
	if e.Proof != nil {
		if err := l.checkProof(e); err != nil {
			return fmt.Errorf("its log entry is not in the log: %w", err)
		}
	}
	return nil
}

// promised is what a log signs at the time of an entry: canonical JSON, whose keys are in
// this order. No value has a character to escape.
func promised(e cosign.LogEntry) []byte {
	return fmt.Appendf(nil, `{"body":"%s","integratedTime":%d,"logID":"%s","logIndex":%d}`,
		base64.StdEncoding.EncodeToString(e.Body), e.Time, hex.EncodeToString(e.LogID), e.Index)
}

// checkProof checks that the entry is in a tree whose root the log has signed.
func (l *log) checkProof(e cosign.LogEntry) error {
	signed, err := note.Open([]byte(e.Proof.Checkpoint), verifiers{l})
	if err != nil {
		return errors.New("its checkpoint is not signed by the log")
	}
	origin, size, root, err := parseCheckpoint(signed.Text)
	if err != nil {
		return err
	}
	if !l.isOrigin(origin) {
		return fmt.Errorf("its checkpoint is of another log, %s", origin)
	}
	if e.Proof.Index < 0 {
		return errors.New("its place in the log is negative")
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(e.Body)
	if proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(e.Proof.Index), size, leaf, e.Proof.Hashes, root) != nil {
		return errors.New("the proof does not lead to the root of its tree")
	}
	return nil
}

// parseCheckpoint reads the first three lines of a checkpoint.
func parseCheckpoint(text string) (origin string, size uint64, root []byte, err error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 {
		return "", 0, nil, errors.New("its checkpoint is cut")
	}
	size, err = strconv.ParseUint(lines[1], 10, 64)
	root, err2 := base64.StdEncoding.DecodeString(lines[2])
	if errors.Join(err, err2) != nil || lines[0] == "" {
		return "", 0, nil, errors.New("its checkpoint cannot be read")
	}
	return lines[0], size, root, nil
}

// isOrigin reports whether a checkpoint is of this log. Rekor's first version names a tree
// behind a name that is not always its host's.
func (l *log) isOrigin(origin string) bool {
	_, tree, ok := strings.Cut(origin, " - ")
	if _, err := strconv.ParseUint(tree, 10, 64); ok && err == nil {
		return true
	}
	return origin == l.host
}

// verifiers finds the log's signature among those of a note.
type verifiers struct{ log *log }

// Verifier implements note.Verifiers. A name in a note is not signed, so that only the key
// counts.
func (v verifiers) Verifier(name string, hash uint32) (note.Verifier, error) {
	if keyHash(name, v.log.key) != hash {
		return nil, &note.UnknownVerifierError{Name: name, KeyHash: hash}
	}
	return verifier{v.log, name, hash}, nil
}

// keyHash gives the short sum that a note has of a key, 0 for a key that signs none.
func keyHash(name string, key any) uint32 {
	var sum [sha256.Size]byte
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		der, err := x509.MarshalPKIXPublicKey(k)
		if err != nil {
			return 0
		}
		sum = sha256.Sum256(der)
	case ed25519.PublicKey:
		const algorithm = "\x01"
		sum = sha256.Sum256([]byte(name + "\n" + algorithm + string(k)))
	}
	return binary.BigEndian.Uint32(sum[:])
}

type verifier struct {
	log  *log
	name string
	hash uint32
}

// Name implements note.Verifier.
func (v verifier) Name() string { return v.name }

// KeyHash implements note.Verifier.
func (v verifier) KeyHash() uint32 { return v.hash }

// Verify implements note.Verifier.
func (v verifier) Verify(msg, sig []byte) bool { return cosign.Signed(v.log.key, msg, sig) }
