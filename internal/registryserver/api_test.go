package registryserver_test

import (
	"context"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/registryserver"
)

const ociIndex = "application/vnd.oci.image.index.v1+json"

// begin begins an upload and gives its path.
func begin(t *testing.T, h http.Handler, repo string) string {
	t.Helper()
	resp := call{method: http.MethodPost, path: "/v2/" + repo + "/blobs/uploads/"}.do(t, h)
	wantStatus(t, resp, http.StatusAccepted)
	return resp.Header.Get("Location")
}

// wantHeld fails unless an upload has the bytes that Range gives.
func wantHeld(t *testing.T, h http.Handler, upload, held string) {
	t.Helper()
	resp := get(t, h, upload)
	wantStatus(t, resp, http.StatusNoContent)
	if got := resp.Header.Get("Range"); got != held {
		t.Errorf("the upload has %s, want %s", got, held)
	}
}

func TestUploadInPieces(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		r := open(t, conf)
		sum := sha512.Sum512([]byte("0123456789"))
		d := fmt.Sprintf("sha512:%x", sum)
		at := begin(t, r, "a/b")
		wantHeld(t, r, at, "0-0")
		piece := func(method, path, from, text string, want int) {
			t.Helper()
			c := call{method: method, path: path, text: text}
			if from != "" {
				c.header = http.Header{"Content-Range": {from}}
			}
			wantStatus(t, c.do(t, r), want)
		}
		piece(http.MethodPatch, at, "0-3", "0123", http.StatusAccepted)
		piece(http.MethodPatch, at, "0-3", "0123", http.StatusRequestedRangeNotSatisfiable)
		piece(http.MethodPatch, at, "6-7", "67", http.StatusRequestedRangeNotSatisfiable)
		piece(http.MethodPatch, at, "-", "67", http.StatusRequestedRangeNotSatisfiable)
		wantHeld(t, r, at, "0-3")
		piece(http.MethodPatch, at, "", "45", http.StatusAccepted)
		piece(http.MethodPatch, strings.Replace(at, "a/b", "a/c", 1), "", "45", http.StatusNotFound)
		piece(http.MethodPut, at, "6-9", "6789", http.StatusBadRequest) // without a digest
		wantHeld(t, r, at, "0-5")
		piece(http.MethodPut, at+"?digest="+d, "bytes 6-9/10", "6789", http.StatusCreated)
		piece(http.MethodGet, at, "", "", http.StatusNotFound)
		if got := string(body(t, get(t, r, "/v2/a/b/blobs/"+d))); got != "0123456789" {
			t.Errorf("the blob is %q", got)
		}
	})
}

// A connection that breaks loses nothing of what came through it.
func TestUploadThatBreaks(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		r := open(t, conf)
		at := begin(t, r, "a")
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPatch, at,
			io.MultiReader(strings.NewReader("0123"), iotest.ErrReader(errors.New("it broke"))))
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		if got := w.Body.String(); w.Code != http.StatusBadRequest || !strings.Contains(got, "after byte 4: it broke") {
			t.Errorf("got %d %s", w.Code, got)
		}
		wantHeld(t, r, at, "0-3")
		put := call{method: http.MethodPut, path: at + "?digest=" + digest([]byte("012345")), text: "45"}
		wantStatus(t, put.do(t, r), http.StatusCreated)
	})
}

func TestUploadOfSomethingElse(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		r := open(t, conf)
		want := digest([]byte("this"))
		at := begin(t, r, "a")
		for _, path := range []string{at + "?digest=" + want, "/v2/a/blobs/uploads/?digest=" + want} {
			method := http.MethodPut
			if path != at+"?digest="+want {
				method = http.MethodPost
			}
			resp := call{method: method, path: path, text: "that"}.do(t, r)
			if got := string(body(t, resp)); resp.StatusCode != http.StatusBadRequest || !strings.Contains(got, "DIGEST_INVALID") {
				t.Errorf("%s: got %d %s", method, resp.StatusCode, got)
			}
			wantStatus(t, get(t, r, "/v2/a/blobs/"+want), http.StatusNotFound)
		}
		wantStatus(t, get(t, r, at), http.StatusNotFound)
		if conf.Dir == "" {
			return
		}
		if left, err := os.ReadDir(filepath.Join(conf.Dir, ".uploads")); err != nil || len(left) > 0 {
			t.Errorf("%d files are left, %v", len(left), err)
		}
	})
}

// Uploads that nobody goes on with make room for others.
func TestUploadsAreBounded(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		r := open(t, conf)
		first, second := begin(t, r, "a"), begin(t, r, "a")
		wantHeld(t, r, first, "0-0") // it is the second one now that waits for longest
		for range 999 {
			begin(t, r, "a")
		}
		wantHeld(t, r, first, "0-0")
		wantStatus(t, get(t, r, second), http.StatusNotFound)
		wantStatus(t, call{method: http.MethodDelete, path: first}.do(t, r), http.StatusNoContent)
		wantStatus(t, get(t, r, first), http.StatusNotFound)
	})
}

// A piece that comes in is never what makes room for others, and what waits
// for it is told when it was the last one.
func TestUploadThatIsBusy(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		r := open(t, conf)
		at := begin(t, r, "a")
		in, out := io.Pipe()
		answered := make(chan int)
		ask := func(ctx context.Context, method, path string, body io.Reader) int {
			w := httptest.NewRecorder()
			r.ServeHTTP(w, httptest.NewRequestWithContext(ctx, method, path, body))
			return w.Code
		}
		go func() {
			answered <- ask(t.Context(), http.MethodPut, at+"?digest="+digest([]byte("0123")), in)
		}()
		_, _ = out.Write([]byte("01"))
		for range 1001 {
			begin(t, r, "a")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got := ask(ctx, http.MethodGet, at, nil); got < 500 {
			t.Errorf("one who waits no longer gets %d", got)
		}
		go func() { answered <- ask(t.Context(), http.MethodPatch, at, strings.NewReader("45")) }()
		_, _ = out.Write([]byte("23"))
		_ = out.Close()
		got := []int{<-answered, <-answered}
		slices.Sort(got)
		if diff := cmp.Diff([]int{http.StatusCreated, http.StatusNotFound}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestManifestRefused(t *testing.T) {
	absent := digest([]byte("absent"))
	one := func(digest string) string {
		return `{"schemaVersion":2,"mediaType":"` + ociManifest + `","config":{"digest":"` + digest + `"},"layers":[]}`
	}
	for name, tt := range map[string]struct {
		path, kind, text string
		status           int
		says             string
	}{
		"no JSON":           {"1", ociManifest, "{", 400, "MANIFEST_INVALID"},
		"another type":      {"1", ociIndex, one(absent), 400, "says that it is"},
		"no type":           {"1", "text/plain; x", "{}", 400, "text/plain"},
		"an unknown type":   {"1", "text/plain", "{}", 400, "are not taken"},
		"null":              {"1", ociManifest, "null", 400, "null"},
		"nothing":           {"1", "", "{}", 400, "no config"},
		"two kinds":         {"1", ociIndex, `{"manifests":[],"layers":[]}`, 400, "an index"},
		"two kinds, too":    {"1", ociManifest, `{"config":{"digest":"` + absent + `"},"manifests":[]}`, 400, "of an image"},
		"an unknown type 2": {"1", "", `{"mediaType":"text/plain"}`, 400, "are not taken"},
		"the old format":    {"1", "application/vnd.docker.distribution.manifest.v1+prettyjws", `{"schemaVersion":1,"fsLayers":[]}`, 400, "old image format (schema 1), which is not taken"},
		"it, as any JSON":   {"1", "application/json", `{"schemaVersion":1,"fsLayers":[]}`, 400, "old image format (schema 1), which is not taken"},
		"parts missing":     {"1", ociManifest, one(absent), 400, absent},
		"manifests missing": {"1", ociIndex, `{"manifests":[{"digest":"` + absent + `"},{"digest":"` + digest(nil) + `"}]}`, 400, digest(nil)},
		"a tag as a part":   {"1", ociIndex, `{"manifests":[{"digest":"there"}]}`, 400, "MANIFEST_INVALID"},
		"a bad subject":     {"1", ociIndex, `{"manifests":[],"subject":{"digest":"there"}}`, 400, "MANIFEST_INVALID"},
		"another digest":    {absent, ociIndex, `{"manifests":[]}`, 400, "DIGEST_INVALID"},
		"no tag":            {"-a", ociIndex, `{"manifests":[]}`, 400, "TAG_INVALID"},
		"tags and a tag":    {"1?tag=2", ociIndex, `{"manifests":[]}`, 400, "needs a digest"},
		"too long":          {"1", ociIndex, strings.Repeat(" ", 8<<20) + "{}", 413, "MANIFEST_INVALID"},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, registryserver.Config{})
			push(t, r, "a", "there")
			resp := call{method: http.MethodPut, path: "/v2/a/manifests/" + tt.path, kind: tt.kind, text: tt.text}.do(t, r)
			if got := string(body(t, resp)); resp.StatusCode != tt.status || !strings.Contains(got, tt.says) {
				t.Errorf("got %d %s", resp.StatusCode, got)
			}
			if got := string(body(t, get(t, r, "/v2/a/tags/list"))); got != `{"name":"a","tags":["there"]}` {
				t.Errorf("there is %s", got)
			}
		})
	}
}

// A manifest stays when its tag moves on or goes.
func TestTagsMove(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		r := open(t, conf)
		put := func(ref, text string, tags ...string) string {
			t.Helper()
			c := call{method: http.MethodPut, path: "/v2/a/manifests/" + ref, kind: ociIndex, text: text}
			resp := c.do(t, r)
			wantStatus(t, resp, http.StatusCreated)
			if diff := cmp.Diff(tags, resp.Header["Oci-Tag"]); diff != "" {
				t.Errorf("tags (-want +got):\n%s", diff)
			}
			return resp.Header.Get("Docker-Content-Digest")
		}
		tags := func(want string) {
			t.Helper()
			if got := string(body(t, get(t, r, "/v2/a/tags/list"))); got != `{"name":"a","tags":[`+want+`]}` {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		const first, second = `{"schemaVersion":2,"manifests":[]}`, `{"schemaVersion":2,"manifests":[],"annotations":{"a":"b"}}`
		old := put("1", first, "1")
		next := digest([]byte(second))
		if got := put(next+"?tag=1&tag=2", second, "1", "2"); got != next {
			t.Errorf("got %s, want %s", got, next)
		}
		tags(`"1","2"`)
		for ref, want := range map[string]string{old: first, "1": second, "2": second, next: second} {
			if got := string(body(t, get(t, r, "/v2/a/manifests/"+ref))); got != want {
				t.Errorf("%s is %s", ref, got)
			}
		}
		for _, ref := range []string{"1", "2", old} {
			wantStatus(t, call{method: http.MethodDelete, path: "/v2/a/manifests/" + ref}.do(t, r), http.StatusAccepted)
			wantStatus(t, get(t, r, "/v2/a/manifests/"+ref), http.StatusNotFound)
		}
		tags("")
		wantStatus(t, get(t, r, "/v2/a/manifests/"+next), http.StatusOK)
		put(next+"?tag=3", second, "3")
		tags(`"3"`)
		wantStatus(t, call{method: http.MethodDelete, path: "/v2/a/manifests/" + next}.do(t, r), http.StatusAccepted)
		wantStatus(t, get(t, r, "/v2/a/tags/list"), http.StatusNotFound)
	})
}

func TestReferrers(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		r := open(t, conf)
		subject := digest([]byte("it need not be there"))
		refer := func(fields string) string {
			t.Helper()
			text := `{"schemaVersion":2,"manifests":[],"subject":{"digest":"` + subject + `"}` + fields + `}`
			resp := call{method: http.MethodPut, path: "/v2/a/manifests/" + digest([]byte(text)), kind: ociIndex, text: text}.do(t, r)
			wantStatus(t, resp, http.StatusCreated)
			if got := resp.Header.Get("OCI-Subject"); got != subject {
				t.Errorf("the subject is %q", got)
			}
			return digest([]byte(text))
		}
		signature := refer(`,"artifactType":"a/signature","annotations":{"by":"me"}`)
		bill := refer(`,"artifactType":"a/bill"`)
		list := func(query, applied string, want ...string) {
			t.Helper()
			resp := get(t, r, "/v2/a/referrers/"+subject+query)
			wantStatus(t, resp, http.StatusOK)
			if resp.Header.Get("OCI-Filters-Applied") != applied || resp.Header.Get("Content-Type") != ociIndex {
				t.Errorf("%s: the header is %v", query, resp.Header)
			}
			var idx struct {
				Manifests []struct {
					Digest, ArtifactType string
					Annotations          map[string]string
				}
			}
			if err := json.Unmarshal(body(t, resp), &idx); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range idx.Manifests {
				got = append(got, m.Digest+" "+m.ArtifactType+" "+m.Annotations["by"])
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", query, diff)
			}
		}
		list("", "", signature+" a/signature me", bill+" a/bill ")
		list("?artifactType=a/bill", "artifactType", bill+" a/bill ")
		list("?artifactType=a/none", "artifactType")
		wantStatus(t, call{method: http.MethodDelete, path: "/v2/a/manifests/" + signature}.do(t, r), http.StatusAccepted)
		list("", "", bill+" a/bill ")
		wantStatus(t, call{method: http.MethodDelete, path: "/v2/a/blobs/" + bill}.do(t, r), http.StatusAccepted)
		wantStatus(t, get(t, r, "/v2/a/manifests/"+bill), http.StatusNotFound)
	})
}
