package registryserver_test

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
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
