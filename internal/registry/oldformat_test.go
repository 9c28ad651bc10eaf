package registry

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

// oldFormat makes a manifest in Docker's old format.
func oldFormat(t *testing.T) []byte {
	t.Helper()
	body, err := json.MarshalIndent(map[string]any{
		"schemaVersion": 1, "name": "ns/old", "tag": "1", "architecture": "amd64",
		"fsLayers": []any{map[string]any{"blobSum": digestOf([]byte("x"))}},
		"history":  []any{map[string]any{"v1Compatibility": "{}"}},
	}, "", "   ")
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// signedOldFormat adds a signature, which says how to get back what is signed.
func signedOldFormat(body []byte, length int) []byte {
	encode := base64.RawURLEncoding.EncodeToString
	protected := encode(fmt.Appendf(nil, `{"formatLength":%d,"formatTail":%q,"time":"2014-01-01T00:00:00Z"}`, length, encode([]byte("\n}"))))
	return fmt.Appendf(nil, `%s,"signatures":[{"header":{"alg":"ES256"},"signature":"AA","protected":%q}]}`, body[:len(body)-2], protected)
}

// answerOldFormat answers all GETs and HEADs of manifests with one in the old format.
func answerOldFormat(contentType, digest string, body []byte) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/manifests/") || r.Method != "GET" && r.Method != "HEAD" {
			return false
		}
		w.Header()["Content-Type"] = []string{contentType}
		w.Header().Set("Docker-Content-Digest", digest)
		if r.Method == "GET" {
			_, _ = w.Write(body)
		}
		return true
	}
}

// An image in Docker's old format is told by this name, however its manifest is sent, and
// whichever digest it has.
func TestOldFormat(t *testing.T) {
	body := oldFormat(t)
	signed := signedOldFormat(body, len(body)-2)
	for name, one := range map[string]struct {
		body   []byte
		digest string
	}{
		"plain": {body, digestOf(body)}, "signed": {signed, digestOf(body)}, "signed, its own digest": {signed, digestOf(signed)},
		"signed, nonsense": {signedOldFormat(body, -7), digestOf(signedOldFormat(body, -7))}, "signed, too long": {signedOldFormat(body, 1<<40), digestOf(signedOldFormat(body, 1<<40))},
	} {
		for _, contentType := range []string{
			"application/vnd.docker.distribution.manifest.v1+json", "application/vnd.docker.distribution.manifest.v1+prettyjws",
			"application/json", "application/json; charset=utf-8", "text/plain", "",
		} {
			src, _, c := pair(t)
			src.act(answerOldFormat(contentType, one.digest, one.body))
			for _, source := range []string{srcHost + "/ns/old:1", srcHost + "/ns/old@" + one.digest} {
				const want = "it is in Docker's old image format (schema 1), which is not "
				for _, platforms := range [][]string{nil, {"linux/amd64"}} {
					table, err := c.Plan(t.Context(), []Image{{Source: source, Target: dstHost + "/ns/old:1"}}, Selection{Platforms: platforms})
					if err != nil {
						t.Fatal(err)
					}
					if err := table.Err(); err == nil || !strings.Contains(err.Error(), want+"copied") || !strings.Contains(fault.Hint(err), "push it again") {
						t.Errorf("%s as %q, %s: got %v", name, contentType, source, err)
					}
				}
				if _, _, err := c.Labels(t.Context(), source); err == nil || !strings.Contains(err.Error(), want+"read") {
					t.Errorf("%s as %q, %s: labels: got %v", name, contentType, source, err)
				}
			}
		}
	}
}

// It is told so within an index, and of an image that the destination has.
func TestOldFormatElsewhere(t *testing.T) {
	body := oldFormat(t)
	signed := signedOldFormat(body, len(body)-2)
	const want = "/ns/app@sha256:"
	for name, one := range map[string][]byte{"plain": body, "signed": signed} {
		src, dst, c := pair(t)
		good := src.image(t, "ns/app", "good", nil, random(1, 100))
		child := map[string]any{"mediaType": "application/vnd.docker.distribution.manifest.v1+prettyjws", "digest": digestOf(body), "size": len(one)}
		index, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": ociType, "manifests": []any{platformEntry(good, "linux", "amd64", ""), child}})
		if err != nil {
			t.Fatal(err)
		}
		old := answerOldFormat("application/json", digestOf(body), one)
		for _, l := range []*lab{src, dst} {
			l.act(func(w http.ResponseWriter, r *http.Request) bool {
				switch {
				case strings.HasSuffix(r.URL.Path, digestOf(body)), strings.HasSuffix(r.URL.Path, "/manifests/old"):
					return old(w, r)
				case strings.HasSuffix(r.URL.Path, "/manifests/x"), strings.HasSuffix(r.URL.Path, digestOf(index)):
					return serve("/v2/ns/app/manifests/", ociType, index)(w, r)
				}
				return false
			})
		}
		images := []Image{{Source: srcHost + "/ns/app:x", Target: dstHost + "/ns/other:x"}}
		if err := plan(t, c, images).Err(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "old image format") {
			t.Errorf("%s, in an index: got %v", name, err)
		}
		checked, err := c.Check(t.Context(), []Image{{Source: srcHost + "/ns/app:old", Target: dstHost + "/ns/app:old"}}, Selection{}, true)
		if err != nil || checked[0].Err == nil || !strings.Contains(checked[0].Err.Error(), "destination: "+dstHost+"/ns/app@"+digestOf(body)+": it is in Docker's old image format") {
			t.Errorf("%s, at the destination: got %+v, %v", name, checked[0], err)
		}
	}
}

// A layout that holds such an image is told so, too.
func TestOldFormatInALayout(t *testing.T) {
	body := oldFormat(t)
	for name, one := range map[string][]byte{"plain": body, "signed": signedOldFormat(body, len(body)-2)} {
		for _, mediaType := range []string{"application/vnd.docker.distribution.manifest.v1+prettyjws", "application/vnd.oci.image.manifest.v1+json"} {
			_, _, c := pair(t)
			dir := t.TempDir()
			sum := digestOf(one)
			for file, text := range map[string]string{
				"oci-layout": `{"imageLayoutVersion":"1.0.0"}`, "blobs/sha256/" + sum[len("sha256:"):]: string(one),
				"index.json": fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":%q,"digest":%q,"size":%d,"annotations":{"org.opencontainers.image.ref.name":"ns/old:1"}}]}`, mediaType, sum, len(one)),
			} {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			err := plan(t, c, []Image{{Source: LayoutPrefix + dir + ":ns/old:1", Target: dstHost + "/ns/old:1"}}).Err()
			if err == nil || !strings.Contains(err.Error(), "it is in Docker's old image format (schema 1), which is not copied") {
				t.Errorf("%s as %s: got %v", name, mediaType, err)
			}
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
		"nothing":            {"application/vnd.oci.image.manifest.v1+json", "", "its manifest is empty"},
		"no configuration":   {"application/vnd.oci.image.manifest.v1+json", `{"schemaVersion":2}`, "its manifest names no configuration"},
		"an artifact":        {"application/vnd.oci.artifact.manifest.v1+json", `{"mediaType":"application/vnd.oci.artifact.manifest.v1+json","artifactType":"a/b","blobs":[]}`, `a manifest of type "application/vnd.oci.artifact.manifest.v1+json" cannot be copied`},
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
		for _, words := range []string{"unmarshal", "unsupported media type", "not available for", "checksum", "failed to", "Go struct", "not set"} {
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
