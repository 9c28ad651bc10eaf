package redact

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
)

// sealRounds makes each guess at a sealed value cost a good part of a second. It is what OWASP
// recommends for PBKDF2 with SHA-256
// (https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html).
const sealRounds = 600_000

// Seal returns a text by which a secret can be compared with the same secret later, and by which it
// cannot be read: Mark and a digest with a salt. Without a salt, it has no digest.
func Seal(salt, secret string) string {
	if salt == "" {
		return Mark
	}
	sum, err := pbkdf2.Key(sha256.New, secret, []byte(salt), sealRounds, sha256.Size)
	if err != nil { // of no value: the parameters are right
		return Mark
	}
	return Mark + " pbkdf2-sha256:" + hex.EncodeToString(sum)
}

// Sealed returns a text as it is, or sealed if a secret is in it. It computes each seal once.
func (r *Redactor) Sealed(salt, text string) string {
	if r.Text(text) == text {
		return text
	}
	if r == nil {
		return Seal(salt, text)
	}
	key := [2]string{salt, text}
	if known, ok := r.seals.Load(key); ok {
		return known.(string)
	}
	sealed := Seal(salt, text)
	r.seals.Store(key, sealed)
	return sealed
}
