package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/olareg/olareg"
	olaconf "github.com/olareg/olareg/config"
	"github.com/opencontainers/go-digest"
)

const (
	srcHost = "198.51.100.1:5000"
	dstHost = "192.0.2.1:8787"
)

// A lab is a registry in memory that counts what is asked of it, has a
// catalog, and can be told to misbehave.
type lab struct {
	http.Handler
	busy    sync.RWMutex // held by requests: who reads the counts waits for those that were given up
	mu      sync.Mutex
	counts  map[string]int // "GET blobs" and so on
	in, out int64          // bytes of bodies
	repos   map[string]bool
	// before may answer in the registry's place; it says whether it has.
	before    func(w http.ResponseWriter, r *http.Request) bool
	noCatalog bool
	page      int
}

func newLab(t *testing.T) *lab {
	t.Helper()
	yes := true
	s := olareg.New(olaconf.Config{
		API:     olaconf.ConfigAPI{DeleteEnabled: &yes, Blob: olaconf.ConfigAPIBlob{DeleteEnabled: &yes}},
		Storage: olaconf.ConfigStorage{StoreType: olaconf.StoreMem},
		Log:     slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	t.Cleanup(func() { _ = s.Close() })
	return &lab{Handler: s, counts: map[string]int{}, repos: map[string]bool{}, page: 1000}
}

func (l *lab) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.busy.RLock()
	defer l.busy.RUnlock()
	l.mu.Lock()
	l.counts[r.Method+" "+what(r.URL.Path)]++
	before := l.before
	l.mu.Unlock()
	if before != nil && before(w, r) {
		return
	}
	if r.URL.Path == "/v2/_catalog" {
		l.catalog(w, r)
		return
	}
	r.Body = &counted{r.Body, func(n int) { l.add(&l.in, n) }}
	l.Handler.ServeHTTP(&countedWriter{w, func(n int) { l.add(&l.out, n) }}, r)
	if r.Method == "PUT" || r.Method == "POST" {
		l.mu.Lock()
		l.repos[repository(r.URL.Path)] = true
		l.mu.Unlock()
	}
}

func (l *lab) add(to *int64, n int) {
	l.mu.Lock()
	*to += int64(n)
	l.mu.Unlock()
}

func (l *lab) catalog(w http.ResponseWriter, r *http.Request) {
	if l.noCatalog {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	l.mu.Lock()
	names := slices.Sorted(maps.Keys(l.repos))
	l.mu.Unlock()
	if last := r.URL.Query().Get("last"); last != "" {
		i, found := slices.BinarySearch(names, last)
		if found {
			i++
		}
		names = names[i:]
	}
	if len(names) > l.page {
		names = names[:l.page]
		w.Header().Set("Link", fmt.Sprintf(`</v2/_catalog?last=%s&n=%d>; rel="next"`, names[l.page-1], l.page))
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"repositories": names})
}

// act lets before answer from now on.
func (l *lab) act(before func(http.ResponseWriter, *http.Request) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.before = before
}

// rest waits until no request is running.
func (l *lab) rest() {
	l.busy.Lock()
	defer l.busy.Unlock()
}

// total and reset are for a registry at rest.
func (l *lab) total() int {
	l.rest()
	n := 0
	for _, c := range l.counts {
		n += c
	}
	return n
}

func (l *lab) reset() {
	l.rest()
	l.counts, l.in, l.out = map[string]int{}, 0, 0
}

// what is the kind of thing that a path is about.
func what(path string) string {
	for _, k := range []string{"blobs/uploads", "blobs", "manifests", "tags", "_catalog"} {
		if strings.Contains(path, "/"+k) {
			return k
		}
	}
	return path
}

func repository(path string) string {
	path = strings.TrimPrefix(path, "/v2/")
	for _, k := range []string{"/blobs/", "/manifests/", "/tags/"} {
		if i := strings.Index(path, k); i >= 0 {
			return path[:i]
		}
	}
	return path
}

type counted struct {
	io.ReadCloser
	add func(int)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.add(n)
	return n, err
}

type countedWriter struct {
	http.ResponseWriter
	add func(int)
}

func (c *countedWriter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.add(n)
	return n, err
}

// push puts a thing into the registry behind the counters.
func (l *lab) push(t *testing.T, method, path, contentType string, body []byte) {
	t.Helper()
	w := &plainWriter{header: http.Header{}}
	r, _ := http.NewRequestWithContext(t.Context(), method, "http://lab"+path, bytes.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	l.Handler.ServeHTTP(w, r)
	if w.status == http.StatusAccepted {
		l.push(t, "PUT", w.header.Get("Location")+sep(w.header.Get("Location"))+"digest="+digest.FromBytes(body).String(), "application/octet-stream", body)
		return
	}
	if w.status != http.StatusCreated {
		t.Fatalf("%s %s: %d %s", method, path, w.status, w.body.String())
	}
}

func sep(location string) string {
	if strings.Contains(location, "?") {
		return "&"
	}
	return "?"
}

type plainWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *plainWriter) Header() http.Header { return w.header }
func (w *plainWriter) WriteHeader(s int)   { w.status = s }
func (w *plainWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.body.Write(p)
}

func (l *lab) blob(t *testing.T, repo string, b []byte) map[string]any {
	t.Helper()
	l.push(t, "POST", "/v2/"+repo+"/blobs/uploads/", "application/octet-stream", b)
	return map[string]any{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "digest": digest.FromBytes(b).String(), "size": len(b)}
}

const (
	schema2 = "application/vnd.docker.distribution.manifest.v2+json"
	ociType = "application/vnd.oci.image.index.v1+json"
)

// image makes an image and gives its digest.
func (l *lab) image(t *testing.T, repo, tag string, labels map[string]string, layers ...[]byte) string {
	t.Helper()
	conf, _ := json.Marshal(map[string]any{"os": "linux", "architecture": "amd64", "id": repo + tag, "config": map[string]any{"Labels": labels}})
	cd := l.blob(t, repo, conf)
	cd["mediaType"] = "application/vnd.docker.container.image.v1+json"
	ls := []any{}
	for _, b := range layers {
		ls = append(ls, l.blob(t, repo, b))
	}
	m, _ := json.MarshalIndent(map[string]any{"schemaVersion": 2, "mediaType": schema2, "config": cd, "layers": ls}, "", "   ")
	l.push(t, "PUT", "/v2/"+repo+"/manifests/"+tag, schema2, m)
	l.repos[repo] = true
	return digest.FromBytes(m).String()
}

// index makes an index of images that are there already.
func (l *lab) index(t *testing.T, repo, tag string, children ...map[string]any) string {
	t.Helper()
	m, _ := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": ociType, "manifests": children})
	l.push(t, "PUT", "/v2/"+repo+"/manifests/"+tag, ociType, m)
	return digest.FromBytes(m).String()
}

// random gives bytes that are the same at every run.
func random(seed, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(n)})
	_, _ = r.Read(b)
	return b
}

// The set that the engine was measured with, smaller: 45 images of 132 unique
// blobs in 289 references.
const (
	setImages, setBlobs, setRefs = 45, 132, 289
)

func (l *lab) set(t *testing.T) (images []Image, unique int64) {
	t.Helper()
	for i := range setImages {
		repo := fmt.Sprintf("rhosp13/openstack-%02d", i)
		l.image(t, repo, "13.0-1", map[string]string{"version": "13.0", "release": "1"}, setLayers(i)...)
		images = append(images, Image{Source: srcHost + "/" + repo + ":13.0-1", Target: dstHost + "/" + repo + ":13.0-1"})
	}
	return images, l.unique(t, images)
}

// setLayers gives the layers of the set's i-th image.
func setLayers(i int) (layers [][]byte) {
	for b := range 3 {
		layers = append(layers, random(b, 40_000))
	}
	layers = append(layers, random(100+i%39, 9_000+i%39))
	if i < 19 {
		layers = append(layers, random(100+(i+20)%39, 9_000+(i+20)%39))
	}
	return append(layers, random(200+i, 3_000))
}

// unique sums up the sizes of all different blobs of the images.
func (l *lab) unique(t *testing.T, images []Image) int64 {
	t.Helper()
	sizes := map[string]int64{}
	for _, im := range images {
		r, err := parse(im.Source)
		if err != nil {
			t.Fatal(err)
		}
		w := &plainWriter{header: http.Header{}}
		req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://lab/v2/"+r.Repository+"/manifests/"+r.Tag, nil)
		l.Handler.ServeHTTP(w, req)
		var m struct {
			Config struct {
				Digest string
				Size   int64
			}
			Layers []struct {
				Digest string
				Size   int64
			}
		}
		if err := json.Unmarshal(w.body.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		sizes[m.Config.Digest] = m.Config.Size
		for _, x := range m.Layers {
			sizes[x.Digest] = x.Size
		}
	}
	var sum int64
	for _, n := range sizes {
		sum += n
	}
	return sum
}

// newClient makes a client of hosts that does not wait between tries.
func newClient(t *testing.T, hosts ...Host) *Client {
	t.Helper()
	c, err := New(hosts)
	if err != nil {
		t.Fatal(err)
	}
	c.pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	return c
}

// pair makes a source, a destination and a client that knows both.
func pair(t *testing.T) (src, dst *lab, c *Client) {
	t.Helper()
	src, dst = newLab(t), newLab(t)
	return src, dst, nextRun(t, src, dst)
}

// nextRun makes a client that knows nothing of what another has moved.
func nextRun(t *testing.T, src, dst *lab) *Client {
	t.Helper()
	return newClient(t, Host{Name: srcHost, Handler: src}, Host{Name: dstHost, Handler: dst})
}

// serve answers all GETs and HEADs under a path with one manifest.
func serve(path, contentType string, body []byte) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, path) || r.Method != "GET" && r.Method != "HEAD" {
			return false
		}
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.Header().Set("Docker-Content-Digest", digestOf(body))
		if r.Method == "GET" {
			_, _ = w.Write(body)
		}
		return true
	}
}

func digestOf(b []byte) string { return digest.FromBytes(b).String() }

// tries is how often a request is sent, at most.
const tries = 3
