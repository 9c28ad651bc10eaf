//go:build integration

package integration

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/dev/pinned"
)

// TestConformance runs the test suite of the distribution specification
// against the registry that bayplan serves.
func TestConformance(t *testing.T) {
	suite, certs := program(t, pinned.Conformance), newCertificates(t)
	for _, tt := range []struct {
		name     string
		args     []string
		settings []string
	}{
		{name: "in memory", settings: []string{"OCI_TLS=disabled"}},
		{name: "in a directory", args: []string{"--dir", t.TempDir()}, settings: []string{"OCI_TLS=disabled"}},
		{
			name:     "with users, over TLS",
			args:     []string{"--dir", t.TempDir(), "--htpasswd", htpasswd(t), "--tls-cert", certs.server, "--tls-key", certs.key},
			settings: []string{"OCI_TLS=enabled", "SSL_CERT_FILE=" + certs.authority, "OCI_USERNAME=stack", "OCI_PASSWORD=secret"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, host, _ := strings.Cut(serveRegistry(t, tt.args...), "://")
			dir := t.TempDir()
			cmd := exec.CommandContext(t.Context(), suite)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), append(tt.settings, "OCI_REGISTRY="+host, "OCI_RESULTS_DIR="+dir)...)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			text, err := os.ReadFile(filepath.Join(dir, "junit.xml"))
			if err != nil {
				t.Fatal(err)
			}
			var got struct {
				Suites []struct {
					Tests    int `xml:"tests,attr"`
					Failures int `xml:"failures,attr"`
					Errors   int `xml:"errors,attr"`
					Skipped  int `xml:"skipped,attr"`
				} `xml:"testsuite"`
			}
			if err := xml.Unmarshal(text, &got); err != nil || len(got.Suites) != 1 {
				t.Fatalf("%d suites, %v", len(got.Suites), err)
			}
			// The suite itself skips two tests by default.
			s := got.Suites[0]
			if s.Tests != 858 || s.Failures != 0 || s.Errors != 0 || s.Skipped != 2 {
				t.Errorf("%+v, want 858 tests, 2 of them skipped", s)
			}
		})
	}
}

// TestCatalogPages reads the catalogs of bayplan's registry and of docker-registry
// in pages of all sizes. Both return the same pages.
func TestCatalogPages(t *testing.T) {
	ours, theirs := rawRegistry{url: serveRegistry(t)}, rawRegistry{url: startRegistry(t, t.TempDir())}
	for _, r := range []rawRegistry{ours, theirs} {
		if got := r.pages(t, ""); len(got) != 1 || len(got[0]) != 0 {
			t.Errorf("%s has, when it is empty, %q", r.url, got)
		}
		fillRegistry(t, r, sampleImages(t))
	}
	for _, query := range []string{"", "n=1", "n=2", "n=7", "n=44", "n=45", "n=46", "n=1000", "n=7&last=rhosp13/openstack-nova-api", "n=7&last=m", "last=z", "n=3&last=a"} {
		t.Run(query, func(t *testing.T) {
			if diff := cmp.Diff(theirs.pages(t, query), ours.pages(t, query)); diff != "" {
				t.Errorf("pages (-docker-registry +bayplan):\n%s", diff)
			}
		})
	}
	// docker-registry is not compared here: it misreads some of these.
	for _, query := range []string{"n=0", "n=-1", "n=x", "n=", "n=1001"} {
		t.Run(query, func(t *testing.T) {
			ours.do(t, ours.request(t, "GET", "/v2/_catalog?"+query, nil), http.StatusBadRequest)
		})
	}
}

// pages reads the catalog from a page to the last one and follows the links.
func (r rawRegistry) pages(t *testing.T, query string) [][]string {
	t.Helper()
	var all [][]string
	next := "/v2/_catalog?" + query
	for next != "" {
		header, names := r.page(t, next)
		all = append(all, names)
		next = nextPage(t, header.Get("Link"))
	}
	return all
}

// nextPage parses a link, which may be an absolute URL or a path.
func nextPage(t *testing.T, link string) string {
	t.Helper()
	if link == "" {
		return ""
	}
	address, ok := strings.CutSuffix(link, `>; rel="next"`)
	u, err := url.Parse(strings.TrimPrefix(address, "<"))
	if err != nil || !ok || !strings.HasPrefix(link, "<") {
		t.Fatalf("link %q: %v", link, err)
	}
	return fmt.Sprintf("%s?%s", u.Path, u.RawQuery)
}
