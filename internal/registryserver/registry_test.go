package registryserver_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/registryserver"
)

const (
	ociManifest = "application/vnd.oci.image.manifest.v1+json"
	ociConfig   = "application/vnd.oci.image.config.v1+json"
)

// open gives a registry that is closed with the test.
func open(t *testing.T, conf registryserver.Config) *registryserver.Registry {
	t.Helper()
	r, err := registryserver.New(conf)
	if err != nil {
		t.Fatalf("opening the registry: %v", err)
	}
	t.Cleanup(func() { closeIt(t, r) })
	return r
}

func closeIt(t *testing.T, r *registryserver.Registry) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Errorf("closing the registry: %v", err)
	}
}

// A call is one request; text is its body.
type call struct {
	method, path, kind, text string
	header                   http.Header
}

func (c call) do(t *testing.T, h http.Handler) *http.Response {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), c.method, c.path, strings.NewReader(c.text))
	for name, values := range c.header {
		req.Header[name] = values
	}
	if c.kind != "" {
		req.Header.Set("Content-Type", c.kind)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w.Result()
}

func get(t *testing.T, h http.Handler, path string) *http.Response {
	t.Helper()
	return call{method: http.MethodGet, path: path}.do(t, h)
}

func body(t *testing.T, resp *http.Response) []byte {
	t.Helper()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	return data
}

func wantStatus(t *testing.T, resp *http.Response, want int) {
	t.Helper()
	if resp.StatusCode != want {
		t.Fatalf("got status %d, want %d: %s", resp.StatusCode, want, body(t, resp))
	}
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func pushBlob(t *testing.T, h http.Handler, repo string, data []byte) string {
	t.Helper()
	d := digest(data)
	resp := call{
		method: http.MethodPost, path: "/v2/" + repo + "/blobs/uploads/?digest=" + d,
		kind: "application/octet-stream", text: string(data),
	}.do(t, h)
	wantStatus(t, resp, http.StatusCreated)
	return d
}

// push puts a small image into repo and gives the digest of its manifest.
func push(t *testing.T, h http.Handler, repo, tag string) string {
	t.Helper()
	config := []byte(`{"architecture":"amd64","os":"linux","note":"` + repo + `"}`)
	m, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": ociManifest, "layers": []any{},
		"config": map[string]any{"mediaType": ociConfig, "size": len(config), "digest": pushBlob(t, h, repo, config)},
	})
	if err != nil {
		t.Fatal(err)
	}
	resp := call{method: http.MethodPut, path: "/v2/" + repo + "/manifests/" + tag, kind: ociManifest, text: string(m)}.do(t, h)
	wantStatus(t, resp, http.StatusCreated)
	return digest(m)
}

// catalog follows the links from path to the last page.
func catalog(t *testing.T, h http.Handler, path string) []string {
	t.Helper()
	names := []string{}
	for pages := 0; path != ""; pages++ {
		if pages > 6000 {
			t.Fatal("the catalog does not end")
		}
		resp := get(t, h, path)
		wantStatus(t, resp, http.StatusOK)
		var page struct{ Repositories []string }
		if err := json.Unmarshal(body(t, resp), &page); err != nil {
			t.Fatalf("the page %s: %v", path, err)
		}
		names = append(names, page.Repositories...)
		path = next(t, resp)
	}
	return names
}

func next(t *testing.T, resp *http.Response) string {
	t.Helper()
	link := resp.Header.Get("Link")
	if link == "" {
		return ""
	}
	path, ok := strings.CutSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
	if !ok {
		t.Fatalf("the link %q leads nowhere", link)
	}
	return path
}

// Both kinds of storage have to pass the same tests.
func storages(t *testing.T, test func(t *testing.T, conf registryserver.Config)) {
	t.Run("memory", func(t *testing.T) { test(t, registryserver.Config{}) })
	t.Run("directory", func(t *testing.T) { test(t, registryserver.Config{Dir: t.TempDir()}) })
}

func TestCatalogOrder(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		r := open(t, conf)
		if got := string(body(t, get(t, r, "/v2/_catalog"))); got != `{"repositories":[]}` {
			t.Errorf("an empty catalog is %s", got)
		}
		want := []string{"a", "a-b", "a-b/c", "a.b", "a/b", "a/b/c/d", "a0", "a_b", "rhosp13/nova-api", "rhosp13/nova-api/blobs-x", "tags/list"}
		for n := range want {
			push(t, r, want[(n*7)%len(want)], "1")
		}
		for _, n := range []string{"", "?n=1", "?n=2", "?n=3", "?n=10", "?n=11", "?n=1000"} {
			if diff := cmp.Diff(want, catalog(t, r, "/v2/_catalog"+n)); diff != "" {
				t.Errorf("catalog%s (-want +got):\n%s", n, diff)
			}
		}
		for n, last := range want {
			got := catalog(t, r, "/v2/_catalog?last="+last)
			if diff := cmp.Diff(append([]string{}, want[n+1:]...), got); diff != "" {
				t.Errorf("after %s (-want +got):\n%s", last, diff)
			}
		}
	})
}

func TestCatalogNamesOnlyWhatHoldsAManifest(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		r := open(t, conf)
		pushBlob(t, r, "blob/only", []byte("a layer"))
		gone := push(t, r, "gone", "1")
		untagged := push(t, r, "untagged", "1")
		push(t, r, "kept", "1")
		wantStatus(t, call{method: http.MethodDelete, path: "/v2/gone/manifests/" + gone}.do(t, r), http.StatusAccepted)
		wantStatus(t, call{method: http.MethodDelete, path: "/v2/untagged/manifests/1"}.do(t, r), http.StatusAccepted)
		wantStatus(t, get(t, r, "/v2/untagged/manifests/"+untagged), http.StatusOK)
		if diff := cmp.Diff([]string{"kept", "untagged"}, catalog(t, r, "/v2/_catalog")); diff != "" {
			t.Errorf("catalog (-want +got):\n%s", diff)
		}
	})
}

func TestCatalogBadPage(t *testing.T) {
	r := open(t, registryserver.Config{})
	for _, n := range []string{"0", "-1", "x", "", "1001", "99999999999999999999", "1.5", "0x10"} {
		resp := get(t, r, "/v2/_catalog?n="+n)
		if got := string(body(t, resp)); resp.StatusCode != http.StatusBadRequest || !strings.Contains(got, "PAGINATION_NUMBER_INVALID") {
			t.Errorf("n=%q: got %d %s", n, resp.StatusCode, got)
		}
	}
	wantStatus(t, call{method: http.MethodPost, path: "/v2/_catalog"}.do(t, r), http.StatusMethodNotAllowed)
}

func TestCatalogAfterRestart(t *testing.T) {
	conf := registryserver.Config{Dir: t.TempDir()}
	r := open(t, conf)
	d := push(t, r, "rhosp13/openstack-nova-api", "13.0-60")
	blob := pushBlob(t, r, "blob/only", []byte("a layer"))
	wantStatus(t, get(t, r, "/v2/never/was/manifests/1"), http.StatusNotFound)
	closeIt(t, r)

	r = open(t, conf)
	if diff := cmp.Diff([]string{"rhosp13/openstack-nova-api"}, catalog(t, r, "/v2/_catalog")); diff != "" {
		t.Errorf("catalog (-want +got):\n%s", diff)
	}
	if got := digest(body(t, get(t, r, "/v2/rhosp13/openstack-nova-api/manifests/13.0-60"))); got != d {
		t.Errorf("the manifest is %s now, and was %s", got, d)
	}
	// What an interrupted mirror has left must be found again.
	wantStatus(t, call{method: http.MethodHead, path: "/v2/blob/only/blobs/" + blob}.do(t, r), http.StatusOK)
}

func TestCatalogWhilePushing(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		r := open(t, conf)
		t.Run("together", func(t *testing.T) {
			for half := range 2 {
				t.Run(fmt.Sprint("push", half), func(t *testing.T) {
					t.Parallel()
					for n := range 25 {
						push(t, r, fmt.Sprintf("ns/repo%02d", 2*n+half), "1")
					}
				})
			}
			t.Run("read", func(t *testing.T) {
				t.Parallel()
				for range 20 {
					for _, name := range catalog(t, r, "/v2/_catalog?n=7") {
						wantStatus(t, get(t, r, "/v2/"+name+"/manifests/1"), http.StatusOK)
					}
				}
			})
		})
		if got := len(catalog(t, r, "/v2/_catalog")); got != 50 {
			t.Errorf("the catalog has %d names, want 50", got)
		}
	})
}

// Pushes and pulls in one repository, all at once.
func TestOneRepositoryAtOnce(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		r := open(t, conf)
		for n := range 8 {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				for m := range 10 {
					layer := pushBlob(t, r, "ns/a", []byte(fmt.Sprint(n, m)))
					tag := fmt.Sprintf("t%d.%d", n, m)
					push(t, r, "ns/a", tag)
					wantStatus(t, get(t, r, "/v2/ns/a/blobs/"+layer), http.StatusOK)
					wantStatus(t, get(t, r, "/v2/ns/a/manifests/"+tag), http.StatusOK)
					wantStatus(t, get(t, r, "/v2/ns/a/tags/list"), http.StatusOK)
					mount := "/v2/ns/b/blobs/uploads/?mount=" + layer + "&from=ns/a"
					wantStatus(t, call{method: http.MethodPost, path: mount}.do(t, r), http.StatusCreated)
				}
			})
		}
	})
}

func TestUsers(t *testing.T) {
	r := open(t, registryserver.Config{User: "stack", Password: "right"})
	login := func(user, password string) int {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v2/", nil)
		req.SetBasicAuth(user, password)
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		return w.Code
	}
	for name, tc := range map[string]struct {
		user, password string
		want           int
	}{
		"right":          {"stack", "right", http.StatusOK},
		"wrong password": {"stack", "wrong", http.StatusUnauthorized},
		"wrong user":     {"root", "right", http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			if got := login(tc.user, tc.password); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
	resp := get(t, r, "/v2/_catalog")
	wantStatus(t, resp, http.StatusUnauthorized)
	if got := resp.Header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Basic ") {
		t.Errorf("the challenge is %q", got)
	}
}

func TestClosed(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		r := open(t, conf)
		push(t, r, "a", "1")
		closeIt(t, r)
		wantStatus(t, get(t, r, "/v2/"), http.StatusServiceUnavailable)
		closeIt(t, r)
	})
}

// An answer that nobody reads does not keep Close for ever.
func TestCloseWhileServing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := registryserver.New(registryserver.Config{Images: family()})
		if err != nil {
			t.Fatal(err)
		}
		w := stuckWriter{ResponseRecorder: httptest.NewRecorder(), writing: make(chan struct{}), read: make(chan struct{})}
		req := httptest.NewRequest(http.MethodGet, "/v2/rhosp13/openstack-base/manifests/13.0-1", nil)
		go r.ServeHTTP(w, req)
		<-w.writing
		if err := r.Close(); err == nil || !strings.Contains(err.Error(), "still running") {
			t.Errorf("got %v", err)
		}
		close(w.read)
	})
}

// A stuckWriter is a caller who does not read.
type stuckWriter struct {
	*httptest.ResponseRecorder
	writing, read chan struct{}
}

func (w stuckWriter) Write(p []byte) (int, error) {
	close(w.writing)
	<-w.read
	return len(p), nil
}

func TestChunkedPush(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		srv := httptest.NewServer(open(t, conf))
		defer srv.Close()
		data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		resp, err := http.Post(srv.URL+"/v2/a/blobs/uploads/", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		wantStatus(t, resp, http.StatusAccepted)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut,
			srv.URL+resp.Header.Get("Location")+"?digest="+digest(data), io.MultiReader(bytes.NewReader(data)))
		if err != nil {
			t.Fatal(err)
		}
		if resp, err = http.DefaultClient.Do(req); err != nil {
			t.Fatal(err)
		}
		wantStatus(t, resp, http.StatusCreated)
		resp, err = http.Get(srv.URL + "/v2/a/blobs/" + digest(data))
		if err != nil {
			t.Fatal(err)
		}
		if got := digest(body(t, resp)); got != digest(data) {
			t.Errorf("the blob came back as %s", got)
		}
	})
}
