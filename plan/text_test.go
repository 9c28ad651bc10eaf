package plan

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/redact"
)

// The texts of a plan are those of all its files, as sha256sum knows them. What may be a
// secret is masked, also where a mistake has put it.
func TestTexts(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	main := write("plan.yaml", "apiVersion: bayplan/v1\nname: p\nsteps: {}\n")
	other := write("connections.yaml", "apiVersion: bayplan/v1\nconnections:\n  registries:\n    r: { host: r.test, user: u, password: hunter2-x }\n")
	p, errs := Load(t.Context(), main, Options{Connections: other})
	if p == nil {
		t.Fatal(errs)
	}
	texts := p.Texts()
	if len(texts) != 2 || texts[0].File != main || texts[1].File != other {
		t.Fatalf("texts %+v", texts)
	}
	// printf 'apiVersion: bayplan/v1\nname: p\nsteps: {}\n' | sha256sum
	if want := "sha256:0b9d40d07d8bf8299dbff735aca346eee709acf86e003abad27fc028d94ad98d"; texts[0].Digest != want {
		t.Errorf("digest %s, want %s", texts[0].Digest, want)
	}
	if strings.Contains(texts[1].Text, "hunter2") || !strings.Contains(texts[1].Text, redact.Mark) {
		t.Errorf("not masked: %s", texts[1].Text)
	}
}

// Secrets that can be read are known to the Redactor afterwards, and others do no harm.
func TestRevealAll(t *testing.T) {
	t.Setenv("TEXT_TEST_SECRET", "hunter2-x")
	r := redact.New()
	src := "apiVersion: bayplan/v1\nname: p\nsecrets:\n  a: { env: TEXT_TEST_SECRET }\n  b: { env: TEXT_TEST_NOT_SET }\nsteps: {}\n"
	p, _ := Parse("p.yaml", []byte(src), Options{Redactor: r})
	p.RevealAll(t.Context())
	if got := r.Text("hunter2-x"); got != redact.Mark {
		t.Errorf("got %q", got)
	}
}

// Variables have the values that the command line gives them.
func TestVarTexts(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	main := write("plan.yaml", `apiVersion: bayplan/v1
name: p
vars: { home: /home/stack, images: "${vars.home}/images", list: [a, b], map: { x: "1", y: "2", token: hunter2-y }, password: hunter2-x }
steps: {}
`)
	other := write("connections.yaml", "apiVersion: bayplan/v1\nvars: { port: \"5000\" }\nconnections: {}\n")
	p, errs := Load(t.Context(), main, Options{Connections: other, Vars: map[string]string{"home": "/root"}})
	if p == nil {
		t.Fatal(errs)
	}
	want := map[string]string{
		"home": "/root", "images": "/root/images", "list": `["a","b"]`, "map": `{"token":"sealed 9","x":"1","y":"2"}`, "password": "sealed 9", "port": "5000",
	}
	seal := func(secret string) string { return fmt.Sprint("sealed ", len(secret)) }
	if got := p.VarTexts(seal); !maps.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
