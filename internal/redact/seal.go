package redact

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
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

// Sealed returns a text as it is, or sealed if a secret is in it: by an HMAC of what it is about and
// of the text, with a key that Seal's rounds derive from the secret and the salt. So each guess costs
// as much as with Seal, and many texts with one secret cost its rounds once.
func (r *Redactor) Sealed(salt, about, text string) string {
	shown := r.Text(text)
	if shown == text {
		return text
	}
	key, err := r.keyOf(salt, hidden(text, shown))
	if err != nil {
		return Mark
	}
	m := hmac.New(sha256.New, key)
	fmt.Fprintf(m, "%d\n%s\n%s", len(about), about, text)
	return Mark + " pbkdf2-hmac-sha256:" + hex.EncodeToString(m.Sum(nil))
}

// hidden returns what a masked text does not show, with what is between two secrets.
func hidden(text, shown string) string {
	from, to := 0, 0 // of what is the same at the beginning and at the end
	least := min(len(text), len(shown))
	for from < least && text[from] == shown[from] {
		from++
	}
	for to < least-from && text[len(text)-1-to] == shown[len(shown)-1-to] {
		to++
	}
	return text[from : len(text)-to]
}

// keyOf derives the key of a secret, once.
func (r *Redactor) keyOf(salt, secret string) ([]byte, error) {
	derive := sync.OnceValues(func() ([]byte, error) {
		return pbkdf2.Key(sha256.New, secret, []byte(salt), sealRounds, sha256.Size)
	})
	if r == nil {
		return derive()
	}
	known, _ := r.seals.LoadOrStore([2]string{salt, secret}, derive)
	return known.(func() ([]byte, error))()
}
