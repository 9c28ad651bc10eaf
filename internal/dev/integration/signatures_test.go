//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/dev/pinned"
)

// TestSignatures checks that mirror also copies what other tools have attached to
// images, between registries with and without the referrers API.
func TestSignatures(t *testing.T) {
	for _, from := range registryKinds() {
		source := rawRegistry{url: from.start(t)}
		m := newSetMaker(t, source, sizes{base: 4 << 10, service: 2 << 10, own: 1 << 10})
		m.image(0) // schema2
		m.image(7) // an OCI index
		want := map[string][]string{}
		for _, img := range m.set.images {
			attach(t, m, img)
			want[img.repo] = attached(t, source, img)
			if len(want[img.repo]) != 3 {
				t.Fatalf("%s has %q", img.repo, want[img.repo])
			}
		}
		for _, to := range registryKinds() {
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				dest := rawRegistry{url: to.start(t)}
				s := newMirror(t, m.set, connectionTo(upstreamHost, source.url, ""), connectionTo(localHost, dest.url, ""), ", signatures: require")
				s.mustRun(t, 0, []string{"apply"}, "1 changed, 0 unchanged, 0 failed")
				m.set.checkAt(t, dest)
				for _, img := range m.set.images {
					if diff := cmp.Diff(want[img.repo], attached(t, dest, img)); diff != "" {
						t.Errorf("attached to %s, %s (-source +destination):\n%s", img.repo, img.kind, diff)
					}
				}
				s.mustRun(t, 0, []string{"apply"}, "0 changed, 1 unchanged, 0 failed")
				s.mustRun(t, 0, []string{"verify"})
			})
		}
	}
}

// attach attaches a bill of materials and a note on it, as the distribution
// specification defines, and a signature in cosign's own way.
func attach(t *testing.T, m *setMaker, img setImage) {
	t.Helper()
	host := strings.TrimPrefix(m.to.url, "http://")
	file := filepath.Join(t.TempDir(), "bill")
	if err := os.WriteFile(file, []byte("openssl of "+img.repo), 0o600); err != nil {
		t.Fatal(err)
	}
	put := func(subject, kind string) string {
		return host + "/" + img.repo + "@" + strings.TrimSpace(regctl(t, host, "artifact", "put", "--subject", subject,
			"--artifact-type", kind, "--file", file, "--file-media-type", "text/plain", "--format", "{{.Manifest.GetDescriptor.Digest}}"))
	}
	put(put(img.nameAt(host), "application/spdx+json"), "application/vnd.example.note")
	m.put(img.repo, m.manifest(oci, img.repo, 100), cosignTag(img))
}

// cosignTag returns the tag under which cosign looks for an image's signature.
func cosignTag(img setImage) string { return strings.Replace(img.digest, ":", "-", 1) + ".sig" }

// attached returns what regctl finds attached to an image, recursively, and its
// signature.
func attached(t *testing.T, r rawRegistry, img setImage) []string {
	t.Helper()
	host := strings.TrimPrefix(r.url, "http://")
	list := func(name string) []string {
		return strings.Fields(regctl(t, host, "artifact", "list", name, "--format", "{{range .Descriptors}}{{.Digest}} {{end}}"))
	}
	found := list(img.nameAt(host))
	for _, digest := range slices.Clone(found) {
		found = append(found, list(fmt.Sprintf("%s/%s@%s", host, img.repo, digest))...)
	}
	for i, digest := range found {
		found[i] = r.manifest(t, img.repo, digest)
	}
	return append(found, r.manifest(t, img.repo, cosignTag(img)))
}

func regctl(t *testing.T, host string, args ...string) string {
	t.Helper()
	return run(t, program(t, pinned.Regctl), append([]string{"--host", "reg=" + host + ",tls=disabled"}, args...)...)
}
