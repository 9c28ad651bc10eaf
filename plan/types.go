package plan

import "context"

// A Path is a file name in a plan. Decoding makes it absolute: a leading ~ is
// the home directory, a relative path starts at the plan file's directory.
type Path string

// A Secret is a value that cannot be printed. In a plan it is only ever written
// as a reference, ${secrets.name}; it is read from its environment variable or
// file at first use.
type Secret struct {
	// name, source: to be filled in by the implementation
}

// NewSecret makes a secret of a value at hand, for tests and for values that
// come from elsewhere than a plan.
func NewSecret(value string) Secret { panic("not written") }

// IsZero says that no secret was named.
func (s Secret) IsZero() bool { panic("not written") }

// Reveal reads the secret. A missing one is an error that names the secret and
// where it was looked for, with a hint.
func (s Secret) Reveal(ctx context.Context) (string, error) { panic("not written") }
