package registryserver_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/ocilayout"
	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
	"github.com/bayplan/bayplan/internal/registryserver"
)

// oneLayout serves a layout under the name "0".
func oneLayout(path string) http.Handler {
	l := ocilayout.Open(path)
	return registryserver.NewLayouts(func(name string) *ocilayout.Layout {
		if name != "0" {
			return nil
		}
		return l
	})
}

// names lists what the index of a layout names, "-" for a manifest without a
// name.
func names(t *testing.T, path string) []string {
	t.Helper()
	idx, err := ocilayout.Open(path).Index()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range idx.Manifests {
		name := m.Annotations[layoutindex.NameKey]
		if name == "" {
			name = "- " + m.ArtifactType
		}
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// Repositories of one layout share its blobs, and each has tags of its own.
func TestLayouts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "media")
	r := oneLayout(dir)
	push(t, r, "0/ns/a", "1")
	push(t, r, "0/ns/blobs", "2") // no directory of its own, so no name is taken
	if diff := cmp.Diff([]string{"ns/a:1", "ns/blobs:2"}, names(t, dir)); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if got := string(body(t, get(t, r, "/v2/0/ns/a/tags/list"))); got != `{"name":"0/ns/a","tags":["1"]}` {
		t.Errorf("got %s", got)
	}
	wantStatus(t, get(t, r, "/v2/_catalog"), http.StatusNotFound)
	wantStatus(t, get(t, r, "/v2/1/ns/a/manifests/1"), http.StatusNotFound)
	wantStatus(t, get(t, r, "/v2/0/ns/a/manifests/2"), http.StatusNotFound)

	layer := pushBlob(t, r, "0/ns/a", []byte("a layer"))
	wantStatus(t, get(t, r, "/v2/0/other/blobs/"+layer), http.StatusOK)
	wantStatus(t, call{method: http.MethodDelete, path: "/v2/0/ns/a/blobs/" + layer}.do(t, r), http.StatusMethodNotAllowed)
	digest := get(t, r, "/v2/0/ns/a/manifests/1").Header.Get("Docker-Content-Digest")
	wantStatus(t, get(t, r, "/v2/0/other/manifests/"+digest), http.StatusOK)
	wantStatus(t, call{method: http.MethodDelete, path: "/v2/0/ns/a/manifests/" + digest}.do(t, r), http.StatusMethodNotAllowed)

	wantStatus(t, call{method: http.MethodDelete, path: "/v2/0/ns/a/manifests/1"}.do(t, r), http.StatusAccepted)
	wantStatus(t, call{method: http.MethodDelete, path: "/v2/0/ns/a/manifests/1"}.do(t, r), http.StatusNotFound)
	if diff := cmp.Diff([]string{"ns/blobs:2"}, names(t, dir)); diff != "" {
		t.Errorf("names after a deletion (-want +got):\n%s", diff)
	}
}

// The index of a layout names a manifest that refers to another one, and no
// other that has no tag.
func TestLayoutsReferrers(t *testing.T) {
	dir := t.TempDir()
	r := oneLayout(dir)
	about := digest([]byte("about"))
	pushBlob(t, r, "0/ns/a", []byte("{}"))
	put := func(ref, kind, more string) string {
		text := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"artifactType":%q,"config":{"digest":%q,"size":2},"layers":[],"annotations":{"org.opencontainers.image.ref.name":"mine","a":"b"}%s}`,
			ociManifest, kind, digest([]byte("{}")), more)
		if ref == "" {
			ref = digest([]byte(text))
		}
		wantStatus(t, call{method: http.MethodPut, path: "/v2/0/ns/a/manifests/" + ref, kind: ociManifest, text: text}.do(t, r), http.StatusCreated)
		return digest([]byte(text))
	}
	subject := fmt.Sprintf(`,"subject":{"mediaType":%q,"digest":%q,"size":5}`, ociManifest, about)
	put("", "a/child", "")
	bill := put("", "a/bill", subject)
	signature := put("signature", "a/signature", subject)
	put("", "a/bill", subject)
	if diff := cmp.Diff([]string{"- a/bill", "- a/signature", "ns/a:signature"}, names(t, dir)); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	list := string(body(t, get(t, r, "/v2/0/ns/b/referrers/"+about)))
	if !strings.Contains(list, bill) || !strings.Contains(list, signature) {
		t.Errorf("got %s", list)
	}
}

// An error of the disk is final, and says what is wrong.
func TestLayoutsThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "notes.txt"), "x")
	r := oneLayout(dir)
	resp := call{method: http.MethodPut, path: "/v2/0/a/manifests/1", kind: ociManifest, text: `{"schemaVersion":2,"config":{"digest":"` + digest(nil) + `"}}`}.do(t, r)
	wantStatus(t, resp, http.StatusInsufficientStorage)
	if got := string(body(t, resp)); !strings.Contains(got, "is not an OCI layout, and not empty") {
		t.Errorf("got %s", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "oci-layout")); err == nil {
		t.Error("it was made one")
	}
}

// An upload that breaks is given up, and leaves nothing behind.
func TestLayoutsBrokenUpload(t *testing.T) {
	dir := t.TempDir()
	r := oneLayout(dir)
	resp := call{method: http.MethodPost, path: "/v2/0/a/blobs/uploads/"}.do(t, r)
	wantStatus(t, resp, http.StatusAccepted)
	at := resp.Header.Get("Location")
	wantStatus(t, call{method: http.MethodPut, path: at + "?digest=" + digest([]byte("other")), text: "bytes"}.do(t, r), http.StatusBadRequest)
	wantStatus(t, call{method: http.MethodPut, path: at + "?digest=" + digest([]byte("bytes")), text: "bytes"}.do(t, r), http.StatusNotFound)
	found, err := filepath.Glob(filepath.Join(dir, "blobs", "sha256", "*"))
	hidden, _ := filepath.Glob(filepath.Join(dir, "blobs", "sha256", ".*"))
	if err != nil || len(found)+len(hidden) > 0 {
		t.Errorf("there is %v %v, %v", found, hidden, err)
	}
}
