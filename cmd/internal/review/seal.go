package review

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/bayplan/bayplan/internal/redact"
)

// sealRounds makes each guess at a sealed value cost a good part of a second. It is what OWASP
// recommends for PBKDF2 with SHA-256
// (https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html).
const sealRounds = 600_000

// NewSalt returns a salt for Seal.
func NewSalt() string { return rand.Text() }

// Seal returns what gives a text by which a value can be compared with the same value later,
// and by which it cannot be read: [redacted] and a digest with a salt. Without a salt, it has no
// digest.
func Seal(salt string) func(secret string) string {
	return func(secret string) string {
		if salt == "" {
			return redact.Mark
		}
		sum, err := pbkdf2.Key(sha256.New, secret, []byte(salt), sealRounds, sha256.Size)
		if err != nil { // of no value: the parameters are right
			return redact.Mark
		}
		return redact.Mark + " pbkdf2-sha256:" + hex.EncodeToString(sum)
	}
}

// variable compares the values that two diffs have of a variable. One that may be secret is
// compared by its digest.
func (d *differences) variable(name string, was, is map[string]string) {
	switch old, now := was[name], is[name]; {
	case old == redact.Mark || now == redact.Mark:
		d.add("variable %s: it may be secret, and the saved diff does not tell whether its value is the same", name)
	case old != now && (strings.HasPrefix(old, redact.Mark) || strings.HasPrefix(now, redact.Mark)):
		d.add("variable %s: it has another value, which may be secret", name)
	default:
		d.value("variable "+name, was, is, name)
	}
}

// file compares what two diffs have of a connection. A file that may hold secrets is compared by
// its digest.
func (d *differences) file(name string, was, is map[string]string) {
	if was[name] != is[name] && strings.HasPrefix(was[name], redact.Mark) && strings.HasPrefix(is[name], redact.Mark) {
		d.add("%s: its file has another content", name)
		return
	}
	d.value(name, was, is, name)
}
