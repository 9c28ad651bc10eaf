//go:build integration

package integration

import (
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/dev/pinned"
)

// TestServeAgain pushes with other clients to bayplan's registry, with users and
// over TLS. Served again read-only from the same directory, the registry still has
// the images, and refuses to accept or delete anything.
func TestServeAgain(t *testing.T) {
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	m := newSetMaker(t, source, sizes{base: 256 << 10, service: 2 << 10, own: 1 << 10})
	for n := range 8 { // all kinds of images
		m.image(n)
	}
	certs := newCertificates(t)
	home := t.TempDir() // for logins
	environment := []string{"SSL_CERT_FILE=" + certs.authority, "HOME=" + home, "DOCKER_CONFIG=" + home}
	args := []string{"--dir", t.TempDir(), "--htpasswd", htpasswd(t), "--tls-cert", certs.server, "--tls-key", certs.key}
	crane, regctl := program(t, pinned.Crane), program(t, pinned.Regctl)
	from, regctlHost := strings.TrimPrefix(source.url, "http://"), "reg=%,user=stack,pass=secret"

	t.Run("pushed", func(t *testing.T) {
		host := strings.TrimPrefix(serveRegistry(t, args...), "https://")
		runWith(t, environment, crane, "auth", "login", host, "--username", "stack", "--password", "secret")
		for n, img := range m.set.images {
			switch n % 3 {
			case 0:
				runWith(t, environment, "skopeo", "--insecure-policy", "copy", "--all", "--preserve-digests", "--src-tls-verify=false",
					"--dest-creds", "stack:secret", "docker://"+img.nameAt(from), "docker://"+img.nameAt(host))
			case 1:
				runWith(t, environment, crane, "copy", img.nameAt(from), img.nameAt(host))
			case 2:
				runWith(t, environment, regctl, "--host", "reg="+from+",tls=disabled", "--host", strings.Replace(regctlHost, "%", host, 1),
					"image", "copy", img.nameAt(from), img.nameAt(host))
			}
		}
	})
	t.Run("served again", func(t *testing.T) {
		host := strings.TrimPrefix(serveRegistry(t, append(args, "--read-only")...), "https://")
		runWith(t, environment, crane, "auth", "login", host, "--username", "stack", "--password", "secret")
		for _, img := range m.set.images {
			runWith(t, environment, crane, "validate", "--remote", img.nameAt(host))
			if got := strings.TrimSpace(runWith(t, environment, crane, "digest", img.nameAt(host))); got != img.digest {
				t.Errorf("%s, %s, is %s, want %s", img.repo, img.kind, got, img.digest)
			}
		}
		img := m.set.images[0]
		for _, args := range [][]string{
			{"copy", img.nameAt(from), host + "/new:1"},
			{"tag", img.nameAt(host), "new"},
			{"delete", host + "/" + img.repo + "@" + img.digest},
		} {
			if out, err := command(t, environment, crane, args...).CombinedOutput(); err == nil {
				t.Errorf("crane %s was not refused: %s", strings.Join(args, " "), out)
			}
		}
		if out, err := command(t, []string{"SSL_CERT_FILE=" + certs.authority}, crane, "digest", img.nameAt(host)).CombinedOutput(); err == nil {
			t.Errorf("it accepted a client without a password: %s", out)
		}
	})
}
