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
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/internal/textfile"
)

// redacted is shown in place of a secret.
const redacted = redact.Mark

// maxSecret is the largest size of a secret's file.
const maxSecret = 64 << 10

// A Secret is a value that cannot be printed. A plan holds only a reference to it,
// ${secrets.name}. Its value is read from its environment variable or file at
// first use. Copies share the value.
type Secret struct {
	from *secretSource
}

// A secretSource says where a secret is, and holds its value after reading.
type secretSource struct {
	name string
	src  *source // of the file that declares it; nil for NewSecret
	pos  Pos     // of its name
	used bool    // a connection refers to it
	env  string  // one of env and file is set; neither for NewSecret
	file string  // absolute

	redactor *redact.Redactor // learns the value
	included bool             // an included file declares it

	mu    sync.Mutex // steps that run in parallel call Reveal
	read  bool
	value string
}

// NewSecret makes a secret from its value, for tests and for values that do not
// come from a plan.
func NewSecret(value string) Secret {
	return Secret{&secretSource{read: true, value: value}}
}

// IsZero reports whether the plan names no secret.
func (s Secret) IsZero() bool { return s.from == nil }

// Name returns the secret's name in the plan, or "" if it has none.
func (s Secret) Name() string {
	if s.from == nil {
		return ""
	}
	return s.from.name
}

// Reveal returns the value of the secret. The error for a missing secret names
// the secret and where it should be, and has a hint. The zero Secret is empty
// text.
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
	f.redactor.Add(value)
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
		"export "+human.ShellWord(f.env)+" before running bayplan")
}

func (f *secretSource) fromFile() (string, error) {
	file, err := textfile.OpenRegular(f.file)
	if err != nil {
		return "", fault.WithHint(err, fmt.Sprintf("write the secret into %s and chmod 600 it", human.ShellWord(f.file)))
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return "", fault.WithHint(fmt.Errorf("%s can be read by others than its owner (mode %04o)", f.file, mode),
			"chmod 600 "+human.ShellWord(f.file))
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil {
		return "", err
	}
	text, err := textfile.Decode(raw)
	if err != nil {
		return "", fault.WithHint(fmt.Errorf("%s: %w", f.file, err), fault.Hint(err))
	}
	return checkSecret(f.file, string(text))
}

// checkSecret removes the line end at the end of a secret, which editors add.
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

// String returns [redacted].
func (s Secret) String() string { return redacted }

// GoString returns [redacted].
func (s Secret) GoString() string { return redacted }

// Format writes [redacted] for any verb.
func (s Secret) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) }

// MarshalJSON returns "[redacted]".
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns [redacted].
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns [redacted].
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
