package registryserver_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// foreignLayout writes the layout of another tool: one manifest under these
// names, with this media type in the index.
func foreignLayout(t *testing.T, mediaType string, names ...string) (dir, manifest string) {
	t.Helper()
	dir = t.TempDir()
	manifest = fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"digest":%q,"size":2},"layers":[]}`, ociManifest, digest([]byte("{}")))
	blobs := filepath.Join(dir, "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		t.Fatal(err)
	}
	d := digest([]byte(manifest))
	write(t, filepath.Join(blobs, d[len("sha256:"):]), manifest)
	write(t, filepath.Join(blobs, digest([]byte("{}"))[len("sha256:"):]), "{}")
	write(t, filepath.Join(dir, "oci-layout"), `{"imageLayoutVersion":"1.0.0"}`)
	entries := ""
	for i, name := range names {
		if i > 0 {
			entries += ","
		}
		entries += fmt.Sprintf(`{"digest":%q,"size":%d,"annotations":{"org.opencontainers.image.ref.name":%q}`, d, len(manifest), name)
		if mediaType != "" {
			entries += fmt.Sprintf(`,"mediaType":%q`, mediaType)
		}
		entries += "}"
	}
	write(t, filepath.Join(dir, "index.json"), `{"schemaVersion":2,"manifests":[`+entries+`]}`)
	return dir, manifest
}

// The index of another tool may leave out what the manifest says of itself.
func TestLayoutsWithoutMediaType(t *testing.T) {
	dir, _ := foreignLayout(t, "", "app:1")
	resp := get(t, oneLayout(dir), "/v2/0/app/manifests/1")
	wantStatus(t, resp, http.StatusOK)
	if got := resp.Header.Get("Content-Type"); got != ociManifest {
		t.Errorf("the manifest has the media type %q, want %q", got, ociManifest)
	}
}

// Another tool's names that are not of the form repository:tag stay when one of
// their manifests gets a tag.
func TestLayoutsKeepNamesOfOthers(t *testing.T) {
	dir, manifest := foreignLayout(t, ociManifest, "app:1.0+build", "app:5000/lib:1")
	put := call{method: http.MethodPut, path: "/v2/0/app/manifests/2", kind: ociManifest, text: manifest}
	wantStatus(t, put.do(t, oneLayout(dir)), http.StatusCreated)
	if diff := cmp.Diff([]string{"app:1.0+build", "app:2", "app:5000/lib:1"}, names(t, dir)); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}
