//go:build integration

package integration

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/dev/pinned"
)

// A registryKind starts empty registries of one kind.
type registryKind struct {
	name  string
	start func(t *testing.T) string
}

// registryKinds returns the kinds of registries that mirror is tested with.
func registryKinds() []registryKind {
	return []registryKind{
		{"docker-registry 2.8.2", func(t *testing.T) string { return startRegistry(t, t.TempDir()) }},
		{"distribution 3.1.2", func(t *testing.T) string {
			return startRegistryWith(t, []string{"PROGRAM=" + program(t, pinned.Distribution)}, t.TempDir())
		}},
		{"bayplan serve registry", func(t *testing.T) string { return serveRegistry(t, "--dir", t.TempDir()) }},
	}
}

// TestRegistries mirrors a set to each kind of registry. No byte moves twice, no
// request is wasted, and other clients read the images of the source there.
func TestRegistries(t *testing.T) {
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	images := fillSet(t, source, sizes{base: 1 << 20, service: 128 << 10, own: 64 << 10})
	for _, kind := range registryKinds() {
		t.Run(kind.name, func(t *testing.T) {
			var passed recorder
			dest := rawRegistry{url: kind.start(t)}
			upstream := connectionTo(upstreamHost, passed.proxy(t, "source", source.url), "")
			local := connectionTo(localHost, passed.proxy(t, "destination", dest.url), "")
			s := newMirror(t, images, upstream, local, "")

			s.mustRun(t, 0, []string{"apply"}, "1 changed, 0 unchanged, 0 failed")
			cold := passed.take()
			if pulled, pushed := blobBytes(cold); pulled != images.bytes || pushed != images.bytes {
				t.Errorf("pulled %d bytes of blobs and pushed %d, want %d", pulled, pushed, images.bytes)
			}
			got, want := countRequests(cold), images.coldRequests()
			t.Logf("cold: %d requests at the source, %d at the destination", got.source, got.dest)
			if got.source > want.source || got.dest > want.dest {
				t.Errorf("%+v requests, want at most %+v", got, want)
			}
			images.checkAt(t, dest)

			for _, again := range []struct {
				name   string
				before func()
				source int // requests
			}{
				{"locked by the first run", func() {}, 0},
				{"no longer locked", func() { s.remove(t, "bayplan.lock.yaml") }, len(images.images)},
				{"with digests in the list", func() { s.remove(t, "bayplan.lock.yaml"); s.write(t, "images.txt", images.list(true)) }, 0},
			} {
				t.Run(again.name, func(t *testing.T) {
					again.before()
					s.mustRun(t, 0, []string{"apply"}, "0 changed, 1 unchanged, 0 failed")
					images.checkWarm(t, passed.take(), again.source)
				})
			}

			s = newMirror(t, images, upstream, local, "", deepCatalogStep)
			s.mustRun(t, 0, []string{"apply"}, "0 changed, 2 unchanged, 0 failed")
			s.mustRun(t, 0, []string{"verify"})
			onlyReads(t, passed.take())

			for name, read := range readers() {
				t.Run(name, func(t *testing.T) { images.checkReader(t, dest.url, read) })
			}
		})
	}
}

// requests are the numbers of requests to each side.
type requests struct{ source, dest int }

func countRequests(all []*exchange) (n requests) {
	for _, x := range all {
		if x.side == "source" {
			n.source++
		} else {
			n.dest++
		}
	}
	return n
}

// coldRequests returns the fewest requests that can mirror the set to an empty
// registry. The source gets one for every manifest (an image's own by its tag)
// and for every blob. The destination gets one for its catalog, one for each tag,
// two for each blob, one for each mount and one for each manifest.
func (s set) coldRequests() requests {
	tags, blobs, mounts := len(s.images), len(s.blobs), len(s.places)-len(s.blobs)
	return requests{
		source: s.manifests + blobs,
		dest:   1 + tags + 2*blobs + mounts + s.manifests,
	}
}

// checkWarm fails the test unless the run only asked for the digest of each tag.
func (s set) checkWarm(t *testing.T, all []*exchange, source int) {
	t.Helper()
	if got, want := countRequests(all), (requests{source: source, dest: len(s.images)}); got != want {
		t.Errorf("%+v requests when there is nothing to do, want %+v", got, want)
	}
	for _, x := range all {
		if x.method != http.MethodHead || !strings.Contains(x.path, "/manifests/") {
			t.Errorf("%s %s at the %s", x.method, x.path, x.side)
		}
	}
}

// nameAt returns the name of an image at a registry.
func (i setImage) nameAt(host string) string { return fmt.Sprintf("%s/%s:%s", host, i.repo, i.tag) }
