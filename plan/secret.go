package plan

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
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

// EnvSecret makes a secret that is in an environment variable, which a setting names. The redactor
// learns its value.
func EnvSecret(variable string, r *redact.Redactor) Secret {
	return Secret{&secretSource{name: variable, env: variable, redactor: r}}
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

// readSecrets reads where to find the secrets. It does not read their values.
func (r *reader) readSecrets(section *node, p *Plan) {
	if section == nil || !r.wantMapping(section, "secrets") {
		return
	}
	for _, e := range section.entries {
		r.secretNames = append(r.secretNames, e.key)
		if first := r.secrets[e.key]; first != nil {
			r.failTwice(e.keyPos, "secret", e.key, first.src, first.pos)
		} else if r.wantName(e, "secret", refName, "lower-case letters, digits and _") {
			r.readSecret(e)
		}
		s := r.secrets[e.key]
		if s == nil || slices.Contains(p.secrets, s) {
			continue
		}
		p.secrets = append(p.secrets, s)
		if s.env != "" {
			p.SecretVariables = append(p.SecretVariables, s.env)
		}
	}
	slices.Sort(p.SecretVariables)
}

func (r *reader) readSecret(e entry) {
	name := "secret " + strconv.Quote(e.key)
	const hint = "write {env: VARIABLE} or {file: PATH}"
	if e.value.kind != isMapping && !e.value.reported {
		r.src.hide(e.value.text)
		r.fail(e.valuePos, hint, "%s must say where to find it", name)
		return
	}
	if e.value.reported {
		return
	}
	f := r.keyedFields(e.value, name, "env", "file")
	env, file := f.value("env"), f.value("file")
	if len(f.byKey) == 2 || (len(f.byKey) == 0 && len(f.suggested) == 0) {
		r.fail(e.keyPos, hint, "%s must have exactly one of env and file", name)
		return
	}
	found := &secretSource{name: e.key, included: r.included, src: r.src, pos: e.keyPos, redactor: r.redactor}
	if text, ok := r.plainText(env, "env", "env"); ok {
		found.env = text
		r.nonEmpty(env, text, "env")
	}
	if text, ok := r.plainText(file, "file", "file"); ok && r.nonEmpty(file, text, "file") {
		path, err := resolvePath(r.src.dir, text)
		if err != nil {
			r.fail(file.pos, "", "file: %v", err)
		}
		found.file = string(path)
	}
	r.secrets[e.key] = found
}
