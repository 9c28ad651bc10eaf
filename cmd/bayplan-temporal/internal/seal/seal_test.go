package seal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"github.com/bayplan/bayplan/internal/fault"
)

const (
	one = "0000000000000000000000000000000000000000000000000000000000000001"
	two = "0000000000000000000000000000000000000000000000000000000000000002"
)

func keys(t *testing.T, lines ...string) []*Key {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := Read(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// What goes to the server holds no plain text, and who has the key reads it.
func TestValues(t *testing.T) {
	values := Values(keys(t, one))
	sent, err := values.ToPayloads("a secret text", []byte("a secret text"), struct{ Text string }{"a secret text"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := sent.Marshal()
	if err != nil || bytes.Contains(raw, []byte("secret")) || bytes.Contains(raw, []byte("json")) {
		t.Errorf("%v: sent %q", err, raw)
	}
	var (
		text string
		b    []byte
		s    struct{ Text string }
	)
	for name, read := range map[string]converter.DataConverter{"the same": Values(keys(t, one)), "a new key before it": Values(keys(t, two, "", one))} {
		if err := read.FromPayloads(sent, &text, &b, &s); err != nil || text != "a secret text" || string(b) != text || s.Text != text {
			t.Errorf("%s: %v: %q %q %q", name, err, text, b, s.Text)
		}
	}
}

// A value that cannot be opened says why. A converter.RawValue can be had of it all the same.
func TestRefused(t *testing.T) {
	plain, err := Values(nil).ToPayloads("text")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := Values(keys(t, one)).ToPayloads("text")
	if err != nil {
		t.Fatal(err)
	}
	changed := clone(t, sealed)
	changed.Payloads[0].Data[20] ^= 1
	short := clone(t, sealed)
	short.Payloads[0].Data = short.Payloads[0].Data[:5]
	for name, tt := range map[string]struct {
		values converter.DataConverter
		sent   *commonpb.Payloads
		want   string
	}{
		"no key":        {Values(nil), sealed, "and this program has no key: give it one with --encryption-key"},
		"another key":   {Values(keys(t, two)), sealed, `it is encrypted with key "` + keys(t, one)[0].ID() + `", and this program has key ` + keys(t, two)[0].ID()},
		"not encrypted": {Values(keys(t, one)), plain, "it is not encrypted, and this program has a key"},
		"changed":       {Values(keys(t, one)), changed, "it was changed after it was encrypted"},
		"cut off":       {Values(keys(t, one)), short, "it is cut off"},
	} {
		var text string
		if err := tt.values.FromPayloads(tt.sent, &text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		var raw converter.RawValue
		if err := tt.values.FromPayloads(tt.sent, &raw); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func clone(t *testing.T, p *commonpb.Payloads) *commonpb.Payloads {
	t.Helper()
	raw, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again := &commonpb.Payloads{}
	if err := again.Unmarshal(raw); err != nil {
		t.Fatal(err)
	}
	return again
}

func TestFailures(t *testing.T) {
	for name, tt := range map[string]struct {
		keys  []*Key
		plain bool
	}{"with a key": {keys(t, one), false}, "without": {nil, true}} {
		values := Values(tt.keys)
		sent := Failures(tt.keys, values).ErrorToFailure(errors.New("a secret text"))
		raw, err := sent.Marshal()
		if err != nil || bytes.Contains(raw, []byte("secret")) != tt.plain {
			t.Errorf("%s: %v %q", name, err, raw)
		}
		if got := Failures(tt.keys, values).FailureToError(sent); !strings.Contains(got.Error(), "a secret text") {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestRead(t *testing.T) {
	for text, want := range map[string]string{
		"":              "is empty",
		"abc\n":         "line 1 of ",
		one + "\nxyz":   "line 2 of ",
		one[:62] + "\n": "has not 64 hexadecimal digits",
	} {
		file := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Read(t.Context(), file)
		if err == nil || !strings.Contains(err.Error(), want) || fault.Hint(err) == "" || len(text) > 5 && strings.Contains(err.Error(), text[:5]) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := Read(t.Context(), filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no error")
	}
}
