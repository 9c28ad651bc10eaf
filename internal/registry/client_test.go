package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
)

func TestResolve(t *testing.T) {
	src, _, c := pair(t)
	want := src.image(t, "ns/app", "1", nil, random(1, 100))
	src.reset()
	d, err := c.Resolve(t.Context(), srcHost+"/ns/app:1")
	if err != nil || d.Digest != want || d.MediaType != schema2 {
		t.Errorf("got %+v, %v, want %s", d, err, want)
	}
	if diff := cmp.Diff(map[string]int{"HEAD manifests": 1}, src.counts); diff != "" {
		t.Error(diff)
	}
	for tag, want := range map[string]bool{"1": true, "2": false} {
		if got, err := c.HasTag(t.Context(), srcHost+"/ns/app:"+tag); got != want || err != nil {
			t.Errorf("tag %s: %v, %v", tag, got, err)
		}
	}
	src.image(t, "ns/app", "2", nil, random(1, 100))
	if tags, err := c.Tags(t.Context(), srcHost+"/ns/app:9"); err != nil || !slices.Equal(tags, []string{"1", "2"}) {
		t.Errorf("tags %v, %v", tags, err)
	}
}

func TestResolveWithoutDigestInTheHead(t *testing.T) {
	src, _, c := pair(t)
	want := src.image(t, "ns/app", "1", nil, random(1, 100))
	inner := src.Handler
	src.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(&withoutDigest{ResponseWriter: w}, r)
	})
	d, err := c.Resolve(t.Context(), srcHost+"/ns/app:1")
	if err != nil || d.Digest != want {
		t.Errorf("got %+v, %v, want %s", d, err, want)
	}
}

// withoutDigest is how registries answer that leave the header out.
type withoutDigest struct{ http.ResponseWriter }

func (w *withoutDigest) WriteHeader(s int) {
	w.Header().Del("Docker-Content-Digest")
	w.ResponseWriter.WriteHeader(s)
}

func (w *withoutDigest) Write(p []byte) (int, error) {
	w.Header().Del("Docker-Content-Digest")
	return w.ResponseWriter.Write(p)
}

func TestReferences(t *testing.T) {
	for ref, want := range map[string]string{
		"bücher.example/ns/app:1":     `"bücher.example" is not the name of a host: it has letters that are not ASCII`,
		"quay.io:99999/ns/app:1":      "the port is not a number from 1 to 65535",
		"192.0.2.300/ns/app:1":        "it is no IP address, and no name ends in a number",
		"docker://quay.io/ns/app:1":   "begins with a scheme",
		"https://quay.io/ns/app:1":    "begins with a scheme",
		"app:1":                       "does not begin with a registry's host",
		"ns/app:1":                    "does not begin with a registry's host",
		"upstream.example/APP:1":      "has upper-case letters before its tag",
		"upstream.example/app":        "has no tag",
		"upstream.example/":           "does not begin",
		"":                            "does not begin",
		"ocidir://x.y":                "begins with a scheme",
		"upstream.example/a@sha256:x": "upstream.example/a@sha256:x",
		"upstream.example/a:1@sha256:../../etc/passwd": "upstream.example/a",
	} {
		_, err := newClient(t).Resolve(t.Context(), ref)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", ref, err, want)
		}
	}
	if host, repo, tag, err := Split("[2001:db8::1]:5000/a/b:1"); err != nil || host != "[2001:db8::1]:5000" || repo != "a/b" || tag != "1" {
		t.Errorf("split: %q %q %q %v", host, repo, tag, err)
	}
	host, repo, tag, err := Split("192.0.2.1:8787/rhosp13/openstack-base")
	if err != nil || host != "192.0.2.1:8787" || repo != "rhosp13/openstack-base" || tag != "" {
		t.Errorf("split: %q %q %q %v", host, repo, tag, err)
	}
}

func TestLabels(t *testing.T) {
	src, _, c := pair(t)
	labels := map[string]string{"version": "13.0", "release": "40"}
	plainDigest := src.image(t, "ns/app", "1", labels, random(1, 100))
	src.image(t, "ns/app", "none", nil)
	arm := src.image(t, "ns/app", "arm", map[string]string{"arch": "arm64"})
	index := src.index(t, "ns/app", "multi",
		map[string]any{"mediaType": schema2, "digest": arm, "size": 1, "platform": map[string]any{"os": "linux", "architecture": "arm64"}},
		map[string]any{"mediaType": schema2, "digest": plainDigest, "size": 1, "platform": map[string]any{"os": "linux", "architecture": "amd64"}})
	first := src.index(t, "ns/app", "arm-only",
		map[string]any{"mediaType": schema2, "digest": arm, "size": 1, "platform": map[string]any{"os": "linux", "architecture": "arm64"}})
	tests := []struct {
		tag      string
		want     map[string]string
		digest   string
		requests int
	}{
		{"1", labels, plainDigest, 2},
		{"1", labels, plainDigest, 1}, // remembered
		{"multi", labels, index, 3},
		{"arm-only", map[string]string{"arch": "arm64"}, first, 3},
		{"none", map[string]string{}, "", 2},
	}
	for _, tt := range tests {
		src.reset()
		got, d, err := c.Labels(t.Context(), srcHost+"/ns/app:"+tt.tag)
		if err != nil {
			t.Fatal(tt.tag, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.tag, diff)
		}
		if tt.digest != "" && d.Digest != tt.digest {
			t.Errorf("%s: digest %s, want %s", tt.tag, d.Digest, tt.digest)
		}
		if n := src.total(); n != tt.requests {
			t.Errorf("%s: %d requests, want %d: %v", tt.tag, n, tt.requests, src.counts)
		}
	}
}

func TestCatalog(t *testing.T) {
	src, _, c := pair(t)
	for i := range 25 {
		src.repos[fmt.Sprintf("ns/%02d", i)] = true
	}
	for _, page := range []int{1000, 25, 10, 1} {
		src.page = page
		src.reset()
		got, err := c.Catalog(t.Context(), srcHost)
		if err != nil || len(got) != 25 || got[0] != "ns/00" || got[24] != "ns/24" {
			t.Errorf("pages of %d: %v, %v", page, got, err)
		}
		if want := (25 + page - 1) / page; src.total() != want {
			t.Errorf("pages of %d: %d requests, want %d", page, src.total(), want)
		}
	}
	src.repos = map[string]bool{}
	if got, err := c.Catalog(t.Context(), srcHost); err != nil || len(got) != 0 {
		t.Errorf("empty: %v, %v", got, err)
	}
	if _, err := c.Catalog(t.Context(), ""); err == nil {
		t.Error("a catalog of no host")
	}
}

func TestNoRegistryAtAll(t *testing.T) {
	src, _, _ := pair(t)
	images, _ := three(t, src)
	c := newClient(t, Host{Name: srcHost, Handler: src}, Host{Name: dstHost, Handler: http.NotFoundHandler()})
	_, err := c.Catalog(t.Context(), dstHost)
	if !errors.Is(err, ErrNoRegistry) || !strings.Contains(err.Error(), dstHost) || fault.Hint(err) == "" {
		t.Errorf("got %v", err)
	}
	_, err = c.Plan(t.Context(), images, Selection{})
	if !errors.Is(err, ErrNoRegistry) || !strings.HasPrefix(err.Error(), "destination: ") {
		t.Errorf("got %v", err)
	}
	src.noCatalog = true // but a registry all the same
	if _, err := c.Catalog(t.Context(), srcHost); KindOf(err) != NotFound || errors.Is(err, ErrNoRegistry) {
		t.Errorf("got %v", err)
	}
}

func TestHostileLists(t *testing.T) {
	tests := map[string]struct{ link, body, want string }{
		"the same page again": {`</v2/_catalog?last=b&n=1000>; rel="next"`, `{"repositories":["a","b"]}`, "is that page again"},
		"another host":        {`<https://evil.example/v2/_catalog?last=b>; rel=next`, `{"repositories":["a","b"]}`, "is that page again"},
		"nowhere on another":  {`<https://evil.example/v2/_catalog>; rel=next`, `{"repositories":["a","b"]}`, "said to be on evil.example"},
		"not a link":          {`<http://[::1>; rel="next"`, `{"repositories":["a"]}`, "the link to the next page"},
		"nowhere":             {`</v2/_catalog>; rel="next"`, `{"repositories":[]}`, "does not say where it begins"},
		"not JSON":            {"", `<html>`, "invalid character"},
		"endless":             {"", `{"repositories":["` + strings.Repeat("a", 17<<20) + `"]}`, "more than 16777216 bytes"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, Host{Name: srcHost, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if tt.link != "" {
					w.Header().Set("Link", tt.link)
				}
				_, _ = w.Write([]byte(tt.body))
			})})
			_, err := c.Catalog(t.Context(), srcHost)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestHostileTags(t *testing.T) {
	for name, tt := range map[string]struct{ link, want string }{
		"the same page again": {`</v2/ns/app/tags/list>; rel="next"`, "that page again"},
		"another host":        {`<https://evil.example/v2/ns/app/tags/list>; rel="next"`, "said to be on evil.example"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, Host{Name: srcHost, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Link", tt.link)
				_, _ = w.Write([]byte(`{"name":"ns/app","tags":[]}`))
			})})
			_, err := c.Tags(t.Context(), srcHost+"/ns/app")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestPasswordIsAskedOnce(t *testing.T) {
	asked := 0
	c := newClient(t, Host{Name: srcHost, User: "u", Handler: http.NotFoundHandler(), Password: func(context.Context) (string, error) {
		asked++
		return "p", nil
	}})
	if asked != 0 {
		t.Error("asked before the first use")
	}
	for range 3 {
		_, _ = c.Resolve(t.Context(), srcHost+"/a:1")
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

func TestLabelsThatCannotBeRead(t *testing.T) {
	manifest := func(digest string, size int) []byte {
		return fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.docker.container.image.v1+json","digest":%q,"size":%d},"layers":[]}`, schema2, digest, size)
	}
	text := []byte(`["not a configuration"]`)
	tests := map[string]struct {
		contentType string
		body        []byte
		want        string
	}{
		"a configuration that is none": {schema2, manifest(digestOf(text), len(text)), "JSON with a value of the wrong type (array)"},
		"a huge one":                   {schema2, manifest(digestOf(text), 5<<20), "said to be 5242880 bytes long"},
		"one of another length":        {schema2, manifest(digestOf(text), 5), "would send 23 bytes, the manifest says 5"},
		"one that is not there":        {schema2, manifest("sha256:"+strings.Repeat("a", 64), 5), "not found"},
		"a digest that is none":        {schema2, manifest("sha256:../../x", 5), "a blob: the digest"},
		"an empty index":               {ociType, []byte(`{"schemaVersion":2,"mediaType":"` + ociType + `","manifests":[]}`), "an index without images"},
		"a bad index":                  {ociType, []byte(`{"schemaVersion":2,"mediaType":"` + ociType + `","manifests":[{"mediaType":"` + schema2 + `","digest":"sha256:x","size":1}]}`), `its index: the digest "sha256:x"`},
		"another type than it says":    {ociType, manifest(digestOf(text), 5), "media type"},
		"no manifest at all":           {"text/html", []byte("<html>"), "media type"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			src, _, c := pair(t)
			src.blob(t, "ns/app", text)
			src.act(serve("/v2/ns/app/manifests/", tt.contentType, tt.body))
			_, _, err := c.Labels(t.Context(), srcHost+"/ns/app:1")
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), srcHost+"/ns/app") && !strings.Contains(err.Error(), srcHost) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestLyingDigest(t *testing.T) {
	src, _, c := pair(t)
	src.image(t, "ns/app", "1", nil)
	inner := src.Handler
	src.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(&lying{w}, r)
	})
	if _, _, err := c.Labels(t.Context(), srcHost+"/ns/app:1"); KindOf(err) != Mismatch {
		t.Errorf("got %v", err)
	}
	table := plan(t, c, []Image{{Source: srcHost + "/ns/app:1", Target: dstHost + "/ns/app:1"}})
	if err := table.Err(); err == nil || !strings.Contains(err.Error(), "source: ") {
		t.Errorf("got %v", err)
	}
}

// lying says another digest than that of the body.
type lying struct{ http.ResponseWriter }

func (w *lying) WriteHeader(s int) {
	w.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("1", 64))
	w.ResponseWriter.WriteHeader(s)
}

func TestCancelled(t *testing.T) {
	_, _, c := pair(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Resolve(ctx, srcHost+"/ns/app:1"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := c.Plan(ctx, []Image{{Source: srcHost + "/a:1", Target: dstHost + "/a:1"}}, Selection{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
