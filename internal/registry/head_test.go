package registry

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// refuseHead answers HEAD of manifests or blobs with a status.
func refuseHead(kind string, status int) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodHead || what(r.URL.Path) != kind {
			return false
		}
		w.WriteHeader(status)
		return true
	}
}

var headRefusals = []int{400, 401, 403, 404, 405, 500, 501}

// A registry that refuses HEAD has what it gives to GET. It is asked by HEAD until that
// is known.
func TestResolveWithoutHead(t *testing.T) {
	for _, status := range headRefusals {
		src, _, c := pair(t)
		want := src.image(t, "ns/app", "1", nil)
		src.act(refuseHead("manifests", status))
		for range 3 {
			if d, err := c.Resolve(t.Context(), srcHost+"/ns/app:1"); err != nil || d.Digest != want {
				t.Errorf("%d: got %+v, %v", status, d, err)
			}
		}
		if ok, err := c.HasTag(t.Context(), srcHost+"/ns/app:2"); ok || err != nil {
			t.Errorf("%d: a tag that is not there: %v, %v", status, ok, err)
		}
		src.rest()
		if n := src.counts["HEAD manifests"]; n != 1 && (status != 500 || n != 3) {
			t.Errorf("%d: %d HEAD requests", status, n)
		}
	}
}

// Without HEAD on either side, what was copied is unchanged then, without any record,
// and a check finds it whole.
func TestMirrorWithoutHead(t *testing.T) {
	for _, side := range []string{"source", "destination", "both"} {
		for _, kind := range []string{"manifests", "blobs"} {
			for _, status := range headRefusals {
				t.Run(fmt.Sprintf("%s %s %d", side, kind, status), func(t *testing.T) {
					src, dst, c := pair(t)
					images, _ := three(t, src)
					if side != "destination" {
						src.act(refuseHead(kind, status))
					}
					if side != "source" {
						dst.act(refuseHead(kind, status))
					}
					if err := c.Execute(t.Context(), plan(t, c, images), Options{}); err != nil {
						t.Fatal(err)
					}
					again := newClient(t, Host{Name: srcHost, Handler: src}, Host{Name: dstHost, Handler: dst})
					table := plan(t, again, images)
					if got := states(table); got != "unchanged unchanged unchanged" || table.Err() != nil {
						t.Errorf("planned again: %s, %v", got, table.Err())
					}
					checked, err := again.Check(t.Context(), images, Selection{}, true)
					for _, k := range checked {
						if err != nil || !k.OK() {
							t.Errorf("checked: %+v, %v", k, err)
						}
					}
				})
			}
		}
	}
}

// A registry that answers HEAD is asked for nothing twice: a new image, and one in
// repositories that exist.
func TestHeadCostsNothing(t *testing.T) {
	src, dst, c := pair(t)
	images, _ := three(t, src)
	table := plan(t, c, images[:2])
	dst.rest()
	if n := dst.counts["HEAD manifests"]; n != 2 || dst.counts["GET manifests"]+dst.counts["GET tags"] > 0 || dst.counts["GET _catalog"] != 1 {
		t.Errorf("asked of an empty registry: %v", dst.counts)
	}
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	dst.reset()
	plan(t, newClient(t, Host{Name: srcHost, Handler: src}, Host{Name: dstHost, Handler: dst}), images[2:])
	dst.rest()
	if dst.counts["HEAD manifests"] != 1 || dst.counts["GET manifests"]+dst.counts["GET tags"] > 0 {
		t.Errorf("asked about a new repository: %v", dst.counts)
	}
}

// What is not there is not there, in whatever way it is asked for.
func TestMissingWithoutHead(t *testing.T) {
	src, dst, c := pair(t)
	images, _ := three(t, src)
	if err := c.Execute(t.Context(), plan(t, c, images[:1]), Options{}); err != nil {
		t.Fatal(err)
	}
	dst.act(refuseHead("manifests", 404))
	checked, err := c.Check(t.Context(), images, Selection{}, false)
	if err != nil || !checked[0].OK() || checked[1].Have != "" || checked[2].Have != "" || checked[1].Err != nil {
		t.Errorf("got %+v, %v", checked, err)
	}
	src.act(refuseHead("manifests", 404))
	if _, err := c.Resolve(t.Context(), srcHost+"/ns/none:1"); KindOf(err) != NotFound || !strings.Contains(err.Error(), "not found") {
		t.Errorf("got %v", err)
	}
}

// refuseReads refuses HEAD and GET of what is under a path.
func refuseReads(path string, status int) func(http.ResponseWriter, *http.Request) bool {
	head, get := refuse("HEAD", path, status), refuse("GET", path, status)
	return func(w http.ResponseWriter, r *http.Request) bool { return head(w, r) || get(w, r) }
}
