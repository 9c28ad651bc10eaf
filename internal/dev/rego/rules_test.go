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
    hub: { host: "HUB", embedded: { images: rhosp13 } }
    redhat: { host: registry.access.redhat.com, embedded: { images: rhosp13 } }
    local: { host: "192.0.2.1:8787", embedded: { dir: local } }
  clouds:
    cloud: { embedded: { dir: cloud } }
steps:
  containers: { type: mirror, with: { images: [IMAGES], to: local, prune: { repositories: ["rhosp13/*"] } } }
  check: { type: verify-catalog, with: { registry: local, expect: "${steps.containers.images}" } }
  upload: { type: glance-upload, with: { cloud: cloud, update_existing: replace, images: [{ name: server, file: server.raw, disk_format: raw }] } }
  after: { type: mkdir, with: { paths: "${steps.upload.ids}" } }
`

const (
	both    = "registry.access.redhat.com/rhosp13/openstack-base:13.0-40, registry.access.redhat.com/rhosp13/openstack-cron:13.0-43"
	base    = "registry.access.redhat.com/rhosp13/openstack-base:13.0-40"
	hub     = both + ", HUB/rhosp13/openstack-redis:13.0-42"
	missing = both + ", registry.access.redhat.com/rhosp13/openstack-base:1"
	ofHub   = "192.0.2.1:8787/rhosp13/openstack-redis:13.0-42 comes from Docker Hub"
)

// The rules of docs/guides/ci.md refuse a removal, another image in a cloud, an image of Docker
// Hub, and what the diff could not look at. They refuse nothing else.
func TestRulesOfTheGuide(t *testing.T) {
	b := build(t)
	rules := rulesOf(t, filepath.Join("..", "..", "..", "docs", "guides", "ci.md"))
	for _, tt := range []struct {
		name, hub, images, disk string
		want                    []string
	}{
		{"allowed", "docker.io", both, "old", nil},
		{"a removal", "docker.io", base, "old", []string{"192.0.2.1:8787/rhosp13/openstack-cron:13.0-43 would be removed"}},
		{"Docker Hub", "docker.io", hub, "old", []string{ofHub}},
		{"its index", "index.docker.io", hub, "old", []string{ofHub}},
		{"its API", "registry-1.docker.io", hub, "old", []string{ofHub}},
		{"its web site", "registry.hub.docker.com", hub, "old", []string{ofHub}},
		{"its capital letters", "Docker.IO:443", hub, "old", []string{ofHub}},
		{"another disk image", "docker.io", both, "new", []string{"server would be replaced in the cloud", "step after is waiting"}},
		{"an image that is missing", "docker.io", missing, "old", []string{"step check is skipped", "step containers is failed"}},
		{"a mistake", "docker.io", "]", "old", []string{"there is no diff"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, tt.hub, both, "old")
			b.run(t, dir, "apply")
			write(t, dir, tt.hub, tt.images, tt.disk)
			if got := denied(t, rules, b.run(t, dir, "diff", "--json")); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// write writes the plan of some images, and its disk image.
func write(t *testing.T, dir, hub, images, disk string) {
	t.Helper()
	text := strings.ReplaceAll(strings.Replace(plan, "IMAGES", images, 1), "HUB", hub)
	for name, text := range map[string]string{"bayplan.yaml": text, "server.raw": strings.Repeat(disk, 1024)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
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

// run runs a command on the plan of a folder, and gives what it prints for programs.
func (b binary) run(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
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
