//go:build integration

package integration

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/dev/pinned"
)

// A kindOfRegistry starts registries of one kind, empty.
type kindOfRegistry struct {
	name  string
	start func(t *testing.T) string
}

// kindsOfRegistries are those that mirror is tried with.
func kindsOfRegistries() []kindOfRegistry {
	return []kindOfRegistry{
		{"docker-registry 2.8.2", func(t *testing.T) string { return startRegistry(t, t.TempDir()) }},
		{"distribution 3.1.2", func(t *testing.T) string {
			return startRegistryWith(t, []string{"PROGRAM=" + program(t, pinned.Distribution)}, t.TempDir())
		}},
		// With olareg in it.
		{"bayplan serve registry", func(t *testing.T) string { return serveRegistry(t, "--dir", t.TempDir()) }},
	}
}

// TestRegistries mirrors a set to each kind of registry: no byte moves twice,
// no request is sent in vain, and others read there what the source has.
func TestRegistries(t *testing.T) {
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	images := fillSet(t, source, sizes{base: 1 << 20, service: 128 << 10, own: 64 << 10})
	for _, kind := range kindsOfRegistries() {
		t.Run(kind.name, func(t *testing.T) {
			var passed tape
			dest := rawRegistry{url: kind.start(t)}
			upstream := reach(upstreamHost, passed.proxy(t, "source", source.url), "")
			local := reach(localHost, passed.proxy(t, "destination", dest.url), "")
			s := newMirror(t, images, upstream, local, "")

			s.must(t, 0, []string{"apply"}, "1 changed, 0 unchanged, 0 failed")
			cold := passed.take()
			if pulled, pushed := blobBytes(cold); pulled != images.bytes || pushed != images.bytes {
				t.Errorf("pulled %d bytes of blobs and pushed %d, want %d", pulled, pushed, images.bytes)
			}
			got, want := countRequests(cold), images.coldRequests()
			t.Logf("cold: %d requests at the source, %d at the destination", got.source, got.dest)
			if got.source > want.source || got.dest > want.dest {
				t.Errorf("%+v requests, want at most %+v", got, want)
			}
			images.isWholeAt(t, dest)

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
					s.must(t, 0, []string{"apply"}, "0 changed, 1 unchanged, 0 failed")
					images.holdsWarm(t, passed.take(), again.source)
				})
			}

			s = newMirror(t, images, upstream, local, "", deepCatalogStep)
			s.must(t, 0, []string{"apply"}, "0 changed, 2 unchanged, 0 failed")
			s.must(t, 0, []string{"verify"})
			onlyReads(t, passed.take())

			for name, read := range readers() {
				t.Run(name, func(t *testing.T) { images.isReadBy(t, dest.url, read) })
			}
		})
	}
}

// requests are counts of those at either side.
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

// coldRequests are the fewest that can mirror the set to an empty registry:
// the source is asked for every manifest, an image's own by its tag, and for
// every blob; the destination for its catalog and for each tag, takes a blob
// with two requests, mounts it wherever else it is wanted, and takes the manifests.
func (s set) coldRequests() requests {
	tags, blobs, mounts := len(s.images), len(s.blobs), len(s.places)-len(s.blobs)
	return requests{
		source: s.manifests + blobs,
		dest:   1 + tags + 2*blobs + mounts + s.manifests,
	}
}

// holdsWarm fails the test unless nothing was asked but what each tag stands for.
func (s set) holdsWarm(t *testing.T, all []*exchange, source int) {
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

// at is what an image is called at a registry.
func (i setImage) at(host string) string { return fmt.Sprintf("%s/%s:%s", host, i.repo, i.tag) }
