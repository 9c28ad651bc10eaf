//go:build integration

package integration

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPlatforms mirrors two and one of three platforms of images of both families.
// Every kind of registry accepts the result, other clients read it, and the other
// platforms are not moved.
func TestPlatforms(t *testing.T) {
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	m := newSetMaker(t, source, sizes{base: 4 << 10, service: 2 << 10, own: 1 << 10})
	for n := range 8 { // the last two are indexes
		m.image(n)
	}
	for _, kind := range registryKinds() {
		for _, tt := range []struct {
			name, setting string
			kept          []string // architectures; nil: no index is left
		}{
			{"two", ", platforms: [linux/amd64, linux/ppc64le]", []string{"amd64", "ppc64le"}},
			{"one", ", platforms: [linux/amd64]", nil},
		} {
			t.Run(tt.name+" to "+kind.name, func(t *testing.T) {
				var passed recorder
				dest := rawRegistry{url: kind.start(t)}
				upstream := connectionTo(upstreamHost, passed.proxy(t, "source", source.url), "")
				s := newMirror(t, m.set, upstream, connectionTo(localHost, dest.url, ""), tt.setting)
				s.mustRun(t, 0, []string{"apply"}, "1 changed, 0 unchanged, 0 failed")
				if pulled, _ := blobBytes(passed.take()); pulled >= m.set.bytes {
					t.Errorf("pulled %d bytes of %d", pulled, m.set.bytes)
				}
				left := m.set
				left.images = nil
				for n, img := range m.set.images {
					if n > 5 {
						var want []descriptor
						if whole := source.children(t, img); tt.kept != nil {
							want = ofArchitectures(whole, tt.kept)
						} else {
							img.digest = ofArchitectures(whole, []string{"amd64"})[0].Digest
						}
						if diff := cmp.Diff(want, dest.children(t, img)); diff != "" {
							t.Errorf("%s (-want +got):\n%s", img.kind, diff)
						}
						if tt.kept != nil {
							img.digest = dest.manifest(t, img.repo, img.tag)
						}
					}
					left.images = append(left.images, img)
				}
				left.checkAt(t, dest)
				for name, read := range readers() {
					t.Run(name, func(t *testing.T) { left.checkReader(t, dest.url, read) })
				}
				s.mustRun(t, 0, []string{"apply"}, "0 changed, 1 unchanged, 0 failed")
				s.mustRun(t, 0, []string{"verify"})
			})
		}
	}
}

// children returns the images in an index, none for an image without an index.
func (r rawRegistry) children(t *testing.T, img setImage) []descriptor {
	t.Helper()
	req := r.request(t, "GET", "/v2/"+img.repo+"/manifests/"+img.tag, nil)
	req.Header["Accept"] = []string{docker.manifest, docker.index, oci.manifest, oci.index}
	_, body := r.do(t, req, http.StatusOK)
	var m manifest
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatal(err)
	}
	return m.Manifests
}

// ofArchitectures keeps those of some architectures.
func ofArchitectures(children []descriptor, architectures []string) []descriptor {
	var kept []descriptor
	for _, arch := range architectures {
		for _, d := range children {
			if d.Platform.Architecture == arch {
				kept = append(kept, d)
			}
		}
	}
	return kept
}
