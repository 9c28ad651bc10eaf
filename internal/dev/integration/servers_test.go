//go:build integration

package integration

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestServers checks the servers themselves: versions, content, logins, proxies.
func TestServers(t *testing.T) {
	t.Run("docker-registry", func(t *testing.T) {
		out, err := exec.Command("docker-registry", "--version").Output()
		if err != nil || !strings.Contains(string(out), "2.8.2") {
			t.Errorf("docker-registry --version: %q, %v; want 2.8.2", out, err)
		}
		r := rawRegistry{url: startRegistry(t, t.TempDir())}
		images := append(sampleImages(t), image{repo: "rhosp13/openstack-base", tag: "13.0-41"})
		digests := fillRegistry(t, r, images)
		if got, want := len(r.catalog(t)), 46; got != want {
			t.Errorf("%d repositories, want %d", got, want)
		}
		for _, img := range images {
			if got, want := r.manifest(t, img.repo, img.tag), digests[img.repo]; got != want {
				t.Errorf("%s:%s is %s, want %s", img.repo, img.tag, got, want)
			}
		}
		tags := r.tags(t, "rhosp13/openstack-base")
		slices.Sort(tags)
		if diff := cmp.Diff([]string{"13.0-41", "latest"}, tags); diff != "" {
			t.Errorf("tags (-want +got):\n%s", diff)
		}
	})
	t.Run("docker-registry with a password", func(t *testing.T) {
		r := rawRegistry{url: startRegistry(t, t.TempDir(), htpasswd(t))}
		r.do(t, r.request(t, "GET", "/v2/", nil), http.StatusUnauthorized)
		r.user, r.password = "stack", "secret"
		r.do(t, r.request(t, "GET", "/v2/", nil), http.StatusOK)
	})
	t.Run("Keystone and Glance", func(t *testing.T) {
		var r recorder
		c := startCloud(t, func(glance string) string { return r.proxy(t, "glance", glance) })
		if got := c.openstack(t, "image", "list", "-f", "value"); got != "" {
			t.Errorf("a new Glance has images:\n%s", got)
		}
		if len(r.take()) == 0 {
			t.Error("the client did not go through the proxy that the catalogue names")
		}
	})
}

// TestSample checks the committed sample against the walk-through.
func TestSample(t *testing.T) {
	var repos []string
	for _, img := range sampleImages(t) {
		repos = append(repos, img.repo)
	}
	if diff := cmp.Diff(lines(t, walkthrough+"catalog-repositories.txt"), repos); diff != "" {
		t.Errorf("repositories of the sample (-catalog +environment file):\n%s", diff)
	}
}

// htpasswd writes a password file: user stack, password secret.
func htpasswd(t *testing.T) string {
	t.Helper()
	file := t.TempDir() + "/htpasswd"
	if err := os.WriteFile(file, []byte("stack:$2y$04$IQ2jRnZenxwSY3F2UKN2EuMnoIw6yVbz5pekMIk81H/VqyPmF4Tl2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// lines reads a file of lines.
func lines(t *testing.T, file string) []string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []string
	s := bufio.NewScanner(f)
	for s.Scan() {
		all = append(all, s.Text())
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
