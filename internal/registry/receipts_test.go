package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/manifest"
	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/ocilayout"
	"github.com/bayplan/bayplan/internal/receipt"
	"github.com/bayplan/bayplan/internal/registry/manifests"
)

// month pushes images to a source and gives them: each has a layer that all share, and one of its
// own.
func month(t *testing.T, src *lab, numbers ...int) []Image {
	t.Helper()
	var images []Image
	for _, i := range numbers {
		repo := fmt.Sprintf("app/service-%02d", i)
		src.image(t, repo, "1", nil, random(1, 60_000), random(100+i, 20_000+i))
		images = append(images, Image{Source: srcHost + "/" + repo + ":1", Target: dstHost + "/" + repo + ":1"})
	}
	return images
}

// take gives the receipt of the destination, as it comes from a file.
func take(t *testing.T, c *Client) *receipt.Receipt {
	t.Helper()
	r, err := c.Receipt(t.Context(), dstHost, time.Date(2026, 10, 31, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	if r, err = receipt.Parse("receipt.yaml", r.Text()); err != nil {
		t.Fatal(err)
	}
	return r
}

// The second medium has what the destination lacks, and nothing else but what is small. Without
// the first one it is refused before anything moves; after it, all images are there.
func TestReceipts(t *testing.T) { forms(t, testReceipts) }

func testReceipts(t *testing.T, in func(string) string) {
	src, dst, c := pair(t)
	first, second := in(t.TempDir()), in(t.TempDir())
	execute(t, c, toLayout(month(t, src, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9), first))
	execute(t, c, fromLayout(t, c, first))
	dst.reset()
	r := take(t, c)
	dst.rest()
	if dst.counts["GET blobs"] > 0 || dst.counts["HEAD blobs"] != 11 || len(r.Blobs) != 21 {
		t.Errorf("the receipt has %d blobs, and took %v", len(r.Blobs), dst.counts)
	}

	c = nextRun(t, src, dst)
	if err := c.Layout(second).SetForm(ocilayout.Form{Without: r}); err != nil {
		t.Fatal(err)
	}
	images := toLayout(month(t, src, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), second)
	src.reset()
	execute(t, c, images)
	if err := c.Layout(second).Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkMedium(t, c.Layout(second), src, r)
	checkDifference(t, c.Layout(second), src, images, r)
	mirrored(t, c, images)
	if corrupt, err := c.VerifyBlobs(t.Context(), second); len(corrupt) > 0 || err != nil {
		t.Errorf("%v are corrupt, %v", corrupt, err)
	}
	sweep(t, c.Layout(second))
	if lacks, err := c.Layout(second).Unsealed(); lacks != "" || err != nil {
		t.Errorf("it lacks %q, %v", lacks, err)
	}

	empty := newLab(t)
	inside := nextRun(t, src, empty)
	_, err := inside.Plan(t.Context(), fromLayout(t, inside, second), Selection{})
	want := second + " needs the medium before: 8 blobs (195.4 KiB) of 10 images are neither on it nor at the destination: " + dstHost + "/app/service-03:1"
	if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(fault.Hint(err), "what "+dstHost+" had on 2026-10-31, by its receipt") || empty.in > 0 {
		t.Errorf("got %v (%s), %d bytes\nwant %s", err, fault.Hint(err), empty.in, want)
	}
	execute(t, inside, fromLayout(t, inside, first))
	inside = nextRun(t, src, empty)
	execute(t, inside, fromLayout(t, inside, second))
	mirrored(t, nextRun(t, src, empty), month(t, src, 0, 3, 9, 10, 11, 12))
}

// checkMedium compares what a medium holds with what a site lacks.
func checkMedium(t *testing.T, l *ocilayout.Layout, src *lab, r *receipt.Receipt) {
	t.Helper()
	all, err := l.Inventory()
	if err != nil {
		t.Fatal(err)
	}
	sizes := func(is func(digest.Digest, int64) bool) (list []int64) {
		for d, held := range all {
			if held.Size > receipt.SmallBlob && is(d, held.Size) {
				list = append(list, held.Size)
			}
		}
		slices.Sort(list)
		return list
	}
	if diff := cmp.Diff([]int64{20_010, 20_011, 20_012}, sizes(func(digest.Digest, int64) bool { return true })); diff != "" {
		t.Errorf("what it holds (-want +got):\n%s", diff)
	}
	if known := sizes(func(d digest.Digest, _ int64) bool { _, ok := r.Blobs[d]; return ok }); len(known) > 0 {
		t.Errorf("it holds %v, which the receipt names", known)
	}
	if src.rest(); src.counts["GET blobs"] != len(all) {
		t.Errorf("%v, want %d blobs", src.counts, len(all))
	}
	held, err := l.Blobs()
	if err != nil {
		t.Fatal(err)
	}
	const header, index = 1024, 32 << 10 // of an entry, of the layout
	sum := int64(index)
	for n := range maps.Values(held) {
		sum += n + header
	}
	if fi, err := os.Stat(l.Path()); err == nil && !fi.IsDir() && fi.Size() > sum {
		t.Errorf("it has %d bytes, want at most %d", fi.Size(), sum)
	}
}

// checkDifference compares the blobs of a medium, to the byte, with what its images need and the
// receipt does not name, as the source's manifests say it.
func checkDifference(t *testing.T, l *ocilayout.Layout, src *lab, images []Image, r *receipt.Receipt) {
	t.Helper()
	want := map[digest.Digest]int64{}
	for _, im := range images {
		repo, tag, _ := strings.Cut(strings.TrimPrefix(im.Source, srcHost+"/"), ":")
		answer := httptest.NewRecorder()
		src.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), "GET", "/v2/"+repo+"/manifests/"+tag, nil))
		text := answer.Body.Bytes()
		var m struct {
			Config struct {
				Digest digest.Digest
				Size   int64
			}
			Layers []struct {
				Digest digest.Digest
				Size   int64
			}
		}
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		want[digest.FromBytes(text)] = int64(len(text))
		for _, b := range append(m.Layers, m.Config) {
			if _, known := r.Blobs[b.Digest]; !known || b.Size <= receipt.SmallBlob {
				want[b.Digest] = b.Size
			}
		}
	}
	held, err := l.Blobs()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, held); diff != "" {
		t.Errorf("what the medium holds (-want +got):\n%s", diff)
	}
}

// sweep removes from a layout what nothing needs, which is nothing.
func sweep(t *testing.T, l *ocilayout.Layout) {
	t.Helper()
	before, err := l.Blobs()
	if err != nil {
		t.Fatal(err)
	}
	if n, _, err := l.Unreferenced(nil, nil); n > 0 || err != nil {
		t.Errorf("%d blobs are not needed, %v", n, err)
	}
	if err := l.Sweep(); err != nil {
		t.Fatal(err)
	}
	if after, err := l.Blobs(); err != nil || !maps.Equal(before, after) {
		t.Errorf("%d blobs are left of %d, %v", len(after), len(before), err)
	}
}

// What the medium leaves out is mounted from where the receipt has seen it, though no image of
// that repository is on the medium.
func TestLeftOutElsewhere(t *testing.T) {
	src, dst, c := pair(t)
	execute(t, c, month(t, src, 0))
	path := filepath.Join(t.TempDir(), "media.tar")
	r := take(t, c)
	if err := c.Layout(path).SetForm(ocilayout.Form{Without: r}); err != nil {
		t.Fatal(err)
	}
	execute(t, c, toLayout(month(t, src, 7), path))
	if err := c.Layout(path).Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	inside := nextRun(t, src, dst)
	dst.reset()
	execute(t, inside, fromLayout(t, inside, path))
	if dst.rest(); dst.in > 30_000 {
		t.Errorf("the destination got %d bytes", dst.in)
	}
	mirrored(t, nextRun(t, src, dst), month(t, src, 7))

	other := *r
	other.Of = "other.example"
	if err := nextRun(t, src, dst).Layout(path).SetForm(ocilayout.Form{Without: &other}); err == nil || !strings.Contains(err.Error(), "leaves out what "+dstHost+" has, and the receipt is one of other.example") {
		t.Errorf("got %v", err)
	}
}

// A receipt names also what refers to images, and what indexes name.
func TestReceiptOfReferrers(t *testing.T) {
	_, dst, c := pair(t)
	one := dst.image(t, "app/a", "one", nil, random(1, 100))
	dst.index(t, "app/a", "all", map[string]any{"mediaType": schema2, "digest": one, "size": 0})
	r := take(t, c)
	if _, ok := r.Blobs[digest.FromBytes(random(1, 100))]; !ok || len(r.Blobs) != 2 {
		t.Errorf("it has %v", r.Blobs)
	}
}

// A blob that is lost, though its manifest is there, is not in the receipt, so that the next medium
// brings it. A small one, which each medium has, is not asked for.
func TestReceiptOfLost(t *testing.T) {
	_, dst, c := pair(t)
	dst.image(t, "app/a", "1", nil, random(1, 60_000), random(2, 60_000))
	dst.image(t, "app/b", "1", nil, random(2, 60_000))
	lost := map[string]string{"app/a/": digestOf(random(2, 60_000)), "": digestOf(random(1, 60_000))}
	dst.act(func(w http.ResponseWriter, r *http.Request) bool {
		for repo, d := range lost {
			if strings.Contains(r.URL.Path, repo) && strings.HasSuffix(r.URL.Path, "/blobs/"+d) {
				w.WriteHeader(http.StatusNotFound)
				return true
			}
		}
		return false
	})
	r := take(t, c)
	held, ok := r.Blobs[digest.FromBytes(random(2, 60_000))]
	if _, gone := r.Blobs[digest.FromBytes(random(1, 60_000))]; gone || !ok || held.Repository != "app/b" {
		t.Errorf("it has %v", r.Blobs)
	}
}

// A repository may have more manifests in all than an image may have.
func TestReceiptOfManyTags(t *testing.T) {
	texts, tops := map[string]string{}, [2]string{}
	put := func(text string) string {
		d := digestOf([]byte(text))
		texts[d] = text
		return d
	}
	for i := range tops {
		var children []string
		for n := range manifests.MaxManifests - 1 {
			d := digestOf(fmt.Appendf(nil, "%d %d", i, n))
			one := put(fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"a/b","digest":%q,"size":1},"layers":[]}`, schema2, d))
			children = append(children, fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":1}`, schema2, one))
		}
		tops[i] = put(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[` + strings.Join(children, ",") + `]}`)
	}
	all := newTree(ref.Ref{}, func(_ context.Context, r ref.Ref) (manifest.Manifest, error) {
		return manifest.New(manifest.WithRaw([]byte(texts[r.Digest])))
	})
	for _, top := range tops {
		if err := all.another(t.Context(), top); err != nil {
			t.Fatal(err)
		}
	}
	if len(all.blobs) != 2*(manifests.MaxManifests-1) {
		t.Errorf("it has %d blobs", len(all.blobs))
	}
}

// Where the account may not read the repository of the receipt, the error says that too.
func TestLeftOutDenied(t *testing.T) {
	src, dst, c := pair(t)
	execute(t, c, month(t, src, 0))
	path := filepath.Join(t.TempDir(), "media.tar")
	if err := c.Layout(path).SetForm(ocilayout.Form{Without: take(t, c)}); err != nil {
		t.Fatal(err)
	}
	execute(t, c, toLayout(month(t, src, 7), path))
	if err := c.Layout(path).Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	inside := nextRun(t, src, dst)
	dst.act(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "service-00/blobs/") {
			return false
		}
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	_, err := inside.Plan(t.Context(), fromLayout(t, inside, path), Selection{})
	if err == nil || !strings.HasSuffix(fault.Hint(err), "; if it has been applied, let the account read "+dstHost+"/app/service-00") {
		t.Errorf("got %v (%s)", err, fault.Hint(err))
	}
}
