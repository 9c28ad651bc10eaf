package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/fault"
)

// three makes three images on one base: a, b and c.
func three(t *testing.T, src *lab) (images []Image, base []byte) {
	t.Helper()
	base = random(1, 50_000)
	for i, name := range []string{"a", "b", "c"} {
		src.image(t, "ns/"+name, "1", nil, base, random(10+i, 2_000))
		images = append(images, Image{Source: srcHost + "/ns/" + name + ":1", Target: dstHost + "/ns/" + name + ":1"})
	}
	src.reset()
	return images, base
}

func states(t *TransferPlan) string {
	var s []string
	for _, e := range t.Images {
		s = append(s, string(e.State))
	}
	return strings.Join(s, " ")
}

// blobPath matches requests for one blob of any repository.
func blobPath(r *http.Request, method string, b []byte) bool {
	return r.Method == method && strings.HasSuffix(r.URL.Path, "/blobs/"+digest.FromBytes(b).String())
}

func TestAfterACrash(t *testing.T) {
	for name, noCatalog := range map[string]bool{"with a catalog": false, "without a catalog": true} {
		t.Run(name, func(t *testing.T) {
			src, dst, c := pair(t)
			images, base := three(t, src)
			// An aborted run has left the base in the second repository, without a tag.
			where := "ns/b"
			if noCatalog {
				where = "ns/a"
			}
			dst.noCatalog = noCatalog
			dst.blob(t, where, base)
			dst.repos[where] = true
			table := plan(t, c, images)
			if got := table.Summary(); got.Blobs != 6 || got.Mounts != 2 {
				t.Errorf("got %+v, want the base to be found", got)
			}
			if err := c.Execute(t.Context(), table, Options{}); err != nil {
				t.Fatal(err)
			}
			if src.out > 20_000 {
				t.Errorf("%d bytes were pulled: the base again", src.out)
			}
			mirrored(t, c, images)
		})
	}
}

func TestColdWithoutCatalog(t *testing.T) {
	src, dst, c := pair(t)
	images, _ := three(t, src)
	dst.noCatalog = true
	table := plan(t, c, images)
	if dst.counts["HEAD blobs"] != 7 {
		t.Errorf("%v, want one HEAD a blob", dst.counts)
	}
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	mirrored(t, c, images)
}

// With mounts refused, blobs are read and written at the destination at once:

// that must work within any number of requests that it takes at a time.
func TestUploadsElsewhereAreRefused(t *testing.T) {
	src, dst, c := pair(t)
	images, _ := three(t, src)
	dst.act(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != "POST" {
			return false
		}
		w.Header().Set("Location", "https://127.0.0.1:1/v2/x")
		w.WriteHeader(http.StatusAccepted)
		return true
	})
	err := c.Execute(t.Context(), plan(t, c, images), Options{})
	if err == nil || !strings.Contains(err.Error(), "it sends uploads to another host: 192.0.2.1:8787 names 127.0.0.1:1") {
		t.Errorf("got %v", err)
	}
}

func TestAFailureStaysInsideItsImage(t *testing.T) {
	tests := map[string]struct {
		src, dst func(http.ResponseWriter, *http.Request) bool
		states   string
		want     string
	}{
		"the tag is not at the source": {
			src:    refuse("GET", "/v2/ns/b/manifests/1", 404),
			states: "copied failed copied", want: "192.0.2.1:8787/ns/b:1: source: 198.51.100.1:5000/ns/b:1: not found",
		},
		"no right at the source": {
			src:    refuse("GET", "/v2/ns/b/manifests/", 403),
			states: "copied failed copied", want: "source: 198.51.100.1:5000/ns/b:1: there is no such repository",
		},
		"a blob is not at one source, but at another": {
			src:    refuse("GET", "/v2/ns/a/blobs/"+digest.FromBytes(random(1, 50_000)).String(), 404),
			states: "copied copied copied",
		},
		"no right to push to the home of a shared blob": {
			dst:    refuse("POST", "/v2/ns/a/blobs/uploads/", 403),
			states: "failed copied copied", want: "192.0.2.1:8787/ns/a:1: destination: blob sha256:",
		},
		"no right to a repository that mounts": {
			dst:    refuse("POST", "/v2/ns/c/blobs/uploads/", 403),
			states: "copied copied failed", want: "192.0.2.1:8787/ns/c:1: destination: blob sha256:",
		},
		"the manifest is refused": {
			dst:    refuse("PUT", "/v2/ns/b/manifests/1", 400),
			states: "copied failed copied", want: "destination: 192.0.2.1:8787/ns/b:1: 192.0.2.1:8787 answers 400 Bad Request",
		},
		"the tag is not to be asked for": {
			dst:    refuseReads("/v2/ns/b/manifests/1", 403),
			states: "copied failed copied", want: "192.0.2.1:8787/ns/b:1: destination: 192.0.2.1:8787/ns/b:1: there is no such repository, or an anonymous user has no right to it",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			src, dst, c := pair(t)
			images, _ := three(t, src)
			src.act(tt.src)
			dst.act(tt.dst)
			table := plan(t, c, images)
			err := c.Execute(t.Context(), table, Options{Parallel: 1})
			if got := states(table); got != tt.states {
				t.Errorf("%s, want %s: %v", got, tt.states, err)
			}
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// refuse answers all requests of a method whose path begins so.
func refuse(method, path string, status int) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == method && strings.HasPrefix(r.URL.Path, path) {
			w.WriteHeader(status)
			return true
		}
		return false
	}
}

// seldom answers the first request of each path with a status.
func seldom(method, part string, status int) func(http.ResponseWriter, *http.Request) bool {
	var mu sync.Mutex
	met := map[string]bool{}
	return func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		key := r.URL.Path
		if strings.Contains(key, "/uploads/") { // sessions have names of their own
			key = r.URL.Query().Get("mount") + r.URL.Query().Get("digest")
		}
		if r.Method != method || !strings.Contains(r.URL.Path, part) || met[key] {
			return false
		}
		met[key] = true
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		return true
	}
}

func TestPassingTroubles(t *testing.T) {
	tests := map[string]struct {
		src, dst func(http.ResponseWriter, *http.Request) bool
	}{
		"blobs at the source, 503":    {src: seldom("GET", "/blobs/", 503)},
		"blobs at the source, 500":    {src: seldom("GET", "/blobs/", 500)},
		"manifests at the source":     {src: seldom("GET", "/manifests/", 502)},
		"uploads":                     {dst: seldom("PUT", "/blobs/uploads/", 500)},
		"manifests":                   {dst: seldom("PUT", "/manifests/", 503)},
		"opening uploads and mounts":  {dst: seldom("POST", "/blobs/uploads/", 503)},
		"heads at both sides":         {src: seldom("HEAD", "", 503), dst: seldom("HEAD", "", 503)},
		"too many requests somewhere": {src: seldom("GET", "/blobs/", 429), dst: seldom("PUT", "", 429)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, dst, c := pair(t)
			images, _ := three(t, src)
			src.act(tt.src)
			dst.act(tt.dst)
			table := plan(t, c, images)
			if err := c.Execute(t.Context(), table, Options{}); err != nil {
				t.Fatal(err)
			}
			src.act(nil)
			dst.act(nil)
			mirrored(t, c, images)
		})
	}
}

func TestUnreachableSides(t *testing.T) {
	src, dst, c := pair(t)
	images, _ := three(t, src)
	abort := func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }
	dst.act(abort)
	table := plan(t, c, images)
	err := table.Err()
	want := "destination: 192.0.2.1:8787: the connection was cut before the answer was complete, for 192.0.2.1:8787/ns/a:1, 192.0.2.1:8787/ns/b:1 and 1 more"
	if err == nil || err.Error() != want || !fault.IsConnection(err) {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if err := c.Execute(t.Context(), table, Options{}); err == nil || err.Error() != want {
		t.Errorf("carried out all the same: %v", err)
	}
}

func TestDestinationDiesInTheMiddle(t *testing.T) {
	src, dst, c := pair(t)
	images, _ := src.set(t)
	table := plan(t, c, images)
	var puts atomic.Int32
	dst.act(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == "PUT" && puts.Add(1) > 20 {
			panic(http.ErrAbortHandler)
		}
		return false
	})
	err := c.Execute(t.Context(), table, Options{})
	if err == nil || !strings.Contains(err.Error(), "destination: ") || !fault.IsConnection(err) {
		t.Errorf("got %v", err)
	}
	// What has landed stays; the second run pulls the rest only.
	dst.act(nil)
	src.reset()
	table = plan(t, c, images)
	left := table.Summary()
	if left.Blobs > setBlobs-15 {
		t.Errorf("the second run would pull %d blobs", left.Blobs)
	}
	src.out = 0
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	if src.out != left.Bytes {
		t.Errorf("pulled %d bytes, want %d", src.out, left.Bytes)
	}
	mirrored(t, c, images)
}

func TestExecuteCancelled(t *testing.T) {
	src, dst, c := pair(t)
	images, _ := src.set(t)
	table := plan(t, c, images)
	ctx, cancel := context.WithCancel(t.Context())
	var puts atomic.Int32
	dst.act(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == "PUT" && puts.Add(1) == 10 {
			cancel()
		}
		return false
	})
	if err := c.Execute(ctx, table, Options{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	for _, e := range table.Images {
		if e.State == Failed {
			t.Errorf("%s counts as failed: %v", e.Target, e.Err)
		}
	}
	table = plan(t, c, images)
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	mirrored(t, c, images)
}

func TestManifestDigestIsReadBack(t *testing.T) {
	src, dst, c := pair(t)
	images, _ := three(t, src)
	inner := dst.Handler
	dst.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "PUT" {
			w = &withoutDigest{ResponseWriter: w}
		}
		inner.ServeHTTP(w, r)
	})
	table := plan(t, c, images)
	before := dst.counts["HEAD manifests"]
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	if n := dst.counts["HEAD manifests"] - before; n != 3 {
		t.Errorf("%d tags were read back, want 3", n)
	}
	// A registry that stores something else.
	src2, dst2, c2 := pair(t)
	images, _ = three(t, src2)
	dst2.act(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != "PUT" || what(r.URL.Path) != "manifests" {
			return false
		}
		w.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("0", 64))
		w.WriteHeader(http.StatusCreated)
		return true
	})
	err := c2.Execute(t.Context(), plan(t, c2, images), Options{})
	if err == nil || !strings.Contains(err.Error(), "unexpected digest") {
		t.Errorf("got %v", err)
	}
}
