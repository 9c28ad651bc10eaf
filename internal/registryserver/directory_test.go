package registryserver_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/registryserver"
)

func TestOneWriterOnly(t *testing.T) {
	conf := registryserver.Config{Dir: t.TempDir()}
	r := open(t, conf)
	push(t, r, "a", "1")
	if second, err := registryserver.New(conf); err == nil {
		closeIt(t, second)
		t.Fatal("two writers have the same directory")
	} else if !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v", err)
	}
	conf.ReadOnly = true
	reader := open(t, conf)
	if diff := cmp.Diff([]string{"a"}, catalog(t, reader, "/v2/_catalog")); diff != "" {
		t.Errorf("the reader's catalog (-want +got):\n%s", diff)
	}
	push(t, r, "b", "1")
	if diff := cmp.Diff([]string{"a", "b"}, catalog(t, reader, "/v2/_catalog")); diff != "" {
		t.Errorf("the reader's catalog after a push (-want +got):\n%s", diff)
	}
	wantStatus(t, get(t, reader, "/v2/b/manifests/1"), http.StatusOK)
}

func TestReadOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing")
	r := open(t, registryserver.Config{Dir: dir, ReadOnly: true})
	if got := catalog(t, r, "/v2/_catalog"); len(got) != 0 {
		t.Errorf("the catalog of a missing directory is %q", got)
	}
	for path, want := range map[string]int{
		"/v2/":                       http.StatusOK,
		"/v2/a/manifests/latest":     http.StatusNotFound,
		"/v2/a/blobs/" + digest(nil): http.StatusNotFound,
	} {
		if got := get(t, r, path).StatusCode; got != want {
			t.Errorf("GET %s: got %d, want %d", path, got, want)
		}
	}
	for _, c := range []call{
		{method: http.MethodPost, path: "/v2/a/blobs/uploads/"},
		{method: http.MethodPut, path: "/v2/a/manifests/1", kind: ociManifest, text: "{}"},
		{method: http.MethodDelete, path: "/v2/a/manifests/1"},
	} {
		if got := c.do(t, r).StatusCode; got < 400 {
			t.Errorf("%s %s: got %d", c.method, c.path, got)
		}
	}
	closeIt(t, r)
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("reading made the directory: %v", err)
	}
}

func TestReadOnlyWritesNothing(t *testing.T) {
	dir := t.TempDir()
	w := open(t, registryserver.Config{Dir: dir})
	push(t, w, "a/b", "1")
	pushBlob(t, w, "blob/only", []byte("a layer"))
	closeIt(t, w)
	before := files(t, dir)
	r := open(t, registryserver.Config{Dir: dir, ReadOnly: true})
	get(t, r, "/v2/a/b/manifests/1")
	get(t, r, "/v2/a/b/tags/list")
	get(t, r, "/v2/other/manifests/1")
	call{method: http.MethodDelete, path: "/v2/a/b/manifests/1"}.do(t, r)
	call{method: http.MethodPost, path: "/v2/a/b/blobs/uploads/"}.do(t, r)
	closeIt(t, r)
	if diff := cmp.Diff(before, files(t, dir)); diff != "" {
		t.Errorf("the directory changed (-before +after):\n%s", diff)
	}
}

// files lists all files below dir, with sizes and times.
func files(t *testing.T, dir string) []string {
	t.Helper()
	list := []string{}
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		list = append(list, fmt.Sprint(path, info.Size(), info.ModTime().UnixNano()))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestLeftoversGo(t *testing.T) {
	dir := t.TempDir()
	conf := registryserver.Config{Dir: dir}
	r := open(t, conf)
	push(t, r, "ns/a", "1")
	wantStatus(t, call{method: http.MethodPost, path: "/v2/ns/a/blobs/uploads/"}.do(t, r), http.StatusAccepted)
	closeIt(t, r)
	left := []string{filepath.Join(dir, ".uploads", "456")}
	kept := []string{filepath.Join(dir, "index.json.mine"), filepath.Join(dir, "ns", "notes"), filepath.Join(dir, "ns", "a", "notes")}
	if err := os.MkdirAll(filepath.Dir(left[0]), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range slices.Concat(left, kept) {
		if err := os.WriteFile(file, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r = open(t, conf)
	for _, file := range left {
		if _, err := os.Stat(file); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", file, err)
		}
	}
	for _, file := range kept {
		if _, err := os.Stat(file); err != nil {
			t.Errorf("%s is gone: %v", file, err)
		}
	}
	wantStatus(t, get(t, r, "/v2/ns/a/manifests/1"), http.StatusOK)
}

// A push that was killed may have left a repository half made.
func TestHalfMadeRepository(t *testing.T) {
	for name, make := range map[string]func(t *testing.T, repo string){
		"empty directory": func(*testing.T, string) {},
		"empty layout":    func(t *testing.T, repo string) { write(t, filepath.Join(repo, "oci-layout"), "") },
		"layout alone": func(t *testing.T, repo string) {
			write(t, filepath.Join(repo, "oci-layout"), `{"imageLayoutVersion":"1.0.0"}`)
		},
		"empty index": func(t *testing.T, repo string) {
			write(t, filepath.Join(repo, "oci-layout"), `{"imageLayoutVersion":"1.0.0"}`)
			write(t, filepath.Join(repo, "index.json"), `{"schemaVersion":2,"manifests":[]}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			repo := filepath.Join(dir, "ns", "a")
			if err := os.MkdirAll(repo, 0o755); err != nil {
				t.Fatal(err)
			}
			make(t, repo)
			r := open(t, registryserver.Config{Dir: dir})
			if got := catalog(t, r, "/v2/_catalog"); len(got) != 0 {
				t.Errorf("the catalog names %q", got)
			}
			wantStatus(t, get(t, r, "/v2/ns/a/manifests/1"), http.StatusNotFound)
			push(t, r, "ns/a", "1")
			wantStatus(t, get(t, r, "/v2/ns/a/manifests/1"), http.StatusOK)
			if diff := cmp.Diff([]string{"ns/a"}, catalog(t, r, "/v2/_catalog")); diff != "" {
				t.Errorf("catalog (-want +got):\n%s", diff)
			}
		})
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestCatalogOfThousands(t *testing.T) {
	dir := t.TempDir()
	index := filepath.Join(t.TempDir(), "index.json")
	write(t, index, `{"schemaVersion":2,"manifests":[{"digest":"`+digest(nil)+`"}]}`)
	want := make([]string, 5000)
	for n := range want {
		want[n] = fmt.Sprintf("ns%d/repo%04d", n%3, n)
		repo := filepath.Join(dir, filepath.FromSlash(want[n]))
		if err := os.MkdirAll(repo, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(index, filepath.Join(repo, "index.json")); err != nil { // quicker than to write
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	r := open(t, registryserver.Config{Dir: dir, ReadOnly: true})
	start := time.Now()
	got := catalog(t, r, "/v2/_catalog")
	t.Logf("all pages took %s", time.Since(start))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("catalog (-want +got):\n%s", diff)
	}
}
