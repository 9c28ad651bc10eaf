package plan_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
)

// connection is the struct that the tests decode connections into.
type connection struct {
	Host     string      `json:"host,omitempty"`
	Password plan.Secret `json:"password,omitzero"`
}

// secret parses a plan with one secret; where is the entry of secrets.
func secret(t *testing.T, dir, where string) plan.Secret {
	t.Helper()
	src := "apiVersion: bayplan/v1\nname: x\nsecrets: { token: {" + where + "} }\n" +
		"connections: { registries: { a: { password: \"${secrets.token}\" } } }\nsteps: { a: { type: mirror } }\n"
	p, errs := plan.Parse(dir+"/bayplan.yaml", []byte(src), plan.Options{})
	if len(errs) > 0 {
		t.Fatal(shown(errs))
	}
	var c connection
	if errs := p.Registries[0].Body.Decode(&c, nil); len(errs) > 0 {
		t.Fatal(shown(errs))
	}
	return c.Password
}

func TestSecretIsNeverPrinted(t *testing.T) {
	s := plan.NewSecret("hunter2")
	wrapped := struct{ P plan.Secret }{s}
	raw, err := json.Marshal(map[string]any{"a": s, "b": &s, "c": wrapped})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "s", s, "w", wrapped)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "s", s, "w", wrapped)
	plain, err := s.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{s.String(), s.GoString(), string(raw), string(plain), log.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		texts = append(texts, fmt.Sprintf(verb, s), fmt.Sprintf(verb, &s), fmt.Sprintf(verb, wrapped), fmt.Sprintf(verb, &wrapped))
	}
	for _, text := range texts {
		if strings.Contains(text, "hunter2") || strings.Contains(text, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("printed: %s", text)
		}
	}
	if got := fmt.Sprintf("%v %s %#v", s, s, wrapped); strings.Count(got, "[redacted]") != 3 {
		t.Errorf("got %s", got)
	}
	if value, err := s.Reveal(t.Context()); value != "hunter2" || err != nil || s.IsZero() || s.Name() != "" {
		t.Errorf("got %q, %v", value, err)
	}
	var zero plan.Secret
	if value, err := zero.Reveal(t.Context()); value != "" || err != nil || !zero.IsZero() || zero.Name() != "" {
		t.Errorf("the zero secret is %q, %v", value, err)
	}
}

func TestSecretFromEnvironment(t *testing.T) {
	s := secret(t, t.TempDir(), "env: BAYPLAN_TEST_TOKEN")
	_, err := s.Reveal(t.Context())
	if err == nil || err.Error() != `reading secret "token": environment variable BAYPLAN_TEST_TOKEN is not set` || fault.Hint(err) == "" {
		t.Errorf("got %v", err)
	}
	t.Setenv("BAYPLAN_TEST_TOKEN", "")
	if _, err := s.Reveal(t.Context()); err == nil || !strings.Contains(err.Error(), "is empty") {
		t.Errorf("got %v", err)
	}
	t.Setenv("BAYPLAN_TEST_TOKEN", " a b\n")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Reveal(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if value, err := s.Reveal(t.Context()); value != " a b\n" || err != nil || s.Name() != "token" {
		t.Errorf("got %q, %v", value, err)
	}
}

func TestSecretFromFile(t *testing.T) {
	tests := []struct {
		name, text string
		mode       os.FileMode
		want       string
		wrong      string
	}{
		{"line", "hunter2\n", 0o600, "hunter2", ""},
		{"no line end", "hunter2", 0o400, "hunter2", ""},
		{"CRLF", "hunter2\r\n", 0o600, "hunter2", ""},
		{"only the last line end", "a\n\n", 0o600, "a\n", ""},
		{"empty", "\n", 0o600, "", "is empty"},
		{"large", strings.Repeat("hunter2", 20000), 0o600, "", "is larger than"},
		{"readable by others", "hunter2", 0o604, "", "can be read by others than its owner (mode 0604)"},
		{"readable by the group", "hunter2", 0o640, "", "can be read by others than its owner (mode 0640)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			file := write(t, dir, "token", tt.text)
			if err := os.Chmod(file, tt.mode); err != nil {
				t.Fatal(err)
			}
			got, err := secret(t, dir, "file: token").Reveal(t.Context())
			if got != tt.want || (err == nil) != (tt.wrong == "") {
				t.Errorf("got %q, %v", got, err)
			}
			if err != nil && (!strings.Contains(err.Error(), tt.wrong) || !strings.Contains(err.Error(), `secret "token"`) || strings.Contains(err.Error(), "hunter2")) {
				t.Errorf("got %v", err)
			}
		})
	}
	dir := t.TempDir()
	if _, err := secret(t, dir, "file: absent").Reveal(t.Context()); err == nil || !strings.Contains(err.Error(), dir+"/absent") || fault.Hint(err) == "" {
		t.Errorf("got %v", err)
	}
	if _, err := secret(t, dir, "file: .").Reveal(t.Context()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("got %v", err)
	}
}

// A secret is read only once, so that a run sees one value.
func TestSecretIsReadOnce(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "token", "first")
	s := secret(t, dir, "file: token")
	for range 2 {
		if value, err := s.Reveal(t.Context()); value != "first" || err != nil {
			t.Fatalf("got %q, %v", value, err)
		}
		if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}

func TestSecretFieldTakesReferencesOnly(t *testing.T) {
	src := "apiVersion: bayplan/v1\nname: x\nsecrets: { token: { env: A } }\nconnections: { registries: { a: { host: \"${secrets.token}\", password: \"\" } } }\nsteps: { a: { type: mirror } }\n"
	p, errs := plan.Parse("bayplan.yaml", []byte(src), plan.Options{})
	if len(errs) > 0 {
		t.Fatal(shown(errs))
	}
	var c connection
	want := "bayplan.yaml:4:41: host cannot be a secret\nbayplan.yaml:4:71: password must be a reference to a secret, is text (write ${secrets.NAME})"
	if got := strings.Join(messages(p.Registries[0].Body.Decode(&c, nil)), "\n"); got != want {
		t.Errorf("got %s", got)
	}
}
