package registryserver_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/registryserver"
)

// A directory may hold layouts that another tool made: one entry for each tag,
// parts only where they are named, and names that are no tags.
func TestLayoutOfOthers(t *testing.T) {
	dir := t.TempDir()
	blobs := filepath.Join(dir, "a", "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		t.Fatal(err)
	}
	keep := func(text string) (d string) {
		d = digest([]byte(text))
		write(t, filepath.Join(blobs, d[len("sha256:"):]), text)
		return d
	}
	config := keep("{}")
	child := keep(`{"schemaVersion":2,"mediaType":"` + ociManifest + `","config":{"digest":"` + config + `"},"layers":[]}`)
	inner := keep(`{"schemaVersion":2,"manifests":[{"mediaType":"` + ociManifest + `","digest":"` + child + `"}]}`)
	outer := keep(`{"schemaVersion":2,"manifests":[{"mediaType":"` + ociIndex + `","digest":"` + inner + `"}]}`)
	write(t, filepath.Join(dir, "a", "oci-layout"), `{"imageLayoutVersion": "1.0.0"}`)
	write(t, filepath.Join(dir, "a", "index.json"), `{"schemaVersion":2,"manifests":[
		{"mediaType":"`+ociIndex+`","digest":"`+outer+`","annotations":{"org.opencontainers.image.ref.name":"1","kept":"yes"}},
		{"mediaType":"`+ociIndex+`","digest":"`+inner+`","annotations":{"org.opencontainers.image.ref.name":"other/repo:2"}}]}`)

	r := open(t, registryserver.Config{Dir: dir})
	for ref, kind := range map[string]string{"1": ociIndex, outer: ociIndex, inner: ociIndex, child: ociManifest} {
		resp := get(t, r, "/v2/a/manifests/"+ref)
		wantStatus(t, resp, http.StatusOK)
		if got := resp.Header.Get("Content-Type"); got != kind {
			t.Errorf("%s is %s", ref, got)
		}
	}
	wantStatus(t, get(t, r, "/v2/a/manifests/"+config), http.StatusNotFound)
	if got := string(body(t, get(t, r, "/v2/a/tags/list"))); got != `{"name":"a","tags":["1"]}` {
		t.Errorf("got %s", got)
	}
	push(t, r, "a", "3")
	text, err := os.ReadFile(filepath.Join(dir, "a", "index.json"))
	if err != nil || !bytes.Contains(text, []byte("other/repo:2")) || !bytes.Contains(text, []byte(`"kept":"yes"`)) {
		t.Errorf("the index is %s, %v", text, err)
	}
}

// An index may name one tag twice, and digests that lead out of the directory.
func TestLayoutOfTheBad(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "secret"), "secret")
	repo := filepath.Join(dir, "store", "a")
	if err := os.MkdirAll(filepath.Join(repo, "blobs", "sha256"), 0o755); err != nil {
		t.Fatal(err)
	}
	absent := digest([]byte("absent"))
	entry := func(digest, tag string) string {
		return `{"mediaType":"` + ociIndex + `","digest":"` + digest + `","annotations":{"org.opencontainers.image.ref.name":"` + tag + `"}}`
	}
	write(t, filepath.Join(repo, "index.json"), `{"schemaVersion":2,"manifests":[`+
		entry("sha256:../../../../secret", "up")+","+entry("nocolon", "none")+","+entry(absent, "1")+","+entry(digest(nil), "1")+`]}`)
	r := open(t, registryserver.Config{Dir: filepath.Join(dir, "store")})
	for path, want := range map[string]int{
		"manifests/up": 500, "manifests/none": 500, "manifests/1": 404, "manifests/" + digest([]byte("other")): 500, "referrers/" + absent: 500,
	} {
		resp := get(t, r, "/v2/a/"+path)
		if got := string(body(t, resp)); resp.StatusCode != want || strings.Contains(got, `"secret"`) {
			t.Errorf("%s: got %d %s", path, resp.StatusCode, got)
		}
	}
	if got := string(body(t, get(t, r, "/v2/a/tags/list"))); got != `{"name":"a","tags":["1","none","up"]}` {
		t.Errorf("got %s", got)
	}
	want := push(t, r, "a", "1")
	if got := digest(body(t, get(t, r, "/v2/a/manifests/1"))); got != want {
		t.Errorf("the tag is %s, want %s", got, want)
	}
	wantStatus(t, call{method: http.MethodDelete, path: "/v2/a/manifests/1"}.do(t, r), http.StatusAccepted)
	wantStatus(t, get(t, r, "/v2/a/manifests/1"), http.StatusNotFound)
}

// Caches of builds are indexes whose parts are layers.
func TestIndexOfLayers(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		r := open(t, conf)
		layer := pushBlob(t, r, "a", []byte("a layer"))
		text := `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"` + layer + `","size":7}]}`
		put := call{method: http.MethodPut, path: "/v2/a/manifests/cache", kind: ociIndex, text: text}
		wantStatus(t, put.do(t, r), http.StatusCreated)
		wantStatus(t, get(t, r, "/v2/a/manifests/"+layer), http.StatusNotFound)
		wantStatus(t, get(t, r, "/v2/a/referrers/"+layer), http.StatusOK)
		put.text = strings.Replace(text, `"size":7`, `"size":8`, 1)
		wantStatus(t, put.do(t, r), http.StatusBadRequest)
	})
}

// What is confirmed is there, whoever deletes the same at that time.
func TestPutBesideDelete(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		r := open(t, conf)
		d := push(t, r, "a", "1")
		for range 100 {
			done := make(chan struct{})
			go func() {
				defer close(done)
				call{method: http.MethodDelete, path: "/v2/a/manifests/" + d}.do(t, r)
			}()
			push(t, r, "a", "1")
			there := get(t, r, "/v2/a/manifests/1").StatusCode
			<-done
			switch now := get(t, r, "/v2/a/manifests/1").StatusCode; {
			case there == http.StatusOK, now == http.StatusNotFound:
			default:
				t.Fatalf("the tag was %d, and is %d", there, now)
			}
			if text := string(body(t, get(t, r, "/v2/a/manifests/1"))); strings.Contains(text, "lost") {
				t.Fatal(text)
			}
		}
	})
}

// A repository that somebody removed is made anew.
func TestRemovedRepository(t *testing.T) {
	dir := t.TempDir()
	r := open(t, registryserver.Config{Dir: dir})
	push(t, r, "a", "1")
	if err := os.RemoveAll(filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, get(t, r, "/v2/a/manifests/1"), http.StatusNotFound)
	push(t, r, "a", "2")
	if _, err := os.Stat(filepath.Join(dir, "a", "oci-layout")); err != nil {
		t.Error(err)
	}
	if got := string(body(t, get(t, r, "/v2/a/tags/list"))); got != `{"name":"a","tags":["2"]}` {
		t.Errorf("got %s", got)
	}
}

func TestLongNames(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		r := open(t, conf)
		long := strings.Repeat("a", 254) + "/"
		push(t, r, long[:255-1], "1")
		for _, name := range []string{long + "a", strings.Repeat("a/", 200_000) + "a"} {
			wantStatus(t, get(t, r, "/v2/"+name+"/tags/list"), http.StatusNotFound)
			wantStatus(t, call{method: http.MethodPost, path: "/v2/" + name + "/blobs/uploads/"}.do(t, r), http.StatusNotFound)
		}
	})
}

// A file where a repository would be is none.
func TestFileInPlaceOfARepository(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "readme"), "text")
	r := open(t, registryserver.Config{Dir: dir})
	for _, path := range []string{"/v2/readme/tags/list", "/v2/readme/a/manifests/1", "/v2/readme/blobs/" + digest(nil)} {
		wantStatus(t, get(t, r, path), http.StatusNotFound)
	}
}

// One repository that cannot be read keeps nobody from the others.
func TestCatalogBesideABrokenOne(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"a pipe":      func(path string) error { return syscall.Mkfifo(path, 0o644) },
		"a directory": func(path string) error { return os.Mkdir(path, 0o755) },
		"a link":      func(path string) error { return os.Symlink("../b/index.json", path) },
		"half a file": func(path string) error { return os.WriteFile(path, []byte(`{"manifests":[{}`), 0o644) },
		"two files":   func(path string) error { return os.WriteFile(path, []byte(`{"manifests":[{}]}{}`), 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			r := open(t, registryserver.Config{Dir: dir})
			push(t, r, "b", "1")
			if err := errors.Join(os.Mkdir(filepath.Join(dir, "a"), 0o755), make(filepath.Join(dir, "a", "index.json"))); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"b"}, catalog(t, r, "/v2/_catalog")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			wantStatus(t, get(t, r, "/v2/a/tags/list"), http.StatusInternalServerError)
		})
	}
}

// What is not a file is not served, and keeps nobody waiting.
func TestBlobThatIsNoFile(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"a link": func(path string) error { return os.Symlink("/etc/hostname", path) },
		"a pipe": func(path string) error { return syscall.Mkfifo(path, 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			r := open(t, registryserver.Config{Dir: dir})
			d := pushBlob(t, r, "a", []byte("a layer"))
			path := filepath.Join(dir, "a", "blobs", "sha256", d[len("sha256:"):])
			if err := errors.Join(os.Remove(path), make(path)); err != nil {
				t.Fatal(err)
			}
			resp := get(t, r, "/v2/a/blobs/"+d)
			if got := string(body(t, resp)); resp.StatusCode != http.StatusInternalServerError || !strings.Contains(got, "UNKNOWN") {
				t.Errorf("got %d %s", resp.StatusCode, got)
			}
			pushBlob(t, r, "a", []byte("a layer"))
			wantStatus(t, get(t, r, "/v2/a/blobs/"+d), http.StatusOK)
		})
	}
}

// An index that cannot be read is named, and left as it is.
func TestBrokenIndex(t *testing.T) {
	dir := t.TempDir()
	r := open(t, registryserver.Config{Dir: dir})
	push(t, r, "a", "1")
	file := filepath.Join(dir, "a", "index.json")
	write(t, file, `{"manifests":[`)
	for _, c := range []call{
		{method: http.MethodGet, path: "/v2/a/manifests/1"},
		{method: http.MethodGet, path: "/v2/a/tags/list"},
		{method: http.MethodPut, path: "/v2/a/manifests/2", kind: ociIndex, text: `{"manifests":[]}`},
	} {
		resp := c.do(t, r)
		if got := string(body(t, resp)); resp.StatusCode != http.StatusInternalServerError || !strings.Contains(got, file) {
			t.Errorf("%s %s: got %d %s", c.method, c.path, resp.StatusCode, got)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != `{"manifests":[` {
		t.Errorf("it is %q now, %v", text, err)
	}
}

// A blob that lost bytes, or changed, becomes whole when it is pushed again.
func TestDamagedBlobIsReplaced(t *testing.T) {
	dir := t.TempDir()
	r := open(t, registryserver.Config{Dir: dir})
	d := pushBlob(t, r, "a", []byte("a layer"))
	for _, damaged := range []string{"a l", "a liver"} {
		file := filepath.Join(dir, "a", "blobs", "sha256", d[len("sha256:"):])
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		write(t, file, damaged)
		pushBlob(t, r, "a", []byte("a layer"))
		if got := string(body(t, get(t, r, "/v2/a/blobs/"+d))); got != "a layer" {
			t.Errorf("it is %q", got)
		}
	}
}

// A layer of a generated image can be mounted where there is nothing to link to.
func TestMountOfAGeneratedLayer(t *testing.T) {
	r := open(t, registryserver.Config{Dir: t.TempDir(), Images: family()})
	layer := manifestOf(t, r, "rhosp13/openstack-base", "13.0-1").Layers[0]
	mount := call{method: http.MethodPost, path: "/v2/mine/blobs/uploads/?mount=" + layer.Digest + "&from=rhosp13/openstack-base"}
	wantStatus(t, mount.do(t, r), http.StatusCreated)
	blobOf(t, r, "mine", layer)
}

// FuzzServe sends what nobody would: no request is answered with a fault of the
// registry's own, and none reaches beside its directory.
func FuzzServe(f *testing.F) {
	f.Add("GET", "/v2/a/manifests/1", "", "")
	f.Add("PUT", "/v2/a/manifests/x?tag=y", ociIndex, `{"manifests":[{"digest":"sha256:x"}]}`)
	f.Add("POST", "/v2/a/blobs/uploads/?mount=sha256:x&from=../a", "", "")
	f.Add("PATCH", "/v2/a/../b/blobs/uploads/x", "0-1", "x")
	f.Add("GET", "/v2/a/tags/list?n=1&last=%00", "", "")
	f.Add("DELETE", "/v2/"+strings.Repeat("a/", 130)+"manifests/1", "", "")
	outside := f.TempDir()
	dir := filepath.Join(outside, "registry")
	r, err := registryserver.New(registryserver.Config{Dir: dir})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = r.Close() })
	f.Fuzz(func(t *testing.T, method, path, header, text string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		req := (&http.Request{
			Method: method, URL: u, Body: io.NopCloser(strings.NewReader(text)),
			Header: http.Header{"Content-Type": {header}, "Content-Range": {header}},
		}).WithContext(t.Context())
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		if w.Code >= 500 {
			t.Errorf("%s %q: got %d %s", method, path, w.Code, w.Body)
		}
		if beside, err := os.ReadDir(outside); err != nil || len(beside) != 1 {
			t.Errorf("%s %q: %d names beside the registry, %v", method, path, len(beside), err)
		}
	})
}
