package download

import (
	"crypto/md5" //nolint:gosec // what old mirrors give; SHA-256 is always computed too
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
)

// Digests are the digests of one file in lower-case hex; "" means unknown.
type Digests struct{ SHA256, SHA512, MD5 string }

// IsZero reports whether no digest is known.
func (d Digests) IsZero() bool { return d == Digests{} }

// A DigestError is the error of a file with another digest than wanted.
type DigestError struct{ Algo, Got, Want string }

// Error names both digests.
func (e *DigestError) Error() string {
	return fmt.Sprintf("its %s is %s, not %s", e.Algo, e.Got, e.Want)
}

// Check compares the digests of a file, got, with the wanted ones in d.
func (d Digests) Check(got Digests) error {
	for _, pair := range []DigestError{
		{"sha512", got.SHA512, d.SHA512},
		{"sha256", got.SHA256, d.SHA256},
		{"md5", got.MD5, d.MD5},
	} {
		if pair.Want != "" && pair.Got != pair.Want {
			return &pair
		}
	}
	return nil
}

// A hasher computes SHA-256 and the other wanted digests of the same bytes.
type hasher struct{ sha256, sha512, md5 hash.Hash }

func newHasher(want Digests) *hasher {
	h := &hasher{sha256: sha256.New()}
	if want.SHA512 != "" {
		h.sha512 = sha512.New()
	}
	if want.MD5 != "" {
		h.md5 = md5.New()
	}
	return h
}

func (h *hasher) Write(p []byte) (int, error) {
	for _, one := range []hash.Hash{h.sha256, h.sha512, h.md5} {
		if one != nil {
			one.Write(p) // never returns an error
		}
	}
	return len(p), nil
}

func (h *hasher) digests() Digests {
	text := func(h hash.Hash) string {
		if h == nil {
			return ""
		}
		return hex.EncodeToString(h.Sum(nil))
	}
	return Digests{SHA256: text(h.sha256), SHA512: text(h.sha512), MD5: text(h.md5)}
}
