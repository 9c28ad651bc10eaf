package registry

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// drop deletes a manifest or blob behind the counters.
func (l *lab) drop(t *testing.T, path string) {
	t.Helper()
	w := &plainWriter{header: http.Header{}}
	r, err := http.NewRequestWithContext(t.Context(), "DELETE", "http://lab"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.Handler.ServeHTTP(w, r)
	if w.status != http.StatusAccepted {
		t.Fatalf("DELETE %s: %d %s", path, w.status, w.body.String())
	}
}

// copied brings images to their destinations and gives them as a later run knows them.
func copied(t *testing.T, c *Client, images []Image) []Image {
	t.Helper()
	table := plan(t, c, images)
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	return asKnown(table)
}

// What nobody knows to be whole is looked at once, part by part.
func TestFirstLook(t *testing.T) {
	src, dst, c := pair(t)
	images, _ := src.set(t)
	copied(t, c, images)
	src.reset()
	dst.reset()
	table := plan(t, c, images)
	if diff := cmp.Diff(Summary{Images: setImages, Unchanged: setImages}, table.Summary()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	requests(t, "the first look's", src, map[string]int{"HEAD manifests": setImages})
	requests(t, "the first look's", dst, map[string]int{"HEAD manifests": setImages, "GET manifests": setImages, "HEAD blobs": setRefs})
}

// Parts that several tags of a repository share are asked for once.
func TestFirstLookAtOneRepository(t *testing.T) {
	src, dst, c := pair(t)
	var images []Image
	for i := range 4 {
		tag := fmt.Sprint(i)
		src.image(t, "ns/app", tag, nil, random(1, 1000), random(2, 1000), random(10+i, 100))
		images = append(images, Image{Source: srcHost + "/ns/app:" + tag, Target: dstHost + "/ns/app:" + tag})
	}
	copied(t, c, images)
	src.reset()
	dst.reset()
	plan(t, c, images)
	requests(t, "the first look's", dst, map[string]int{"HEAD manifests": 4, "GET manifests": 4, "HEAD blobs": 2 + 2*4})
}

// An image that has lost a part is copied once more, and only what is missing moves.
func TestHolesAreMended(t *testing.T) {
	base := random(1, 50_000)
	for name, tt := range map[string]struct {
		lose  func(t *testing.T, dst *lab, index, child string)
		pulls int // blobs
		lost  string
	}{
		"a layer":                    {func(t *testing.T, dst *lab, _, _ string) { dst.drop(t, "/v2/ns/app/blobs/"+digestOf(base)) }, 1, "blob " + digestOf(base)},
		"the manifest of a platform": {func(t *testing.T, dst *lab, _, child string) { dst.drop(t, "/v2/ns/app/manifests/"+child) }, 0, "not found"},
	} {
		t.Run(name, func(t *testing.T) {
			src, dst, c := pair(t)
			child := src.image(t, "ns/app", "one", nil, base, random(2, 100))
			two := src.image(t, "ns/app", "two", nil, random(3, 100))
			index := src.index(t, "ns/app", "1",
				map[string]any{"mediaType": schema2, "digest": child, "size": 1}, map[string]any{"mediaType": schema2, "digest": two, "size": 1})
			images := []Image{{Source: srcHost + "/ns/app:1", Target: dstHost + "/ns/app:1"}}
			known := copied(t, c, images)
			tt.lose(t, dst, index, child)

			if got := states(plan(t, c, known)); got != "unchanged" {
				t.Errorf("taken for whole: %s", got)
			}
			checked, err := c.Check(t.Context(), known, Selection{}, true)
			if err != nil || len(checked[0].Lost) != 1 || !strings.Contains(checked[0].Lost[0], tt.lost) {
				t.Errorf("got %+v, %v", checked[0], err)
			}
			c = nextRun(t, src, dst)
			table := plan(t, c, images)
			if s := table.Summary(); s.Copies != 1 || s.Blobs != tt.pulls || s.Mounts != 0 {
				t.Errorf("got %+v (%v)", s, table.Err())
			}
			if err := c.Execute(t.Context(), table, Options{}); err != nil {
				t.Fatal(err)
			}
			mirrored(t, c, images)
			if got := states(plan(t, c, images)); got != "unchanged" {
				t.Errorf("mended: %s", got)
			}
		})
	}
}

// A blob that one repository has lost comes from another one of its registry.
func TestHolesAreMendedFromNextDoor(t *testing.T) {
	src, dst, c := pair(t)
	images, base := three(t, src)
	copied(t, c, images)
	dst.drop(t, "/v2/ns/b/blobs/"+digestOf(base))
	table := plan(t, c, images)
	if diff := cmp.Diff(Summary{Images: 3, Unchanged: 2, Copies: 1, Mounts: 1}, table.Summary()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	mirrored(t, c, images)
}

// A registry in trouble has not lost what it cannot tell of; one that tells
// nobody is believed in what its tags stand for.
func TestFirstLookRefused(t *testing.T) {
	for status, want := range map[int]string{
		http.StatusBadGateway: "unchanged failed unchanged", http.StatusForbidden: "unchanged unchanged unchanged",
	} {
		src, dst, c := pair(t)
		images, _ := three(t, src)
		copied(t, c, images)
		dst.act(refuseReads("/v2/ns/b/blobs/", status))
		table := plan(t, c, images)
		if got := states(table); got != want {
			t.Errorf("%d: got %s: %v", status, got, table.Err())
		}
	}
}

// Only what goes wrong at the destination may come from trusting it too much.
func TestMisled(t *testing.T) {
	for name, tt := range map[string]struct {
		atSource bool
		status   int
		want     bool
	}{
		"the destination refuses": {false, http.StatusBadRequest, true},
		"it is out of order":      {false, http.StatusBadGateway, false},
		"the source refuses":      {true, http.StatusNotFound, false},
	} {
		t.Run(name, func(t *testing.T) {
			src, dst, c := pair(t)
			images, base := three(t, src)
			known := copied(t, c, images)
			src.image(t, "ns/a", "1", nil, base, random(30, 2_000))
			table := plan(t, c, known)
			if tt.atSource {
				src.act(refuse("GET", "/v2/ns/a/blobs/", tt.status))
			} else {
				dst.act(refuse("PUT", "/v2/ns/a/manifests/", tt.status))
			}
			if err := c.Execute(t.Context(), table, Options{}); err == nil {
				t.Fatal("no error")
			}
			if table.Misled() != tt.want {
				t.Errorf("misled: %v (%v)", table.Misled(), table.Err())
			}
		})
	}
}

// renew gives every image of the set a new top layer and configuration.
func (l *lab) renew(t *testing.T, from int) {
	t.Helper()
	for i := from; i < setImages; i++ {
		repo := fmt.Sprintf("rhosp13/openstack-%02d", i)
		l.image(t, repo, "13.0-1", map[string]string{"release": "2"}, append(setLayers(i), random(300+i, 4_000))...)
	}
}

// When all images get a new top layer, what they have in common with those
// that are there costs nothing: one manifest tells it.
func TestUpdateOfAll(t *testing.T) {
	src, dst, c := pair(t)
	images, _ := src.set(t)
	known := copied(t, c, images)
	src.renew(t, 0)
	fresh := 2 * setImages // a layer and a configuration each

	src.reset()
	dst.reset()
	table := plan(t, c, known)
	if s := table.Summary(); s.Copies != setImages || s.Blobs != fresh || s.Mounts != 0 || !table.trusting {
		t.Errorf("got %+v", s)
	}
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	requests(t, "an update's", src, map[string]int{"HEAD manifests": setImages, "GET manifests": setImages, "GET blobs": fresh})
	requests(t, "an update's", dst, map[string]int{
		"HEAD manifests": setImages, "GET manifests": setImages, "GET _catalog": 1, "HEAD blobs": fresh,
		"POST blobs/uploads": fresh, "PUT blobs/uploads": fresh, "PUT manifests": setImages,
	})
	mirrored(t, c, images)
}

// Where nothing is known, each blob is asked for in one place and mounted from there.
func TestUpdateOfAllUnknown(t *testing.T) {
	src, dst, c := pair(t)
	images, _ := src.set(t)
	copied(t, c, images)
	src.renew(t, 0)
	fresh, shared := 2*setImages, setBlobs-setImages
	src.reset()
	dst.reset()
	table := plan(t, c, images)
	if s := table.Summary(); s.Blobs != fresh || s.Mounts != setRefs-setImages-shared || table.trusting {
		t.Errorf("got %+v", s)
	}
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	requests(t, "an update's", dst, map[string]int{
		"HEAD manifests": setImages, "GET _catalog": 1, "HEAD blobs": fresh + shared,
		"POST blobs/uploads": fresh + setRefs - setImages - shared, "PUT blobs/uploads": fresh, "PUT manifests": setImages,
	})
	mirrored(t, c, images)
}

// An update that was cut goes on where it was: what has landed is not pulled
// again, whichever images have their tags already.
func TestUpdateGoesOn(t *testing.T) {
	src, dst, c := pair(t)
	images, _ := src.set(t)
	known := copied(t, c, images)
	src.renew(t, 0)
	src.reset()
	var puts atomic.Int64
	dst.act(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == "PUT" && what(r.URL.Path) == "manifests" && puts.Add(1) > 20 {
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		return false
	})
	if err := c.Execute(t.Context(), plan(t, c, known), Options{}); err == nil {
		t.Fatal("no error")
	}
	dst.act(nil)
	dst.reset()
	table := plan(t, c, known)
	if s := table.Summary(); s.Copies != setImages-20 || s.Blobs != 0 || s.Mounts != 0 {
		t.Errorf("got %+v", s)
	}
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	if n := src.counts["GET blobs"]; n != 2*setImages {
		t.Errorf("%d blobs were pulled in both runs, want %d", n, 2*setImages)
	}
	mirrored(t, c, images)
}

// A new image on the list takes from its neighbours what it has in common with them.
func TestNewImage(t *testing.T) {
	src, dst, c := pair(t)
	images, base := three(t, src)
	for name, known := range map[string]func([]Image) []Image{
		"known to be whole": func(known []Image) []Image { return known },
		"not known":         func([]Image) []Image { return images },
	} {
		t.Run(name, func(t *testing.T) {
			target := "/" + strings.ReplaceAll(name, " ", "-") + "/d:1"
			src.image(t, "ns/d", "1", nil, base, random(20, 2_000))
			list := append(known(copied(t, c, images)), Image{Source: srcHost + "/ns/d:1", Target: dstHost + target})
			c = nextRun(t, src, dst)
			table := plan(t, c, list)
			if diff := cmp.Diff(Summary{Images: 4, Unchanged: 3, Copies: 1, Blobs: 2, Bytes: table.Summary().Bytes, Mounts: 1}, table.Summary()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if want := name == "known to be whole"; table.trusting != want {
				t.Errorf("trusting: %v", table.trusting)
			}
			src.reset()
			if err := c.Execute(t.Context(), table, Options{}); err != nil {
				t.Fatal(err)
			}
			if n := src.counts["GET blobs"]; n != 2 {
				t.Errorf("%d blobs were pulled, want 2", n)
			}
			mirrored(t, c, list)
		})
	}
}

// A first run that was cut leaves blobs without a tag. The next one asks for
// each of them once, and pulls none again.
func TestFirstRunGoesOn(t *testing.T) {
	src, dst, c := pair(t)
	images, _ := src.set(t)
	src.reset()
	var uploads, tags atomic.Int64
	dst.act(func(w http.ResponseWriter, r *http.Request) bool {
		late := r.Method == "PUT" && what(r.URL.Path) == "blobs/uploads" && uploads.Add(1) > 100
		late = late || r.Method == "PUT" && what(r.URL.Path) == "manifests" && tags.Add(1) > 10
		if late {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusForbidden)
		}
		return late
	})
	if err := c.Execute(t.Context(), plan(t, c, images), Options{}); err == nil {
		t.Fatal("no error")
	}
	dst.act(nil)
	src.reset()
	dst.reset()
	table := plan(t, c, images)
	done := setImages - table.Summary().Copies
	if n := table.Summary().Blobs; n != setBlobs-100 {
		t.Errorf("%d blobs are to be pulled, want the %d that did not land", n, setBlobs-100)
	}
	dst.rest()
	// The images that are there are looked at part by part, as nobody knows that they are whole.
	if n := dst.counts["HEAD blobs"]; n > setBlobs+7*done {
		t.Errorf("%d images are there, and %d blobs were asked for: %v", done, n, dst.counts)
	}
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"GET manifests": setImages - done, "GET blobs": setBlobs - 100}
	if done > 0 {
		want["HEAD manifests"] = done
	}
	requests(t, "the second run's", src, want)
	mirrored(t, c, images)
}
