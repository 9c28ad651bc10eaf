package registryserver_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// BenchmarkLayoutTags puts very many images into a layout in a directory, 64 at a time, as a
// mirror does: it asks for each tag, puts its manifest, and asks again. The time for an image
// must not grow with their number.
func BenchmarkLayoutTags(b *testing.B) {
	for name, repo := range map[string]func(i int) string{
		"one repository":    func(int) string { return "0/ns/app" },
		"many repositories": func(i int) string { return fmt.Sprint("0/ns/app", i) },
	} {
		for _, images := range []int{1000, 2000, 4000} {
			b.Run(fmt.Sprintf("%s/%d", name, images), func(b *testing.B) {
				for b.Loop() {
					putMany(b, oneLayout(filepath.Join(b.TempDir(), "layout")), images, repo)
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(images*b.N), "µs/image")
			})
		}
	}
}

func putMany(b *testing.B, h http.Handler, images int, repo func(i int) string) {
	b.Helper()
	const config = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" // of {}
	ask := func(method, at, text string, want int) {
		req := httptest.NewRequest(method, at, strings.NewReader(text))
		req.Header.Set("Content-Type", ociManifest)
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, req); w.Code != want {
			b.Errorf("%s %s: got %d %s", method, at, w.Code, w.Body)
		}
	}
	ask(http.MethodPost, "/v2/0/ns/app/blobs/uploads/?digest="+config, "{}", http.StatusCreated)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range 64 {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(images); i = next.Add(1) - 1 {
				at := fmt.Sprintf("/v2/%s/manifests/t%d", repo(int(i)), i)
				ask(http.MethodHead, at, "", http.StatusNotFound)
				ask(http.MethodPut, at, fmt.Sprintf(
					`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":%q,"size":2},"layers":[],"annotations":{"n":"%d"}}`,
					ociManifest, config, i), http.StatusCreated)
				ask(http.MethodHead, at, "", http.StatusOK)
			}
		})
	}
	workers.Wait()
}
