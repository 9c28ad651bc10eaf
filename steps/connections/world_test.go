package connections

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/cloudserver"
	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/registryserver"
	"github.com/bayplan/bayplan/plan"
)

// A smallWorld has one registry, one cloud and one web server.
type smallWorld struct {
	registry, cloud, web string
	images               *registryserver.Registry
	glance               *cloudserver.Cloud
}

func (w smallWorld) Registry(host string) http.Handler {
	if host != w.registry {
		return nil
	}
	return w.images
}

func (w smallWorld) Cloud(name string) http.Handler {
	if name != w.cloud {
		return nil
	}
	return w.glance
}

func (w smallWorld) Web(host string) http.Handler {
	if host != w.web {
		return nil
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("from inside")) })
}

// In a world, servers with and without a connection are answered for inside. Secrets,
// certificates and clouds.yaml are not looked for, and all other servers are refused.
func TestOpenIn(t *testing.T) {
	p, errs := plan.Parse("p.yaml", []byte(`apiVersion: bayplan/v1
name: p
secrets: { s: { env: NO_SUCH_VARIABLE } }
connections:
  registries:
    hub: { host: docker.io, user: me, password: "${secrets.s}", ca: /no/such/ca.pem, cert: /no/such/cert, key: /no/such/key }
  clouds: { c: { auth_url: "https://cloud.test/v3", user: me, password: "${secrets.s}", project: p, ca: /no/such/ca.pem } }
  hosts: { w: { host: web.test, token: "${secrets.s}" } }
steps: { a: { type: x, with: {} } }
`), plan.Options{})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	s, errs := Connect(p)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	images, err := registryserver.New(registryserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := images.Add(registryserver.Image{Repository: "library/debian", Tags: []string{"12"}}); err != nil {
		t.Fatal(err)
	}
	glance, err := cloudserver.New(cloudserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.OpenIn(smallWorld{"docker.io", "https://cloud.test/v3", "web.test", images, glance}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, image := range []string{"docker.io/debian:12", "index.docker.io/library/debian:12"} {
		if _, err := s.Registry().Resolve(t.Context(), image); err != nil {
			t.Errorf("%s: %v", image, err)
		}
	}
	if _, err := s.Cloud(t.Context(), "c"); err != nil {
		t.Error(err)
	}
	if b, err := s.Downloads().Small(t.Context(), download.Request{URL: "https://web.test/f"}); err != nil || string(b) != "from inside" {
		t.Errorf("%q, %v", b, err)
	}
	const refused = "is not asked: a rehearsal asks nobody outside"
	if _, err := s.Registry().Resolve(t.Context(), "quay.io/a/b:1"); err == nil || !strings.Contains(err.Error(), "quay.io "+refused) {
		t.Errorf("another registry: %v", err)
	}
	if _, err := s.Downloads().Small(t.Context(), download.Request{URL: "http://elsewhere.test/f"}); err == nil || !strings.Contains(err.Error(), "elsewhere.test "+refused) {
		t.Errorf("another web server: %v", err)
	}
	if err := s.CheckOthers("the package repositories"); err == nil || !strings.Contains(err.Error(), "not asked") {
		t.Errorf("others: %v", err)
	}
}
