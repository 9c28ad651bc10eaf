//go:build integration

package integration

import (
	"fmt"
	"strings"
	"testing"
)

const verifyRegistryPlan = `apiVersion: bayplan/v1
name: registry
secrets:
  token: { env: REGISTRY_TOKEN }
connections:
  registries:
    upstream: %s
    local: %s
steps:
  registry:
    type: verify-registry
    with: { registry: local, only: images.txt }
`

const mirrorStep = `  containers:
    type: mirror
    needs: [registry]
    with: { images: images.txt, to: local }
`

// TestVerifyRegistry runs verify-registry against a docker-registry with users and
// a certificate of a private authority.
func TestVerifyRegistry(t *testing.T) {
	certs := newCertificates(t)
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	images := fillVersions(t, source).only("1.9", "1.10", "1.11")
	start := func(t *testing.T) string {
		env := []string{"REGISTRY_HTTP_TLS_CERTIFICATE=" + certs.server, "REGISTRY_HTTP_TLS_KEY=" + certs.key}
		return strings.TrimPrefix(startRegistryWith(t, env, t.TempDir(), htpasswd(t)), "http://")
	}
	local := func(address, more string) string {
		return fmt.Sprintf("{ host: %q, address: %q%s }", localHost, address, more)
	}
	const login = `, user: stack, password: "${secrets.token}"`
	plan := func(t *testing.T, local, password, steps string) *site {
		s := newPlan(t, fmt.Sprintf(verifyRegistryPlan, connectionTo(upstreamHost, source.url, ""), local)+steps)
		s.write(t, "images.txt", images.list(false))
		s.environment = append(s.environment, "REGISTRY_TOKEN="+password)
		return s
	}

	address := start(t)
	for _, tt := range []struct {
		name     string
		more     string // settings of the connection
		password string
		code     int
		says     []string
	}{
		{"right login", ", ca: " + certs.authority + login, "secret", 0, []string{"0 failed"}},
		{"right login, not verified", ", tls: insecure" + login, "secret", 0, []string{"0 failed"}},
		{"wrong password", ", ca: " + certs.authority + login, "no-such-secret", 1, []string{localHost, "stack", "credentials"}},
		{"no login", ", ca: " + certs.authority, "secret", 1, []string{localHost, "credentials"}},
		{"authority unknown", login, "secret", 1, []string{localHost, "signed by an unknown authority", "Undercloud CA", "ca: FILE"}},
		{"without TLS", ", tls: disabled" + login, "secret", 1, []string{localHost, "remove tls: disabled"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := plan(t, local(address, tt.more), tt.password, "")
			r := s.mustRun(t, tt.code, []string{"apply"}, tt.says...)
			// The warning about a secret that no connection uses has the word that is the password.
			if strings.Contains(strings.ReplaceAll(r.stdout+r.stderr, "uses the secret ", ""), tt.password) {
				t.Errorf("the password was printed:\n%s%s", r.stdout, r.stderr)
			}
		})
	}

	t.Run("nothing else", func(t *testing.T) {
		address := start(t)
		right := local(address, ", ca: "+certs.authority+login)
		// Before the first upload, after it, and after an upload of another client.
		s := plan(t, right, "secret", mirrorStep)
		s.mustRun(t, 0, []string{"apply"}, "0 failed")
		s.mustRun(t, 0, []string{"verify"})
		s.mustRun(t, 0, []string{"apply"}, "0 changed, 2 unchanged, 0 failed")

		other := strings.ReplaceAll(images.list(false), "openstack-pruned", "openstack-other")
		others := plan(t, right, "secret", "")
		others.write(t, "images.txt", other)
		others.mustRun(t, 1, []string{"apply"}, prunedRepo, prunedIndex)
	})
}
