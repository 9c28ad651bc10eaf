package registry

import (
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func plan(t *testing.T, c *Client, images []Image) *Table {
	t.Helper()
	table, err := c.Plan(t.Context(), images)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// mirrored says that all images are at the destination, whole.
func mirrored(t *testing.T, c *Client, images []Image) {
	t.Helper()
	checked, err := c.Check(t.Context(), images, true)
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
		Done:  func(*Entry) { done.Add(1) },
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
	if n := src.total(); n > 177+setImages {
		t.Errorf("%d requests to the source: %v", n, src.counts)
	}
	if n := dst.total(); n > 511+1 {
		t.Errorf("%d requests to the destination: %v", n, dst.counts)
	}
	if n := dst.counts["PUT blobs/uploads"]; n != setBlobs {
		t.Errorf("%d uploads, want %d", n, setBlobs)
	}
	if got := table.Summary(); got.Unchanged != setImages || got.Blobs != 0 || got.Mounts != 0 {
		t.Errorf("the table when all is done: %+v", got)
	}

	src.reset()
	dst.reset()
	table = plan(t, c, images)
	if diff := cmp.Diff(Summary{Images: setImages, Unchanged: setImages}, table.Summary()); diff != "" {
		t.Errorf("the second table (-want +got):\n%s", diff)
	}
	heads := map[string]int{"HEAD manifests": setImages}
	if diff := cmp.Diff([]map[string]int{heads, heads}, []map[string]int{src.counts, dst.counts}); diff != "" {
		t.Errorf("warm requests (-want +got):\n%s", diff)
	}

	for i, e := range table.Images {
		images[i].Digest = e.Digest
	}
	src.reset()
	dst.reset()
	plan(t, c, images)
	if diff := cmp.Diff([]map[string]int{{}, heads}, []map[string]int{src.counts, dst.counts}); diff != "" {
		t.Errorf("warm requests with the digests known (-want +got):\n%s", diff)
	}
	mirrored(t, c, images)
}
