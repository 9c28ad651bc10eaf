package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

// titled is a blob with the title of a file.
func titled(blob map[string]any, title string) map[string]any {
	blob["annotations"] = map[string]string{"org.opencontainers.image.title": title}
	return blob
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// artifact puts an artifact of such blobs. Without a configuration it is the empty one.
func (l *lab) artifact(t *testing.T, repo, tag string, config map[string]any, layers ...map[string]any) string {
	t.Helper()
	if config == nil {
		config = l.blob(t, repo, []byte("{}"))
		config["mediaType"] = "application/vnd.oci.empty.v1+json"
	}
	body := mustJSON(t, map[string]any{"schemaVersion": 2, "mediaType": ociManifest, "config": config, "layers": layers})
	l.push(t, "PUT", "/v2/"+repo+"/manifests/"+tag, ociManifest, body)
	return digestOf(body)
}

// opened reads a file of an artifact from a byte on.
func opened(t *testing.T, c *Client, a *Artifact, f File, from int64) ([]byte, error) {
	t.Helper()
	rd, err := c.OpenFile(t.Context(), a, f, from)
	if err != nil {
		return nil, err
	}
	defer rd.Close()
	return io.ReadAll(rd)
}

// The files of an artifact are its layers with a title, and its configuration if that has one.
func TestArtifactFiles(t *testing.T) {
	src, _, c := pair(t)
	kernel, config := random(1, 1000), random(2, 10)
	sum := src.artifact(t, "ns/app", "1", titled(src.blob(t, "ns/app", config), "settings.json"),
		titled(src.blob(t, "ns/app", kernel), "../../kernel"), src.blob(t, "ns/app", random(3, 10)))
	a, err := c.Artifact(t.Context(), srcHost+"/ns/app:1", "")
	if err != nil {
		t.Fatal(err)
	}
	var titles []string
	for _, f := range a.Files {
		titles = append(titles, f.Title)
	}
	if got := strings.Join(titles, " "); a.Digest != sum || got != "settings.json ../../kernel" {
		t.Errorf("%s has %s, want %s", a.Digest, got, sum)
	}
	for _, from := range []int64{0, 1, 999, 1000} {
		if got, err := opened(t, c, a, a.Files[1], from); err != nil || !bytes.Equal(got, kernel[from:]) {
			t.Errorf("from %d on: %d bytes, %v", from, len(got), err)
		}
	}
}

// A line that breaks is taken up where it broke.
func TestArtifactOverBadLine(t *testing.T) {
	src, _, c := pair(t)
	kernel := random(1, 1<<20)
	src.artifact(t, "ns/app", "1", nil, titled(src.blob(t, "ns/app", kernel), "kernel"))
	a, err := c.Artifact(t.Context(), srcHost+"/ns/app:1", "")
	if err != nil {
		t.Fatal(err)
	}
	cut := 0
	var ranges []string
	src.act(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		ranges = append(ranges, r.Header.Get("Range"))
		if cut++; cut > 1 {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(kernel)))
		_, _ = w.Write(kernel[:1000])
		return true
	})
	if got, err := opened(t, c, a, a.Files[0], 0); err != nil || !bytes.Equal(got, kernel) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if len(ranges) != 2 || ranges[0] != "" || ranges[1] != "bytes=1000-" {
		t.Errorf("asked for %q", ranges)
	}
}

// What an artifact says that it cannot be, or that nobody may fetch, is refused; no request goes
// to where its descriptors point.
func TestHostileArtifacts(t *testing.T) {
	for name, tt := range map[string]struct {
		make func(t *testing.T, src *lab)
		want string
		hint string
	}{
		"a container image": {
			func(t *testing.T, src *lab) { src.image(t, "ns/app", "1", nil, random(1, 10)) },
			"none of its layers has the name of a file", "mirror copies container images",
		},
		"an index of container images": {
			func(t *testing.T, src *lab) { multi(t, src, "ns/app", "1") },
			"none of its layers has the name of a file", "mirror copies container images",
		},
		"an index without manifests": {
			func(t *testing.T, src *lab) { src.index(t, "ns/app", "1") }, "it is an index without files", "",
		},
		"a foreign layer": {func(t *testing.T, src *lab) {
			layer := titled(src.blob(t, "ns/app", random(1, 10)), "kernel")
			layer["mediaType"] = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
			layer["urls"] = []string{"http://192.0.2.99/kernel"}
			src.artifact(t, "ns/app", "1", nil, layer)
		}, `its file "kernel" is of type "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", which registries must not keep`, ""},
		"a negative size": {func(t *testing.T, src *lab) {
			layer := titled(src.blob(t, "ns/app", random(1, 10)), "kernel")
			layer["size"] = -1
			src.act(serve("/v2/ns/app/manifests/1", ociManifest, mustJSON(t, map[string]any{
				"schemaVersion": 2, "mediaType": ociManifest, "config": src.blob(t, "ns/app", nil), "layers": []any{layer},
			})))
		}, "is said to be -1 bytes long", ""},
		"no digest": {func(t *testing.T, src *lab) {
			src.act(serve("/v2/ns/app/manifests/1", ociManifest, mustJSON(t, map[string]any{
				"schemaVersion": 2, "mediaType": ociManifest, "config": src.blob(t, "ns/app", nil),
				"layers": []any{titled(map[string]any{"mediaType": "a/b", "digest": "sha256:../../x", "size": 1}, "kernel")},
			})))
		}, "a blob: ", ""},
	} {
		t.Run(name, func(t *testing.T) {
			src, _, c := pair(t)
			tt.make(t, src)
			_, err := c.Artifact(t.Context(), srcHost+"/ns/app:1", "")
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(fault.Hint(err), tt.hint) {
				t.Errorf("got %v (hint %q)", err, fault.Hint(err))
			}
		})
	}
}

// Addresses in a manifest are not asked, and a blob of another size than the manifest says is
// not taken.
func TestArtifactOfOtherSize(t *testing.T) {
	src, _, c := pair(t)
	for name, size := range map[string]int{"longer": 9, "shorter": 11} {
		layer := titled(src.blob(t, "ns/app", random(1, 10)), "kernel")
		layer["size"], layer["urls"] = size, []string{"http://192.0.2.99/kernel"}
		src.act(serve("/v2/ns/app/manifests/1", ociManifest, mustJSON(t, map[string]any{
			"schemaVersion": 2, "mediaType": ociManifest, "config": src.blob(t, "ns/app", nil), "layers": []any{layer},
		})))
		a, err := c.Artifact(t.Context(), srcHost+"/ns/app:1", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := opened(t, c, a, a.Files[0], 0); err == nil || KindOf(err) != Mismatch {
			t.Errorf("%s: got %v", name, err)
		}
		src.act(nil)
	}
}
