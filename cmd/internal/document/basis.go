package document

import (
	"strings"
	"time"
)

// A Basis is what a saved diff holds for. An apply of the diff is refused if one of these is
// another then, but for who made it, when, where and with what.
type Basis struct {
	Made    time.Time `json:"made"`              // when the diff was made
	User    string    `json:"user,omitempty"`    // who made it
	Host    string    `json:"host,omitempty"`    // where it was made
	Version string    `json:"version,omitempty"` // of bayplan

	Files []FileDigest      `json:"files"`          // of the plan: its own, and those that it includes or whose connections replace its own
	Lock  string            `json:"lock,omitempty"` // sha256:HEX of the lock file; none: there was none
	Vars  map[string]string `json:"vars,omitempty"` // the values of variables; of one that may be secret, [redacted] and a digest with the salt
	Salt  string            `json:"salt,omitempty"` // of these digests, and of those in connections
	Only  []string          `json:"only,omitempty"` // the steps to which the diff is limited
	Skip  []string          `json:"skip,omitempty"` // the steps that it leaves out

	// Connections say where files and the environment let connections lead, by names such as
	// connections.clouds.NAME.auth_url, with digests of the files that connections read. The digest
	// of a file that may hold secrets is one with the salt.
	Connections map[string]string `json:"connections,omitempty"`
}

// A FileDigest is the content of a file.
type FileDigest struct {
	File   string `json:"file"`   // as it was named
	Digest string `json:"digest"` // sha256:HEX
}

// Text says when, by whom, where and with what the diff was made.
func (b *Basis) Text() string {
	parts := []string{b.Made.Local().Format(time.DateTime)}
	if b.User != "" {
		parts = append(parts, "by "+b.User)
	}
	if b.Host != "" {
		parts = append(parts, "on "+b.Host)
	}
	if b.Version != "" {
		parts = append(parts, "with bayplan "+b.Version)
	}
	return strings.Join(parts, " ")
}
