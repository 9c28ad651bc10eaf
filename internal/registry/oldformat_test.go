package registry

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

// An image in Docker's old format is told by this name, however its manifest is sent.
func TestOldFormat(t *testing.T) {
	body, err := json.Marshal(map[string]any{
		"schemaVersion": 1, "name": "ns/old", "tag": "1", "architecture": "amd64",
		"fsLayers": []any{map[string]any{"blobSum": digestOf([]byte("x"))}},
		"history":  []any{map[string]any{"v1Compatibility": "{}"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, contentType := range []string{
		"application/vnd.docker.distribution.manifest.v1+json", "application/json", "application/json; charset=utf-8", "text/plain", "",
	} {
		src, _, c := pair(t)
		src.act(serve("/v2/ns/old/manifests/", contentType, body))
		const want = "it is in Docker's old image format (schema 1), which is not "
		table := plan(t, c, []Image{{Source: srcHost + "/ns/old:1", Target: dstHost + "/ns/old:1"}})
		if err := table.Err(); err == nil || !strings.Contains(err.Error(), want+"copied") || !strings.Contains(fault.Hint(err), "push it again") {
			t.Errorf("%q: got %v", contentType, err)
		}
		if _, _, err := c.Labels(t.Context(), srcHost+"/ns/old:1"); err == nil || !strings.Contains(err.Error(), want+"read") {
			t.Errorf("%q: labels: got %v", contentType, err)
		}
	}
}

// No words of a library reach people.
func TestNoWordsOfLibraries(t *testing.T) {
	conf := map[string]any{"mediaType": "application/vnd.docker.container.image.v1+json", "digest": digestOf([]byte("{}")), "size": 2}
	manifest := func(layer string) string {
		b, _ := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": schema2, "config": conf, "layers": []any{map[string]any{"digest": layer, "size": 1}}})
		return string(b)
	}
	tests := map[string]struct{ contentType, body, want string }{
		"a chart":            {"application/vnd.helm.thing+json", `{"schemaVersion":2}`, `has the media type "application/vnd.helm.thing+json", which is not one of images`},
		"a page":             {"text/html", "<html>", `has the media type "text/html"`},
		"not JSON":           {schema2, "<html>", "it sent something that is not JSON"},
		"another algorithm":  {schema2, manifest("md5:" + strings.Repeat("a", 32)), "the algorithm is not known"},
		"a short digest":     {schema2, manifest("sha256:abcd"), "another length"},
		"not a digest":       {schema2, manifest("../../etc/passwd"), "not of the form ALGORITHM:HEX"},
		"a number in a list": {schema2, `{"schemaVersion":2,"mediaType":"` + schema2 + `","layers":7}`, `a value of the wrong type (number) for "layers"`},
	}
	for name, tt := range tests {
		src, _, c := pair(t)
		src.act(serve("/v2/ns/app/manifests/", tt.contentType, []byte(tt.body)))
		err := plan(t, c, []Image{{Source: srcHost + "/ns/app:1", Target: dstHost + "/ns/app:1"}}).Err()
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
			continue
		}
		for _, words := range []string{"unmarshal", "unsupported media type", "not available for", "checksum", "failed to", "Go struct"} {
			if strings.Contains(err.Error(), words) {
				t.Errorf("%s: %q in %v", name, words, err)
			}
		}
	}
	src, _, c := pair(t)
	src.act(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == "GET" && strings.Contains(r.URL.Path, "/tags/list") {
			_, _ = w.Write([]byte(`{"tags": "1"}`))
			return true
		}
		return false
	})
	if _, err := c.AllTags(t.Context(), srcHost+"/ns/app"); err == nil || !strings.Contains(err.Error(), `a value of the wrong type (string) for "tags"`) {
		t.Errorf("tags: got %v", err)
	}
}
