package glance_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/cloudserver"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/glance"
)

func TestImageJSON(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       glance.Image
	}{
		{
			"queued", `{"id": "1", "name": "a", "status": "queued", "size": null, "checksum": null, "os_hash_algo": null, "os_hash_value": null,
			"disk_format": null, "container_format": null, "visibility": "shared", "created_at": "2018-07-09T18:43:18Z", "tags": [], "owner": "x",
			"self": "/v2/images/1", "file": "/v2/images/1/file", "schema": "/v2/schemas/image", "min_disk": 0, "protected": false, "os_hidden": false}`,
			glance.Image{ID: "1", Name: "a", Status: "queued", Visibility: "shared", CreatedAt: "2018-07-09T18:43:18Z", Properties: map[string]string{}},
		},
		{
			"active", `{"id": "1", "name": "a", "status": "active", "size": 8589934592000, "checksum": "c", "os_hash_algo": "sha512", "os_hash_value": "h",
			"disk_format": "aki", "container_format": "bare", "visibility": "public", "created_at": "2018-07-09T18:43:18", "kernel_id": "k", "stores": "fs"}`,
			glance.Image{
				ID: "1", Name: "a", Status: "active", Size: 8589934592000, MD5: "c", HashAlgo: "sha512", Hash: "h", DiskFormat: "aki",
				ContainerFormat: "bare", Visibility: "public", CreatedAt: "2018-07-09T18:43:18", Properties: map[string]string{"kernel_id": "k"},
			},
		},
		{"without a name", `{"id": "1", "name": null}`, glance.Image{ID: "1", Properties: map[string]string{}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got glance.Image
			if err := json.Unmarshal([]byte(tc.text), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("image (-want +got):\n%s", diff)
			}
		})
	}
	var img glance.Image
	if err := json.Unmarshal([]byte(`{"size": "big"}`), &img); err == nil {
		t.Error("a size that is not a number gives no error")
	}
}

func TestListTellsDuplicatesApartOverPages(t *testing.T) {
	c := inside(t, newCloud(t))
	want := map[string]int{"a": 40, "b,c": 1, `d"e`: 1, "other": 30}
	for name, n := range want {
		for range n {
			mustCreate(t, c, glance.Image{Name: name})
		}
	}
	found, err := c.List(t.Context(), "a", "b,c", `d"e`, "absent")
	if err != nil {
		t.Fatal(err)
	}
	got, ids := map[string]int{}, map[string]bool{}
	for _, img := range found {
		got[img.Name]++
		ids[img.ID] = true
	}
	if diff := cmp.Diff(map[string]int{"a": 40, "b,c": 1, `d"e`: 1}, got); diff != "" || len(ids) != 42 {
		t.Errorf("%d ids, names (-want +got):\n%s", len(ids), diff)
	}
	if found, err := c.List(t.Context()); err != nil || found != nil {
		t.Errorf("no names: got %v, %v", found, err)
	}
}

func TestListRefusesEndlessPages(t *testing.T) {
	emb := newCloud(t)
	c := inside(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/v2/images") {
			fmt.Fprintf(w, `{"images": [], "next": "/v2/images?%s"}`, r.URL.RawQuery)
			return
		}
		emb.ServeHTTP(w, r)
	}))
	if _, err := c.List(t.Context(), "a"); err == nil || !strings.Contains(err.Error(), "is that page again") {
		t.Errorf("got error %v", err)
	}
}

// endless gives the same bytes again and again.
type endless string

func (e endless) Read(p []byte) (int, error) {
	n := copy(p, e)
	for n+len(e) <= len(p) {
		n += copy(p[n:], e)
	}
	return n, nil
}

// No answer of a cloud is read without end: one page, many pages, one image, a token, an
// error.
func TestLargeAnswersAreBounded(t *testing.T) {
	pages := 0
	for _, tc := range []struct {
		name, at string
		answer   func(w http.ResponseWriter)
		want     string
	}{
		{"a page", "/v2/images", func(w http.ResponseWriter) {
			_, _ = io.Copy(w, io.MultiReader(strings.NewReader(`{"images": [`), endless(`{"id": "1", "name": "x"},`)))
		}, "larger than 16"},
		{"one property", "/v2/images", func(w http.ResponseWriter) {
			_, _ = io.Copy(w, io.MultiReader(strings.NewReader(`{"images": [{"x": "`), endless("x")))
		}, "larger than 16"},
		{"pages that are empty", "/v2/images", func(w http.ResponseWriter) {
			pages++
			fmt.Fprintf(w, `{"images": [], "next": "/v2/images?marker=%d"}`, pages)
		}, "there is little in its pages: "},
		{"pages with images", "/v2/images", func(w http.ResponseWriter) {
			pages++
			fmt.Fprintf(w, `{"images": [{}%s], "next": "/v2/images?marker=%d"}`, strings.Repeat(",{}", 5000), pages)
		}, "more than 100000 images"},
		{"an error", "/v2/images", func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.Copy(w, endless("no"))
		}, "403 Forbidden: nono"},
		{"a login", "/v3/auth/tokens", func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusCreated)
			_, _ = io.Copy(w, io.MultiReader(strings.NewReader(`{"token": {"catalog": [`), endless(`{"type": "image"},`)))
		}, "larger than 16"},
		{"a login with another success", "/v3/auth/tokens", func(w http.ResponseWriter) {
			_, _ = io.Copy(w, io.MultiReader(strings.NewReader(`{"token": {"catalog": [`), endless(`{"type": "image"},`)))
		}, "larger than 16"},
		{"a short login with another success", "/v3/auth/tokens", func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, `{"token": {"catalog": []}}`)
		}, "the cloud answers 200 OK, which is no answer to this request"},
		{"pages of one image", "/v2/images", func(w http.ResponseWriter) {
			pages++
			fmt.Fprintf(w, `{"images": [{"id": "%d", "name": "x", "x": "%s"}], "next": "/v2/images?marker=%d"}`, pages, strings.Repeat("y", 500), pages)
		}, "there is little in its pages: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			emb := newCloud(t)
			o := quick("http://cloud.embedded")
			o.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, tc.at) {
					tc.answer(w)
					return
				}
				emb.ServeHTTP(w, r)
			})
			c, err := glance.Connect(t.Context(), o)
			if err == nil {
				_, err = c.List(t.Context(), "a")
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestChanges(t *testing.T) {
	c := inside(t, newCloud(t))
	id := mustCreate(t, c, glance.Image{Name: "a", Properties: map[string]string{"x": "1"}}).ID
	for what, err := range map[string]error{
		"rename":     c.Rename(t.Context(), id, "b"),
		"properties": c.SetProperties(t.Context(), id, map[string]string{"x": "2", "y": "3"}),
		"visibility": c.SetVisibility(t.Context(), id, "public"),
		"nothing":    c.SetProperties(t.Context(), id, nil),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	img, err := c.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if img.Name != "b" || img.Visibility != "public" || img.Properties["x"] != "2" || img.Properties["y"] != "3" {
		t.Errorf("got %+v", img)
	}
	for range 2 { // a second time there is nothing to delete
		if err := c.Delete(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.Get(t.Context(), id); !errors.Is(err, glance.ErrNotFound) {
		t.Errorf("get of a deleted image: %v", err)
	}
	if err := c.Rename(t.Context(), id, "c"); !errors.Is(err, glance.ErrNotFound) || !strings.Contains(err.Error(), `(name it "c")`) {
		t.Errorf("rename of a deleted image: %v", err)
	}
}

// What may be asked twice is, over connections that end in the middle.
func TestRequestsThatAreAnsweredTwice(t *testing.T) {
	emb := newCloud(t)
	for _, lost := range []string{"before", "after"} {
		t.Run("connection cut "+lost+" the work", func(t *testing.T) {
			var n atomic.Int64
			n.Store(-1000)
			c := overSocket(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost || n.Add(1)%3 == 0 {
					emb.ServeHTTP(w, r)
					return
				}
				if lost == "after" {
					emb.ServeHTTP(httptest.NewRecorder(), r)
				}
				cut(w)
			}))
			id := mustCreate(t, c, glance.Image{Name: "a"}).ID
			n.Store(0)
			_, getErr := c.Get(t.Context(), id)
			found, listErr := c.List(t.Context(), "a")
			if err := errors.Join(getErr, listErr, c.Rename(t.Context(), id, "b"), c.Delete(t.Context(), id)); err != nil {
				t.Error(err)
			}
			if len(found) != 1 {
				t.Errorf("found %v", found)
			}
			if got := names(t, inside(t, emb)); len(got) != 0 {
				t.Errorf("left: %v", got)
			}
		})
	}
}

func TestCreatePublicAsMember(t *testing.T) {
	emb, err := cloudserver.New(cloudserver.Config{Member: true})
	if err != nil {
		t.Fatal(err)
	}
	defer emb.Close()
	c := inside(t, emb)
	_, err = converge(t, c, want(name, content("new", 100)))
	if err == nil || !strings.Contains(err.Error(), "403 Forbidden") || !strings.Contains(fault.Hint(err), "administrator") {
		t.Errorf("got error %v, hint %q", err, fault.Hint(err))
	}
	if got := names(t, c); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

func TestErrorsOfTheCloud(t *testing.T) {
	emb := newCloud(t)
	for _, tc := range []struct {
		name       string
		code       int
		body       string
		want       string
		connection bool
	}{
		{"HTML", 403, "<html><head>\n <title>403 Forbidden</title></head><body><h1>403 Forbidden</h1>You are not\n authorized</body></html>", `list the images of cloud "undercloud": the cloud answers 403 Forbidden: You are not authorized`, false},
		{"JSON", 404, `{"message": "No such thing", "code": "404 Not Found"}`, "404 Not Found: No such thing", false},
		{"nothing", 502, "", "502 Bad Gateway", true},
		{"much", 500, strings.Repeat("x", 1000), "xxx...", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := inside(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/v2/images") {
					w.WriteHeader(tc.code)
					_, _ = w.Write([]byte(tc.body))
					return
				}
				emb.ServeHTTP(w, r)
			}))
			_, err := c.List(t.Context(), "a")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want one with %q", err, tc.want)
			}
			if fault.IsConnection(err) != tc.connection {
				t.Errorf("of the connection class: got %v", !tc.connection)
			}
		})
	}
}
