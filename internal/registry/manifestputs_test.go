package registry

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
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
