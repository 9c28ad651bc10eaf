//go:build integration

package integration

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestKillBlob kills a mirror at 20 points: 12 of the bytes that it moves, with
// blobs in flight in both directions, and 8 of its last exchanges, when some
// images have their tags. Whatever has a tag is whole then, and the second run
// moves what is missing and nothing else.
func TestKillBlob(t *testing.T) {
	const byBytes, byExchanges = 12, 8
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	images := fillSet(t, source, sizes{base: 2 << 20, service: 256 << 10, own: 128 << 10})
	want := images.coldRequests()
	whole := want.source + want.dest

	torn, tagged := 0, 0
	for i := range byBytes {
		// Neither before the first nor after the last byte.
		at := images.bytes * (2*i + 1) / (2 * byBytes)
		t.Run(fmt.Sprintf("after %d of %d bytes", at, images.bytes), func(t *testing.T) {
			k := newKill(t, source, images)
			first := k.killWhen(t, &k.passed, func(kill func()) { k.door.after(int64(at), kill) })
			torn += len(tornUploads(first))
			k.goesOn(t, first)
		})
	}
	for i := range byExchanges {
		// The manifests come last.
		n, when := whole-images.manifests*(2*i+1)/(2*byExchanges), phase(i%3)
		t.Run(fmt.Sprintf("%s %d of %d", when, n, whole), func(t *testing.T) {
			k := newKill(t, source, images)
			first := k.killWhen(t, &k.passed, func(kill func()) { k.passed.at(n, when, kill) })
			tagged += k.goesOn(t, first)
		})
	}
	if torn < byBytes || tagged < byExchanges {
		t.Errorf("%d blobs were in flight at %d kills, and %d images had their tags at %d others", torn, byBytes, tagged, byExchanges)
	}
}

// A killing is a mirror that is to be killed.
type killing struct {
	*site
	passed tape
	door   *doorstep // before the destination
	dest   rawRegistry
	images set
}

func newKill(t *testing.T, source rawRegistry, images set) *killing {
	t.Helper()
	k := &killing{dest: rawRegistry{url: startRegistry(t, t.TempDir())}, images: images}
	k.door = newDoorstep(t, k.passed.proxy(t, "destination", k.dest.url))
	// Slow enough for several blobs to be under way at any time.
	upstream := reach(upstreamHost, k.passed.proxy(t, "source", source.url), ", bandwidth: 12MiB")
	k.site = newMirror(t, images, upstream, reach(localHost, k.door.url, ""), "")
	return k
}

// goesOn looks at what a killed run has left, and at what the next one does
// about it. It gives how many images had their tags.
func (k *killing) goesOn(t *testing.T, first []*exchange) (tagged int) {
	t.Helper()
	tagged = k.images.tagged(t, k.dest)
	finished := uploads(created(first))
	missing := 0
	for d, size := range k.images.blobs {
		if !finished[d] {
			missing += size
		}
	}

	k.must(t, 0, []string{"apply"}, "1 changed, 0 unchanged, 0 failed")
	second := k.passed.take()
	for d := range uploads(created(second)) {
		if finished[d] {
			t.Errorf("blob %s was uploaded twice", d)
		}
	}
	pulled, pushed := blobBytes(second)
	if pulled > missing || pushed > missing {
		t.Errorf("pulled %d bytes and pushed %d, though %d were missing", pulled, pushed, missing)
	}
	t.Logf("left %d images with their tags and %d uploads torn; then pushed %d bytes of %d", tagged, len(tornUploads(first)), pushed, k.images.bytes)
	k.images.isWholeAt(t, k.dest)
	k.must(t, 0, []string{"apply"}, "0 changed, 1 unchanged, 0 failed")
	k.images.holdsWarm(t, k.passed.take(), 0)
	return tagged
}

// tagged counts the images whose tags can be resolved, each of which has to be whole.
func (s set) tagged(t *testing.T, r rawRegistry) int {
	t.Helper()
	listed := r.catalog(t)
	n := 0
	for _, img := range s.images {
		if !slices.Contains(listed, img.repo) || !r.has(t, img) {
			continue
		}
		n++
		if got := r.manifest(t, img.repo, img.tag); got != img.digest {
			t.Errorf("%s:%s is %s, want %s", img.repo, img.tag, got, img.digest)
		}
	}
	return n
}

// has says whether an image's tag can be resolved.
func (r rawRegistry) has(t *testing.T, img setImage) bool {
	t.Helper()
	req := r.request(t, "HEAD", "/v2/"+img.repo+"/manifests/"+img.tag, nil)
	req.Header["Accept"] = []string{docker.manifest, docker.index, oci.manifest, oci.index}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNotFound {
		t.Errorf("%s: %s", req.URL, resp.Status)
	}
	return resp.StatusCode == http.StatusOK
}

// uploads names the blobs of the exchanges that uploaded one.
func uploads(all []*exchange) map[string]bool {
	found := map[string]bool{}
	for _, x := range all {
		if x.side == "destination" && x.method == http.MethodPut && strings.Contains(x.path, "/blobs/uploads/") {
			found[x.digest] = true
		}
	}
	return found
}

// tornUploads are the exchanges of which a part of a blob was sent, and no more.
func tornUploads(all []*exchange) []*exchange {
	var found []*exchange
	for _, x := range all {
		if x.side == "destination" && strings.Contains(x.path, "/blobs/uploads/") && x.sent.Load() > 0 && x.status.Load()/100 != 2 {
			found = append(found, x)
		}
	}
	return found
}
