package registry

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A manifest that several images of a repository have in common is put there
// once.
func TestSharedManifestsArePutOnce(t *testing.T) {
	src, dst, c := pair(t)
	var children []map[string]any
	for n, architecture := range []string{"amd64", "arm64"} {
		d := src.image(t, "ns/app", "child-"+architecture, nil, random(n, 1000))
		children = append(children, map[string]any{
			"mediaType": schema2, "digest": d, "size": sizeOf(t, src, "ns/app", d),
			"platform": map[string]any{"os": "linux", "architecture": architecture},
		})
	}
	var images []Image
	for i := range 8 {
		tag := fmt.Sprint("v", i)
		src.index(t, "ns/app", tag, children...)
		images = append(images, Image{Source: srcHost + "/ns/app:" + tag, Target: dstHost + "/ns/app:" + tag})
	}
	var mu sync.Mutex
	puts := map[string]int{}
	dst.act(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/sha256:") {
			mu.Lock()
			puts[path.Base(r.URL.Path)]++
			mu.Unlock()
		}
		return false
	})
	table, err := c.Plan(t.Context(), images, Selection{})
	if err != nil || table.Err() != nil {
		t.Fatal(err, table.Err())
	}
	if err := c.Execute(t.Context(), table, Options{Parallel: 8}); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{children[0]["digest"].(string): 1, children[1]["digest"].(string): 1}
	if diff := cmp.Diff(want, puts); diff != "" {
		t.Errorf("manifests by digest (-want +got):\n%s", diff)
	}
}

// sizeOf asks for the size of a manifest.
func sizeOf(t *testing.T, l *lab, repo, digest string) int {
	t.Helper()
	w := httptest.NewRecorder()
	l.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v2/"+repo+"/manifests/"+digest, nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d", digest, w.Code)
	}
	return w.Body.Len()
}

// Whatever the repository, a registry is given a manifest by one at a time.
func TestPublicationsOfOneManifestWaitForEachOther(t *testing.T) {
	var p manifestPuts
	var active atomic.Int64
	var wg sync.WaitGroup
	for i := range 50 {
		repo, err := parse(fmt.Sprint(dstHost, "/ns/app", i))
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			_ = p.put(repo, put{packedManifest: packedManifest{digest: "sha256:1"}, tag: "v1"}, func() error {
				if n := active.Add(1); n > 1 {
					t.Errorf("%d at a time", n)
				}
				runtime.Gosched()
				active.Add(-1)
				return nil
			})
		})
	}
	wg.Wait()
}

// What failed is tried again by the next image that needs it.
func TestFailedPublicationIsNotRemembered(t *testing.T) {
	var p manifestPuts
	repo, err := parse(dstHost + "/ns/app")
	if err != nil {
		t.Fatal(err)
	}
	m, tried := put{packedManifest: packedManifest{digest: "sha256:1"}}, 0
	do := func() error {
		if tried++; tried == 1 {
			return fmt.Errorf("broken")
		}
		return nil
	}
	for i, want := range []bool{true, false, false} {
		if err := p.put(repo, m, do); (err != nil) != want {
			t.Errorf("%d: %v", i, err)
		}
	}
	if tried != 2 {
		t.Errorf("tried %d times, want 2", tried)
	}
	m.tag = "v1"
	if err := p.put(repo, m, do); err != nil || tried != 3 {
		t.Errorf("a tag on it: %v, tried %d times", err, tried)
	}
}
