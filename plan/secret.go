package plan

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/bayplan/bayplan/internal/fault"
)

// redacted stands wherever a secret would.
const redacted = "[redacted]"

// maxSecret bounds what is read of a secret's file.
const maxSecret = 64 << 10

// A Secret is a value that cannot be printed. In a plan it is only ever written
// as a reference, ${secrets.name}; it is read from its environment variable or
// file at first use. Copies share what was read.
type Secret struct {
	from *secretSource
}

// A secretSource is where a secret comes from, and what was read there.
type secretSource struct {
	name string
	env  string // one of env and file, or neither for a value at hand
	file string // absolute

	mu    sync.Mutex // Reveal is called by steps that run beside each other
	read  bool
	value string
}

// NewSecret makes a secret of a value at hand, for tests and for values that
// come from elsewhere than a plan.
func NewSecret(value string) Secret {
	return Secret{&secretSource{read: true, value: value}}
}

// IsZero says that no secret was named.
func (s Secret) IsZero() bool { return s.from == nil }

// Name gives the secret's name in the plan, or "" for one that has none.
func (s Secret) Name() string {
	if s.from == nil {
		return ""
	}
	return s.from.name
}

// Reveal reads the secret. A missing one is an error that names the secret and
// where it was looked for, with a hint. The zero Secret is empty text.
func (s Secret) Reveal(ctx context.Context) (string, error) {
	if s.from == nil {
		return "", nil
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	return s.from.reveal()
}

func (f *secretSource) reveal() (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.read {
		return f.value, nil
	}
	look := f.fromFile
	if f.env != "" {
		look = f.fromEnv
	}
	value, err := look()
	if err != nil {
		return "", fmt.Errorf("reading secret %q: %w", f.name, err)
	}
	f.value, f.read = value, true
	return value, nil
}

func (f *secretSource) fromEnv() (string, error) {
	value, ok := os.LookupEnv(f.env)
	if ok && value != "" {
		return value, nil
	}
	state := "not set"
	if ok {
		state = "empty"
	}
	return "", fault.WithHint(fmt.Errorf("environment variable %s is %s", f.env, state),
		"export "+f.env+" before running bayplan")
}

func (f *secretSource) fromFile() (string, error) {
	file, err := os.Open(f.file)
	if err != nil {
		return "", fault.WithHint(err, fmt.Sprintf("write the secret into %s and chmod 600 it", f.file))
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no regular file", f.file)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return "", fault.WithHint(fmt.Errorf("%s can be read by others than its owner (mode %04o)", f.file, mode),
			"chmod 600 "+f.file)
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil {
		return "", err
	}
	return checkSecret(f.file, string(raw))
}

// checkSecret takes the line end off, which editors add and nobody means.
func checkSecret(file, raw string) (string, error) {
	value := strings.TrimSuffix(strings.TrimSuffix(raw, "\n"), "\r")
	switch {
	case len(raw) > maxSecret:
		return "", fmt.Errorf("%s is larger than %d bytes", file, maxSecret)
	case value == "":
		return "", fmt.Errorf("%s is empty", file)
	}
	return value, nil
}

// String gives [redacted].
func (s Secret) String() string { return redacted }

// GoString gives [redacted].
func (s Secret) GoString() string { return redacted }

// Format writes [redacted], whatever the verb.
func (s Secret) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) }

// MarshalJSON gives "[redacted]".
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText gives [redacted].
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue gives [redacted].
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
