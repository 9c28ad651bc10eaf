//go:build integration

package integration

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestKillBlob kills a mirror at 20 points: after 12 numbers of bytes, with blobs
// in flight in both directions, and during 8 of its last exchanges, when some
// images have their tags. Every image with a tag is complete then, and the second
// run moves only what is missing.
func TestKillBlob(t *testing.T) {
	const byBytes, byExchanges = 12, 8
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	images := fillSet(t, source, sizes{base: 2 << 20, service: 256 << 10, own: 128 << 10})
	want := images.coldRequests()
	whole := want.source + want.dest

	torn, tagged := 0, 0
	for i := range byBytes {
		// Between the first and the last byte.
		at := images.bytes * (2*i + 1) / (2 * byBytes)
		t.Run(fmt.Sprintf("after %d of %d bytes", at, images.bytes), func(t *testing.T) {
			k := newKill(t, source, images)
			first := k.killWhen(t, &k.passed, func(kill func()) { k.proxy.afterBytes(int64(at), kill) })
			torn += len(tornUploads(first))
			k.checkNextRun(t, first)
		})
	}
	for i := range byExchanges {
		// The manifests come last.
		n, when := whole-images.manifests*(2*i+1)/(2*byExchanges), phase(i%3)
		t.Run(fmt.Sprintf("%s %d of %d", when, n, whole), func(t *testing.T) {
			k := newKill(t, source, images)
			first := k.killWhen(t, &k.passed, func(kill func()) { k.passed.onExchange(n, when, kill) })
			tagged += k.checkNextRun(t, first)
		})
	}
	if torn < byBytes || tagged < byExchanges {
		t.Errorf("%d blobs were in flight at %d kills, and %d images had their tags at %d others", torn, byBytes, tagged, byExchanges)
	}
}

// A killTest is a site whose mirror is killed.
type killTest struct {
	*site
	passed recorder
	proxy  *tcpProxy // before the destination
	dest   rawRegistry
	images set
}

func newKill(t *testing.T, source rawRegistry, images set) *killTest {
	t.Helper()
	k := &killTest{dest: rawRegistry{url: startRegistry(t, t.TempDir())}, images: images}
	k.proxy = newTCPProxy(t, k.passed.proxy(t, "destination", k.dest.url))
	// So slow that several blobs are in flight at any time.
	upstream := connectionTo(upstreamHost, k.passed.proxy(t, "source", source.url), ", bandwidth: 12MiB")
	k.site = newMirror(t, images, upstream, connectionTo(localHost, k.proxy.url, ""), "")
	return k
}

// checkNextRun checks what a killed run has left and what the next run does. It
// returns how many images had their tags.
func (k *killTest) checkNextRun(t *testing.T, first []*exchange) (tagged int) {
	t.Helper()
	tagged = k.images.countTagged(t, k.dest)
	finished := uploads(created(first))
	missing := 0
	for d, size := range k.images.blobs {
		if !finished[d] {
			missing += size
		}
	}

	k.mustRun(t, 0, []string{"apply"}, "1 changed, 0 unchanged, 0 failed")
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
	k.images.checkAt(t, k.dest)
	k.mustRun(t, 0, []string{"apply"}, "0 changed, 1 unchanged, 0 failed")
	k.images.checkWarm(t, k.passed.take(), 0)
	return tagged
}

// countTagged counts the images with a tag and checks that they are complete.
func (s set) countTagged(t *testing.T, r rawRegistry) int {
	t.Helper()
	listed := r.catalog(t)
	n := 0
	for _, img := range s.images {
		if !slices.Contains(listed, img.repo) || !r.hasTag(t, img) {
			continue
		}
		n++
		if got := r.manifest(t, img.repo, img.tag); got != img.digest {
			t.Errorf("%s:%s is %s, want %s", img.repo, img.tag, got, img.digest)
		}
	}
	return n
}

// hasTag tells whether the tag of an image exists.
func (r rawRegistry) hasTag(t *testing.T, img setImage) bool {
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

// uploads returns the digests of the uploaded blobs.
func uploads(all []*exchange) map[string]bool {
	found := map[string]bool{}
	for _, x := range all {
		if x.side == "destination" && x.method == http.MethodPut && strings.Contains(x.path, "/blobs/uploads/") {
			found[x.digest] = true
		}
	}
	return found
}

// tornUploads returns the exchanges that sent only part of a blob.
func tornUploads(all []*exchange) []*exchange {
	var found []*exchange
	for _, x := range all {
		if x.side == "destination" && strings.Contains(x.path, "/blobs/uploads/") && x.sent.Load() > 0 && x.status.Load()/100 != 2 {
			found = append(found, x)
		}
	}
	return found
}
