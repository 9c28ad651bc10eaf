package registryserver_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/registryserver"
)

// What is asked for is made before the answer, and an error of that is the answer.
func TestOnDemand(t *testing.T) {
	var reads []registryserver.Read
	var r *registryserver.Registry
	r, err := registryserver.New(registryserver.Config{OnDemand: func(read registryserver.Read) error {
		reads = append(reads, read)
		if read.Repository == "no/such" {
			return registryserver.NotFound("there is no such image")
		}
		if read.Kind == "manifests" {
			_, err := r.Add(registryserver.Image{Repository: read.Repository, Tags: []string{read.Reference}})
			return err
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		return w
	}
	if w := get("/v2/a/b/manifests/list"); w.Code != http.StatusOK {
		t.Errorf("an image: %d %s", w.Code, w.Body)
	}
	if w := get("/v2/a/b/tags/list"); !strings.Contains(w.Body.String(), `"tags":["list"]`) {
		t.Errorf("its tags: %s", w.Body)
	}
	if w := get("/v2/no/such/manifests/1"); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "there is no such image") {
		t.Errorf("an image that is not made: %d %s", w.Code, w.Body)
	}
	get("/v2/_catalog")
	want := []registryserver.Read{
		{Kind: "manifests", Repository: "a/b", Reference: "list"},
		{Kind: "tags", Repository: "a/b"},
		{Kind: "manifests", Repository: "no/such", Reference: "1"},
		{Kind: "catalog"},
	}
	if diff := cmp.Diff(want, reads); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// An image for several platforms is an index, of which each manifest is an image of its own.
func TestAddPlatforms(t *testing.T) {
	r, err := registryserver.New(registryserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	image := registryserver.Image{Repository: "a/b", Tags: []string{"1"}, Platforms: []string{"linux/amd64", "linux/arm/v7"}}
	sums, err := r.Add(image)
	if err != nil {
		t.Fatal(err)
	}
	if sum, there := r.Lookup("a/b", "1"); !there || sum != sums[0] {
		t.Errorf("the tag stands for %s, want %s", sum, sums[0])
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v2/a/b/manifests/1", http.NoBody))
	var idx struct {
		Manifests []struct {
			Digest   string
			Platform struct{ Architecture, OS, Variant string }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &idx); err != nil || len(idx.Manifests) != 2 {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if p := idx.Manifests[1].Platform; p.Architecture != "arm" || p.OS != "linux" || p.Variant != "v7" {
		t.Errorf("platform %v", p)
	}
	if idx.Manifests[0].Digest == idx.Manifests[1].Digest {
		t.Error("two platforms have one manifest")
	}
	found, err := r.Repositories()
	if diff := cmp.Diff(map[string][]string{"a/b": {"1"}}, found); diff != "" || err != nil {
		t.Errorf("repositories: %v (-want +got):\n%s", err, diff)
	}
	if err := r.Remove("a/b", "1"); err != nil {
		t.Error(err)
	}
	if _, there := r.Lookup("a/b", "1"); there {
		t.Error("the tag is still there")
	}
}
