package cosign

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
)

// A Signature is a signature, with what lies beside it to show when and by whom it was
// made. Nothing of it has been checked.
type Signature struct {
	Text      []byte            // what is signed; nil: only its digest is known
	Sum       [sha256.Size]byte // of what is signed
	Envelope  *Envelope         // what the text stands for, if it is signed as DSSE says
	Signature []byte

	Certificate []byte     // of the key that has signed, in DER; nil: there is none
	Entries     []LogEntry // in logs of signatures
	Timestamps  [][]byte   // of the signature, answers as in RFC 3161
}

// An Envelope is a signed payload and its type.
type Envelope struct {
	Type    string
	Payload []byte
}

// A LogEntry is an entry in a log of signatures, such as Rekor.
type LogEntry struct {
	LogID []byte
	Index int64 // in all parts of the log
	Time  int64 // when it was made, in Unix time; 0: the log does not say
	Body  []byte
	// Promise is the log's signature of all that, nil for none.
	Promise []byte
	Proof   *Inclusion // nil: there is none
}

// An Inclusion shows that an entry is in a log's tree.
type Inclusion struct {
	Index      int64 // in this part of the log
	Hashes     [][]byte
	Checkpoint string // the size and root of the tree, as a signed note
}

// setText sets what is signed.
func (s *Signature) setText(text []byte) { s.Text, s.Sum = text, sha256.Sum256(text) }

// sumOf gives the bytes of an image's digest, which has to be of the kind that signatures
// of a digest have.
func sumOf(digest string) (sum [sha256.Size]byte, err error) {
	text, ok := strings.CutPrefix(digest, "sha256:")
	b, err := hex.DecodeString(text)
	if err != nil || !ok || len(b) != len(sum) {
		return sum, errors.New("the signature is one of a digest, and the image's digest is not SHA-256")
	}
	return [sha256.Size]byte(b), nil
}
