//go:build integration

package integration

import (
	"os"
	"strings"
	"testing"
)

// TestBadRegistries checks what a user reads if a registry does not match the
// plan, and that nothing is left half-written.
func TestBadRegistries(t *testing.T) {
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	fillRegistry(t, source, sourceImages(t))
	locked := startRegistry(t, t.TempDir(), htpasswd(t))
	closedPort := "http://127.0.0.1:" + freePort(t)

	for _, tt := range []struct {
		name            string
		upstream, local string // servers
		more            string // of the locked server's connection
		prepare         func(t *testing.T, s *site)
		code            int
		says            []string
	}{
		{
			name:     "source unreachable",
			upstream: closedPort, code: 1,
			says: []string{"base_tag", upstreamHost, "refused"},
		},
		{
			name:     "destination unreachable",
			upstream: source.url, local: closedPort, code: 1,
			says: []string{"containers", localHost, "refused"},
		},
		{
			name:     "source wants a password",
			upstream: locked, code: 1,
			says: []string{"base_tag", upstreamHost, "credentials"},
		},
		{
			name:     "wrong password at the destination",
			upstream: source.url, local: locked, more: `, user: stack, password: "${secrets.token}"`, code: 1,
			says: []string{"containers", localHost, "credentials", "stack"},
		},
		{
			name:     "no password at the destination",
			upstream: source.url, local: locked, code: 1,
			says: []string{"containers", localHost, "credentials"},
		},
		{
			name:     "no such repository",
			upstream: source.url, code: 1,
			prepare: replaceInPlan("openstack-base", "openstack-bass"),
			says:    []string{"base_tag", "openstack-bass"},
		},
		{
			name:     "no such tag",
			upstream: source.url, code: 1,
			prepare: replaceInPlan("/openstack-base", "/openstack-base:12.0"),
			says:    []string{"base_tag", "openstack-base", "12.0"},
		},
		{
			name:     "no such label",
			upstream: source.url, code: 1,
			prepare: replaceInPlan("{version}-{release}", "{version}-{build}"),
			says:    []string{"base_tag", "build", "release", "version"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dest := rawRegistry{url: startRegistry(t, t.TempDir())}
			if tt.local == "" {
				tt.local = dest.url
			}
			s := newSite(t)
			s.upstream, s.local = connectionTo(upstreamHost, tt.upstream, ""), connectionTo(localHost, tt.local, tt.more)
			s.environment = append(s.environment, "REGISTRY_TOKEN=no-such-secret")
			if tt.prepare != nil {
				tt.prepare(t, s)
			}
			r := s.mustRun(t, tt.code, []string{"apply"}, tt.says...)
			if strings.Contains(r.stdout+r.stderr, "no-such-secret") {
				t.Error("the password was printed")
			}
			if got := dest.catalog(t); len(got) != 0 {
				t.Errorf("the destination has %v", got)
			}
			_, err := os.Stat(s.home("templates", "environments", "overcloud_images.yaml"))
			if prepared := err == nil; prepared != strings.Contains(strings.Join(tt.says, " "), "containers") {
				t.Errorf("the environment file: %v", err)
			}
		})
	}
}

// TestBadCloud is TestBadRegistries for the cloud.
func TestBadCloud(t *testing.T) {
	cloud := startCloud(t, func(glance string) string { return glance })
	closedPort := "http://127.0.0.1:" + freePort(t)

	for _, tt := range []struct {
		name     string
		old, new string // in clouds.yaml
		code     int
		says     []string
	}{
		{"wrong password", "password: integration", "password: wrong", 1, []string{"upload", `cloud "bayplan"`, "401"}},
		{"unreachable", cloud.keystone, closedPort, 1, []string{"upload", `cloud "bayplan"`, "refused"}},
		{"no such cloud", "bayplan:", "bayplam:", 1, []string{"upload", "bayplan", "bayplam"}},
		{"no such region", "RegionOne", "RegionTwo", 1, []string{"upload", `cloud "bayplan"`, "RegionTwo"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text, err := os.ReadFile(cloud.file)
			if err != nil {
				t.Fatal(err)
			}
			s := newSite(t)
			bad := cloud
			bad.file = s.path("clouds.yaml")
			if err := os.WriteFile(bad.file, []byte(strings.Replace(string(text), tt.old, tt.new, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			s.useCloud(bad)
			r := s.mustRun(t, tt.code, []string{"apply"}, tt.says...)
			if strings.Contains(r.stdout+r.stderr, "wrong\n") {
				t.Error("the password was printed")
			}
			if got := cloud.images(t); len(got) != 0 {
				t.Errorf("Glance has %+v", got)
			}
			// The containers do not depend on the cloud, so all of them are there.
			s.hasSample(t)
		})
	}
}

// replaceInPlan replaces every old in the site's plan, which must have one.
func replaceInPlan(old, with string) func(t *testing.T, s *site) {
	return func(t *testing.T, s *site) {
		t.Helper()
		text, err := os.ReadFile(s.path("bayplan.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.ReplaceAll(string(text), old, with)
		if changed == string(text) {
			t.Fatalf("the plan has no %q", old)
		}
		if err := os.WriteFile(s.path("bayplan.yaml"), []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
