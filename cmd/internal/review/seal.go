package review

import (
	"crypto/rand"
	"strings"

	"github.com/bayplan/bayplan/internal/redact"
)

// NewSalt returns a salt for Seal.
func NewSalt() string { return rand.Text() }

// Seal returns what seals a value with a salt, as redact.Seal does.
func Seal(salt string) func(secret string) string {
	return func(secret string) string { return redact.Seal(salt, secret) }
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
