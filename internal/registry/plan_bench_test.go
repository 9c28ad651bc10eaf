package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
)

// A warehouse is a registry of very many images, made up of their manifests
// alone: what it takes to look at them is what the planner takes.
type warehouse struct {
	manifests map[string][]byte // by repository
	digests   map[string]string
	images    []Image
}

// blobsEach is how many blobs an image has: its configuration, six layers of
// its own, six that all images share and seven that ten of them share.
const blobsEach = 20

func newWarehouse(tb testing.TB, images int) *warehouse {
	tb.Helper()
	w := &warehouse{manifests: map[string][]byte{}, digests: map[string]string{}}
	for i := range images {
		names := []string{}
		for n := range 7 {
			names = append(names, fmt.Sprint("own", i, "-", n))
		}
		for n := range 6 {
			names = append(names, fmt.Sprint("all", n))
		}
		for n := range 7 {
			names = append(names, fmt.Sprint("some", i/10, "-", n))
		}
		repo := fmt.Sprint("team", i/100, "/service", i)
		m, err := json.Marshal(map[string]any{
			"schemaVersion": 2, "mediaType": schema2,
			"config": described("application/vnd.docker.container.image.v1+json", names[0]),
			"layers": layersOf(names[1:]),
		})
		if err != nil {
			tb.Fatal(err)
		}
		w.manifests[repo], w.digests[repo] = m, digest.FromBytes(m).String()
		w.images = append(w.images, Image{Source: srcHost + "/" + repo + ":1", Target: dstHost + "/" + repo + ":1"})
	}
	return w
}

func layersOf(names []string) []any {
	layers := make([]any, len(names))
	for i, n := range names {
		layers[i] = described("application/vnd.docker.image.rootfs.diff.tar.gzip", n)
	}
	return layers
}

func described(mediaType, name string) map[string]any {
	sum := sha256.Sum256([]byte(name))
	return map[string]any{"mediaType": mediaType, "size": 1000 + len(name), "digest": "sha256:" + hex.EncodeToString(sum[:])}
}

func (w *warehouse) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	repo := repository(r.URL.Path)
	m := w.manifests[repo]
	if m == nil || !strings.Contains(r.URL.Path, "/manifests/") {
		rw.WriteHeader(http.StatusNotFound)
		return
	}
	rw.Header().Set("Content-Type", schema2)
	rw.Header().Set("Docker-Content-Digest", w.digests[repo])
	rw.Header().Set("Content-Length", strconv.Itoa(len(m)))
	if r.Method != http.MethodHead {
		_, _ = rw.Write(m)
	}
}

// emptyHandler is a destination that has nothing.
func emptyHandler(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v2/_catalog" {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"repositories":[]}`)
		return
	}
	w.WriteHeader(http.StatusNotFound)
}

// planned plans all images of the warehouse for an empty destination.
func (w *warehouse) planned(tb testing.TB) *TransferPlan {
	tb.Helper()
	c, err := New([]Host{{Name: srcHost, Handler: w}, {Name: dstHost, Handler: http.HandlerFunc(emptyHandler)}})
	if err != nil {
		tb.Fatal(err)
	}
	t, err := c.Plan(tb.Context(), w.images, Selection{})
	if err == nil {
		err = t.Err()
	}
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func TestPlanOfManyImages(t *testing.T) {
	const images = 200
	got := newWarehouse(t, images).planned(t).Summary()
	blobs := images*7 + 6 + images/10*7
	if got.Copies != images || got.Blobs != blobs || got.Mounts != images*blobsEach-blobs {
		t.Errorf("%d copies, %d blobs, %d mounts; want %d, %d, %d", got.Copies, got.Blobs, got.Mounts, images, blobs, images*blobsEach-blobs)
	}
}

// 5,000 images of 20 blobs each are to be planned within 32 MiB, and half as
// many within half of that.
func TestLargePlanStaysSmall(t *testing.T) {
	kept := func(images int) int64 {
		w := newWarehouse(t, images)
		before := inUse()
		table := w.planned(t)
		n := inUse() - before
		runtime.KeepAlive(table)
		runtime.KeepAlive(w)
		return n / int64(images)
	}
	for _, images := range []int{500, 1000} {
		if n := kept(images); n > 32<<20/5000 {
			t.Errorf("%d images keep %d bytes each", images, n)
		}
	}
}

// What an image takes must be the same however many there are. The requests
// are answered inside the process, so their cost is in it.
func BenchmarkPlan(b *testing.B) {
	many(b, func(w *warehouse) func() any { return func() any { return w.planned(b) } })
}

// BenchmarkCollect makes the table alone, of manifests that are there.
func BenchmarkCollect(b *testing.B) {
	many(b, func(w *warehouse) func() any {
		entries := w.planned(b).Images
		return func() any { return collect(entries) }
	})
}

// many runs what ready makes, for 1,250 to 5,000 images of 20 blobs, and
// reports what one image takes and what it keeps in memory.
func many(b *testing.B, ready func(*warehouse) func() any) {
	for _, n := range []int{1250, 2500, 5000} {
		b.Run(fmt.Sprintf("images=%d/references=%d", n, n*blobsEach), func(b *testing.B) {
			w := newWarehouse(b, n)
			do := ready(w)
			b.ReportAllocs()
			before := inUse()
			var result any
			for b.Loop() {
				result = do()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/image")
			b.ReportMetric(float64(inUse()-before)/float64(n), "keptB/image")
			runtime.KeepAlive(result)
			runtime.KeepAlive(w)
		})
	}
}

// inUse is how much memory is in use after all that can be freed is.
func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
