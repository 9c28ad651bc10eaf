package registryserver_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/registryserver"
)

// page reads one page of the catalog, and where the next one is said to be.
func page(t *testing.T, h http.Handler, path string) (names []string, link string) {
	t.Helper()
	resp := get(t, h, path)
	wantStatus(t, resp, http.StatusOK)
	var list struct{ Repositories []string }
	if err := json.Unmarshal(body(t, resp), &list); err != nil {
		t.Fatal(err)
	}
	return list.Repositories, next(t, resp)
}

func TestCatalogPages(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		r := open(t, conf)
		for _, name := range []string{"a", "b/c", "d"} {
			push(t, r, name, "1")
		}
		tests := map[string]struct {
			query string
			names []string
			link  string
		}{
			"one page":                    {"", []string{"a", "b/c", "d"}, ""},
			"a page that is just full":    {"?n=3", []string{"a", "b/c", "d"}, ""},
			"one that there is more than": {"?n=2", []string{"a", "b/c"}, "/v2/_catalog?last=b%2Fc&n=2"},
			"the rest":                    {"?last=b%2Fc&n=2", []string{"d"}, ""},
			"after the last":              {"?last=d", []string{}, ""},
			"after all names":             {"?last=zzz&n=1", []string{}, ""},
			"after what is not there":     {"?last=aa&n=1", []string{"b/c"}, "/v2/_catalog?last=b%2Fc&n=1"},
			"after half a name":           {"?last=b", []string{"b/c", "d"}, ""},
			"after nothing":               {"?last=", []string{"a", "b/c", "d"}, ""},
			"after what is not a name":    {"?last=" + url.QueryEscape("../../etc"), []string{"a", "b/c", "d"}, ""},
			"after a name and a slash":    {"?last=" + url.QueryEscape("b/"), []string{"b/c", "d"}, ""},
			"as many as there may be":     {"?n=1000", []string{"a", "b/c", "d"}, ""},
			"and what nobody knows":       {"?n=1&color=blue", []string{"a"}, "/v2/_catalog?last=a&n=1"},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				names, link := page(t, r, "/v2/_catalog"+tt.query)
				if diff := cmp.Diff(tt.names, names); diff != "" {
					t.Errorf("names (-want +got):\n%s", diff)
				}
				if link != tt.link {
					t.Errorf("got the link %q, want %q", link, tt.link)
				}
			})
		}
	})
}

// What comes and goes between two pages makes none be listed twice, and none
// that was there all the time be left out.
func TestCatalogChangesBetweenPages(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		r := open(t, conf)
		manifests := map[string]string{}
		for _, name := range []string{"b", "d", "f", "h"} {
			manifests[name] = push(t, r, name, "1")
		}
		names, link := page(t, r, "/v2/_catalog?n=2")
		push(t, r, "a", "1")
		push(t, r, "e", "1")
		wantStatus(t, call{method: http.MethodDelete, path: "/v2/d/manifests/" + manifests["d"]}.do(t, r), http.StatusAccepted)
		wantStatus(t, call{method: http.MethodDelete, path: "/v2/f/manifests/" + manifests["f"]}.do(t, r), http.StatusAccepted)
		names = append(names, catalog(t, r, link)...)
		if diff := cmp.Diff([]string{"b", "d", "e", "h"}, names); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// A repository is listed as long as it holds a manifest, whatever names that:
// not for blobs alone, not when its last manifest is deleted, and again when
// one is pushed again.
func TestCatalogOfARepositoryThatIsEmptied(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		r := open(t, conf)
		listed := func(step string, want ...string) {
			t.Helper()
			names, _ := page(t, r, "/v2/_catalog")
			if diff := cmp.Diff(append([]string{}, want...), names); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step, diff)
			}
		}
		do := func(method, path string, want int) {
			t.Helper()
			wantStatus(t, call{method: method, path: path}.do(t, r), want)
		}
		pushBlob(t, r, "a", []byte("a layer"))
		listed("only blobs")
		do(http.MethodPost, "/v2/started/blobs/uploads/", http.StatusAccepted)
		listed("an upload that has begun")
		digest := push(t, r, "a", "1")
		push(t, r, "a", "2")
		listed("an image", "a")
		do(http.MethodDelete, "/v2/a/manifests/1", http.StatusAccepted)
		listed("one tag of two deleted", "a")
		do(http.MethodDelete, "/v2/a/manifests/2", http.StatusAccepted)
		listed("the last tag deleted: the manifest is there still", "a")
		do(http.MethodDelete, "/v2/a/manifests/"+digest, http.StatusAccepted)
		listed("the manifest deleted")
		do(http.MethodGet, "/v2/a/manifests/"+digest, http.StatusNotFound)
		push(t, r, "a", "3")
		listed("pushed again", "a")
	})
}

// A directory is shown read-only just as it is, by any number of registries.
func TestCatalogReadOnly(t *testing.T) {
	dir := t.TempDir()
	writer := open(t, registryserver.Config{Dir: dir})
	push(t, writer, "a", "1")
	for n := range 2 {
		reader := open(t, registryserver.Config{Dir: dir, ReadOnly: true})
		if diff := cmp.Diff([]string{"a"}, catalog(t, reader, "/v2/_catalog")); diff != "" {
			t.Errorf("reader %d (-want +got):\n%s", n, diff)
		}
		for name, c := range map[string]call{
			"push":   {method: http.MethodPost, path: "/v2/a/blobs/uploads/"},
			"tag":    {method: http.MethodPut, path: "/v2/a/manifests/2", kind: ociManifest, text: "{}"},
			"delete": {method: http.MethodDelete, path: "/v2/a/manifests/1"},
		} {
			if got := c.do(t, reader).StatusCode; got < 400 || got >= 500 {
				t.Errorf("reader %d: %s is answered with %d", n, name, got)
			}
		}
	}
}

func TestNoDelete(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		conf.NoDelete = true
		r := open(t, conf)
		blob := pushBlob(t, r, "a", []byte("a layer"))
		digest := push(t, r, "a", "1")
		for _, path := range []string{"/v2/a/manifests/1", "/v2/a/manifests/" + digest, "/v2/a/blobs/" + blob} {
			wantStatus(t, call{method: http.MethodDelete, path: path}.do(t, r), http.StatusMethodNotAllowed)
			if c := (call{method: http.MethodHead, path: path}); c.do(t, r).StatusCode != http.StatusOK {
				t.Errorf("%s is gone", path)
			}
		}
		// An upload can be given up all the same.
		resp := call{method: http.MethodPost, path: "/v2/a/blobs/uploads/"}.do(t, r)
		wantStatus(t, resp, http.StatusAccepted)
		wantStatus(t, call{method: http.MethodDelete, path: resp.Header.Get("Location")}.do(t, r), http.StatusNoContent)
	})
}

func TestCatalogIsHeaded(t *testing.T) {
	r := open(t, registryserver.Config{})
	for n := range 3 {
		push(t, r, fmt.Sprint("a", n), "1")
	}
	resp := call{method: http.MethodHead, path: "/v2/_catalog?n=2"}.do(t, r)
	wantStatus(t, resp, http.StatusOK)
	if got := next(t, resp); got != "/v2/_catalog?last=a1&n=2" {
		t.Errorf("the next page is %q", got)
	}
}

// What the registry keeps of its own about referrers is not an image.
func TestCatalogOfDeletedReferrers(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		r := open(t, conf)
		config := []byte("{}")
		subject := push(t, r, "a", "1")
		m, err := json.Marshal(map[string]any{
			"schemaVersion": 2, "mediaType": ociManifest, "artifactType": "application/x", "layers": []any{},
			"config":  map[string]any{"mediaType": "application/vnd.oci.empty.v1+json", "size": 2, "digest": pushBlob(t, r, "a", config)},
			"subject": map[string]any{"mediaType": ociManifest, "size": 2, "digest": subject},
		})
		if err != nil {
			t.Fatal(err)
		}
		put := call{method: http.MethodPut, path: "/v2/a/manifests/" + digest(m), kind: ociManifest, text: string(m)}
		wantStatus(t, put.do(t, r), http.StatusCreated)
		wantStatus(t, get(t, r, "/v2/a/referrers/"+subject), http.StatusOK)
		for _, d := range []string{digest(m), subject} {
			if diff := cmp.Diff([]string{"a"}, catalog(t, r, "/v2/_catalog")); diff != "" {
				t.Errorf("before the deletion of %s (-want +got):\n%s", d, diff)
			}
			wantStatus(t, call{method: http.MethodDelete, path: "/v2/a/manifests/" + d}.do(t, r), http.StatusAccepted)
		}
		if got := catalog(t, r, "/v2/_catalog"); len(got) > 0 {
			t.Errorf("the catalog lists %v", got)
		}
	})
}
