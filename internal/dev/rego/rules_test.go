package rego

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/rego"
)

const plan = `apiVersion: bayplan/v1
name: site
connections:
  registries:
    hub: { host: docker.io, embedded: { images: rhosp13 } }
    redhat: { host: registry.access.redhat.com, embedded: { images: rhosp13 } }
    local: { host: "192.0.2.1:8787", embedded: { dir: local } }
steps:
  containers: { type: mirror, with: { images: [IMAGES], to: local, prune: { repositories: ["rhosp13/*"] } } }
`

const (
	base = "registry.access.redhat.com/rhosp13/openstack-base:13.0-40"
	cron = "registry.access.redhat.com/rhosp13/openstack-cron:13.0-43"
	hub  = "docker.io/rhosp13/openstack-redis:13.0-42"
)

// The rules of docs/guides/ci.md refuse a removal and an image of Docker Hub, and nothing else. They
// refuse nothing of a diff that failed, which says so itself.
func TestRulesOfTheGuide(t *testing.T) {
	b := build(t)
	rules := rulesOf(t, filepath.Join("..", "..", "..", "docs", "guides", "ci.md"))
	for _, tt := range []struct {
		name, images string
		want         []string
	}{
		{"allowed", base + ", " + cron, nil},
		{"a removal", base, []string{"192.0.2.1:8787/rhosp13/openstack-cron:13.0-43 would be removed"}},
		{"Docker Hub", base + ", " + cron + ", " + hub, []string{"192.0.2.1:8787/rhosp13/openstack-redis:13.0-42 comes from Docker Hub"}},
		{"a mistake", "]", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			b.run(t, dir, base+", "+cron, "apply")
			if got := denied(t, rules, b.run(t, dir, tt.images, "diff", "--json")); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A binary is the path of bayplan, built for this test.
type binary string

func build(t *testing.T) binary {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bayplan")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", file, "./cmd/bayplan")
	cmd.Dir = filepath.Join("..", "..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary(file)
}

// run runs a command on the plan of some images, and gives what it prints for programs.
func (b binary) run(t *testing.T, dir, images string, args ...string) []byte {
	t.Helper()
	text := strings.Replace(plan, "IMAGES", images, 1)
	if err := os.WriteFile(filepath.Join(dir, "bayplan.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), string(b), args...)
	cmd.Dir = dir
	out, err := cmd.Output() // a wrong plan exits with 2
	if len(out) == 0 {
		t.Fatalf("bayplan %s prints nothing: %v", strings.Join(args, " "), err)
	}
	return out
}

// rulesOf gives the Rego of a document.
func rulesOf(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```rego\n(.*?)```").FindSubmatch(text)
	if found == nil {
		t.Fatalf("%s has no Rego", file)
	}
	return string(found[1])
}

// denied gives what the rules named deny, in package main as for conftest, say of a document.
func denied(t *testing.T, rules string, doc []byte) []string {
	t.Helper()
	var input any
	if err := json.Unmarshal(doc, &input); err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	results, err := rego.New(rego.Query("data.main.deny"), rego.Module("rules.rego", rules), rego.Input(input)).Eval(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var messages []string
	for _, r := range results {
		for _, m := range r.Expressions[0].Value.([]any) {
			messages = append(messages, m.(string))
		}
	}
	return messages
}
