package registry

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func plan(t *testing.T, c *Client, images []Image) *TransferPlan {
	t.Helper()
	table, err := c.Plan(t.Context(), images, Selection{})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// mirrored says that all images are at the destination, whole.
func mirrored(t *testing.T, c *Client, images []Image) {
	t.Helper()
	checked, err := c.Check(t.Context(), images, Selection{}, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range checked {
		if !k.OK() {
			t.Errorf("%s: want %s, have %s, lost %v, %v", k.Target, k.Want, k.Have, k.Lost, k.Err)
		}
	}
}

func TestColdAndWarm(t *testing.T) {
	src, dst, c := pair(t)
	images, unique := src.set(t)
	src.reset()

	table := plan(t, c, images)
	want := Summary{Images: setImages, Copies: setImages, Blobs: setBlobs, Bytes: unique, Mounts: setRefs - setBlobs}
	if diff := cmp.Diff(want, table.Summary()); diff != "" {
		t.Errorf("the table (-want +got):\n%s", diff)
	}
	if dst.in != 0 {
		t.Errorf("planning sent %d bytes", dst.in)
	}
	src.out = 0
	var moved, done atomic.Int64
	err := c.Execute(t.Context(), table, Options{
		Moved: func(n int64) { moved.Add(n) },
		Done:  func(*ImagePlan) { done.Add(1) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if src.out != unique || moved.Load() != unique {
		t.Errorf("pulled %d bytes and told of %d, want %d", src.out, moved.Load(), unique)
	}
	if done.Load() != setImages {
		t.Errorf("told of %d images, want %d", done.Load(), setImages)
	}
	for _, e := range table.Images {
		if e.Began.IsZero() {
			t.Errorf("%s says not when it began", e.Target)
		}
	}
	requests(t, "cold", src, coldSource)
	requests(t, "cold", dst, coldDestination)
	if got := table.Summary(); got.Unchanged != setImages || got.Blobs != 0 || got.Mounts != 0 {
		t.Errorf("the table when all is done: %+v", got)
	}

	images = asKnown(table)
	src.reset()
	dst.reset()
	table = plan(t, c, images)
	if diff := cmp.Diff(Summary{Images: setImages, Unchanged: setImages}, table.Summary()); diff != "" {
		t.Errorf("the second table (-want +got):\n%s", diff)
	}
	requests(t, "warm", src, map[string]int{"HEAD manifests": setImages})
	requests(t, "warm", dst, map[string]int{"HEAD manifests": setImages})
	mirrored(t, c, images)
}

// asKnown gives the images of a table as a later run knows them.
func asKnown(table *TransferPlan) []Image {
	var images []Image
	for _, e := range table.Images {
		images = append(images, Image{Source: e.Source, Target: e.Target, Whole: e.Digest})
	}
	return images
}

// With the digests known, the source is not asked what its tags stand for.
func TestColdAndWarmLocked(t *testing.T) {
	src, dst, c := pair(t)
	images, _ := src.set(t)
	for i, e := range plan(t, c, images).Images {
		images[i].Digest = e.Digest
	}
	src.reset()
	dst.reset()
	if err := c.Execute(t.Context(), plan(t, c, images), Options{}); err != nil {
		t.Fatal(err)
	}
	requests(t, "cold", src, coldSource)
	requests(t, "cold", dst, coldDestination)
	for i := range images {
		images[i].Whole = images[i].Digest
	}
	src.reset()
	dst.reset()
	plan(t, c, images)
	requests(t, "warm", src, map[string]int{})
	requests(t, "warm", dst, map[string]int{"HEAD manifests": setImages})
}

// What the protocol cannot do without: at the source each manifest and each
// blob once, 177, whether it is known what the tags stand for or not; at the
// destination one HEAD for each tag, two requests for each blob, one for each
// mount and one for each manifest, 511, and the catalog, which finds what an
// aborted run has left.
var coldDestination = map[string]int{
	"HEAD manifests": setImages, "GET _catalog": 1,
	"POST blobs/uploads": setRefs, "PUT blobs/uploads": setBlobs, "PUT manifests": setImages,
}

var coldSource = map[string]int{"GET manifests": setImages, "GET blobs": setBlobs}

// requests compares what a registry was asked.
func requests(t *testing.T, when string, l *lab, want map[string]int) {
	t.Helper()
	l.rest()
	if diff := cmp.Diff(want, l.counts); diff != "" {
		t.Errorf("%s requests (-want +got):\n%s", when, diff)
	}
}

// Every image has a small blob, its configuration: were those the last ones,
// no image would be complete before the end.
func TestSmallBlobsDoNotWait(t *testing.T) {
	src, dst, c := pair(t)
	small := src.image(t, "ns/small", "1", nil, random(1, smallBlob))
	large := src.image(t, "ns/large", "1", nil, random(2, smallBlob+1))
	images := []Image{
		{Source: srcHost + "/ns/large:1", Target: dstHost + "/ns/large:1"},
		{Source: srcHost + "/ns/small:1", Target: dstHost + "/ns/small:1"},
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	published := make(chan string, 2)
	dst.act(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && r.ContentLength > smallBlob {
			select {
			case <-r.Context().Done():
			case first := <-published:
				if first != small {
					t.Errorf("%s is complete first, want the small %s", first, small)
				}
			}
		}
		return false
	})
	err := c.Execute(ctx, plan(t, c, images), Options{Parallel: 1, Done: func(e *ImagePlan) { published <- e.Digest }})
	if err != nil {
		t.Fatal(err)
	}
	if last := <-published; last != large {
		t.Errorf("%s is complete last, want the large %s", last, large)
	}
	mirrored(t, c, images)
}
