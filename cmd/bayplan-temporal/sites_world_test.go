package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bayplan/bayplan/internal/registryserver"
)

type registry = *registryserver.Registry

func newRegistry(t testing.TB) registry {
	t.Helper()
	r, err := registryserver.New(registryserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func repositoryOf(i int) string { return fmt.Sprintf("cloud/service%02d", i) }

// imageNames are the images of the plan.
func imageNames() []string {
	var names []string
	for i := range imagesOfAll {
		names = append(names, "upstream.example.com:5000/"+repositoryOf(i)+":1")
	}
	return names
}

// newUpstream serves the images of the plan.
func newUpstream(t testing.TB) *counted {
	t.Helper()
	var all []registryserver.Image
	for i := range imagesOfAll {
		all = append(all, registryserver.Image{
			Repository: repositoryOf(i), Tags: []string{"1"},
			Layers: []registryserver.Layer{{Name: "shared", Size: sharedLayer}, {Name: "own/" + repositoryOf(i), Size: ownLayer}},
		})
	}
	r, err := registryserver.New(registryserver.Config{Images: all})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return newCounted(t, r, nil)
}

// A counted is a registry that counts the bytes that it sends.
type counted struct {
	registry registry
	address  string

	mu  sync.Mutex
	all sent
}

// A sent is what a registry has sent.
type sent struct {
	blobs  map[string]int64 // bytes, by digest
	others int64            // bytes that are not of blobs
}

// sum returns the bytes of blobs.
func (s sent) sum() (n int64) {
	for _, size := range s.blobs {
		n += size
	}
	return n
}

// take returns what was sent since the last call.
func (c *counted) take() sent {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.all
	c.all = sent{}
	return all
}

// ServeHTTP implements http.Handler.
func (c *counted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	digest := ""
	if at := strings.LastIndex(r.URL.Path, "/blobs/sha256:"); at >= 0 && r.Method == http.MethodGet {
		digest = r.URL.Path[at+len("/blobs/"):]
	}
	c.registry.ServeHTTP(&countedWriter{w, c, digest}, r)
}

type countedWriter struct {
	http.ResponseWriter
	of     *counted
	digest string
}

// Write implements io.Writer.
func (w *countedWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	if w.digest == "" {
		w.of.all.others += int64(n)
		return n, err
	}
	if w.of.all.blobs == nil {
		w.of.all.blobs = map[string]int64{}
	}
	w.of.all.blobs[w.digest] += int64(n)
	return n, err
}

// answerOf answers a request inside the process.
func answerOf(t testing.TB, r registry, method, path, mediaType string, body []byte) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequest(method, path, bytes.NewReader(body))
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	req.Header.Set("Accept", "application/vnd.docker.distribution.manifest.v2+json")
	answer := httptest.NewRecorder()
	r.ServeHTTP(answer, req)
	if answer.Code/100 != 2 {
		t.Fatalf("%s %s: %d %s", method, path, answer.Code, answer.Body)
	}
	return answer
}

// blobsOf returns the blobs of an image with their sizes, and its manifest.
func blobsOf(t testing.TB, r registry, repository string) (map[string]int64, *httptest.ResponseRecorder) {
	t.Helper()
	answer := answerOf(t, r, "GET", "/v2/"+repository+"/manifests/1", "", nil)
	type part struct {
		Digest string
		Size   int64
	}
	var m struct {
		Config part
		Layers []part
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &m); err != nil {
		t.Fatal(err)
	}
	blobs := map[string]int64{}
	for _, p := range append(m.Layers, m.Config) {
		blobs[p.Digest] = p.Size
	}
	return blobs, answer
}

// lackedBytes returns the bytes of the blobs that a site lacks which lacks the last images.
func lackedBytes(t testing.TB, r registry, lacks int) (n int64) {
	t.Helper()
	all := map[string]int64{}
	for i := range imagesOfAll {
		blobs, _ := blobsOf(t, r, repositoryOf(i))
		for digest, size := range blobs {
			if _, known := all[digest]; !known && i >= imagesOfAll-lacks {
				n += size
			}
			all[digest] = size
		}
	}
	return n
}

// seed returns a directory with a registry that has the first images.
func (w *world) seed(has int) string {
	w.t.Helper()
	if w.seeds[has] != "" {
		return w.seeds[has]
	}
	dir := filepath.Join(w.dir, fmt.Sprintf("seed%d", has))
	to, err := registryserver.New(registryserver.Config{Dir: dir})
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range has {
		blobs, m := blobsOf(w.t, w.upstream.registry, repositoryOf(i))
		for digest := range blobs {
			blob := answerOf(w.t, w.upstream.registry, "GET", "/v2/"+repositoryOf(i)+"/blobs/"+digest, "", nil)
			answerOf(w.t, to, "POST", "/v2/"+repositoryOf(i)+"/blobs/uploads/?digest="+digest, "application/octet-stream", blob.Body.Bytes())
		}
		answerOf(w.t, to, "PUT", "/v2/"+repositoryOf(i)+"/manifests/1", m.Header().Get("Content-Type"), m.Body.Bytes())
	}
	if err := to.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.seeds[has] = dir
	return dir
}

// link makes a directory with the same files as another one. The files of layouts never change:
// others take their place.
func link(t testing.TB, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, f fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		switch {
		case err != nil:
			return err
		case f.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		case strings.HasPrefix(f.Name(), "."):
			return nil // a lock
		}
		return os.Link(path, filepath.Join(to, name))
	})
	if err != nil {
		t.Fatal(err)
	}
}
