package registry

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/registry/manifests"
)

// platformEntry is an index's entry.
func platformEntry(digest, os, arch, variant string) map[string]any {
	p := map[string]any{"os": os, "architecture": arch}
	if variant != "" {
		p["variant"] = variant
	}
	return map[string]any{"mediaType": schema2, "digest": digest, "size": 1, "platform": p}
}

// multi makes an index of four platforms, one of them with an attestation.
func multi(t *testing.T, l *lab, repo, tag string) (index string, byPlatform map[string]string) {
	t.Helper()
	byPlatform = map[string]string{}
	base := random(50, 500)
	var entries []map[string]any
	for i, p := range []string{"linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/ppc64le"} {
		d := l.image(t, repo, "one"+fmt.Sprint(i), nil, base, random(60+i, 100))
		byPlatform[p] = d
		parts := append(strings.Split(p, "/"), "")
		entries = append(entries, platformEntry(d, parts[0], parts[1], parts[2]))
	}
	att := l.image(t, repo, "att", nil, random(70, 50))
	e := platformEntry(att, "unknown", "unknown", "")
	e["annotations"] = map[string]any{"vnd.docker.reference.digest": byPlatform["linux/amd64"], "vnd.docker.reference.type": "attestation-manifest"}
	return l.index(t, repo, tag, append(entries, e)...), byPlatform
}

func TestPlatforms(t *testing.T) {
	src, dst, c := pair(t)
	index, by := multi(t, src, "ns/app", "multi")
	single := src.image(t, "ns/single", "1", nil, random(80, 10))
	tests := map[string]struct {
		image     string
		platforms []string
		same      string // the digest, "" when it is a new one
		kept      string
		manifests int // at the destination
		failed    string
	}{
		"all":            {"ns/app:multi", nil, index, "", 6, ""},
		"every one":      {"ns/app:multi", []string{"linux/amd64", "linux/arm", "linux/ppc64le"}, index, "", 6, ""},
		"one":            {"ns/app:multi", []string{"linux/ppc64le"}, by["linux/ppc64le"], "linux/ppc64le of 4", 1, ""},
		"one, attested":  {"ns/app:multi", []string{"linux/amd64"}, by["linux/amd64"], "linux/amd64 of 4", 1, ""},
		"two":            {"ns/app:multi", []string{"linux/amd64", "linux/ppc64le"}, "", "linux/amd64 linux/ppc64le of 4", 4, ""},
		"all variants":   {"ns/app:multi", []string{"linux/arm"}, "", "linux/arm/v6 linux/arm/v7 of 4", 3, ""},
		"a variant":      {"ns/app:multi", []string{"linux/arm/v7"}, by["linux/arm/v7"], "linux/arm/v7 of 4", 1, ""},
		"a lower one":    {"ns/app:multi", []string{"linux/arm/v8"}, by["linux/arm/v7"], "linux/arm/v7 of 4", 1, ""},
		"by other names": {"ns/app:multi", []string{"linux/x86_64", "linux/armel"}, "", "linux/amd64 linux/arm/v6 of 4", 4, ""},
		"some are there": {"ns/app:multi", []string{"linux/s390x", "linux/ppc64le"}, by["linux/ppc64le"], "linux/ppc64le of 4", 1, ""},
		"none is there": {
			"ns/app:multi",
			[]string{"linux/s390x", "windows/amd64"},
			"", "", 0,
			"source: 198.51.100.1:5000/ns/app:multi: it has no image for linux/s390x, windows/amd64; there are linux/amd64, linux/arm/v6, linux/arm/v7, linux/ppc64le",
		},
		"no index": {"ns/single:1", []string{"linux/s390x"}, single, "", 1, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			want := Selection{Platforms: tt.platforms}
			to := "to/" + strings.Map(func(r rune) rune {
				if r == ' ' || r == ',' {
					return -1
				}
				return r
			}, name)
			images := []Image{{Source: srcHost + "/" + tt.image, Target: dstHost + "/" + to + ":1"}}
			table, err := c.Plan(t.Context(), images, want)
			if err != nil {
				t.Fatal(err)
			}
			if tt.failed != "" {
				if err := table.Err(); err == nil || !strings.Contains(err.Error(), tt.failed) {
					t.Fatalf("got %v, want %s", err, tt.failed)
				}
				return
			}
			dst.reset()
			if err := c.Execute(t.Context(), table, Options{}); err != nil {
				t.Fatal(err)
			}
			e := table.Images[0]
			if tt.same != "" && e.Digest != tt.same || tt.same == "" && (e.Digest == index || e.Digest == "") {
				t.Errorf("digest %s, want %q", e.Digest, tt.same)
			}
			kept := ""
			if e.Original != "" {
				kept = fmt.Sprintf("%s of %d", strings.Join(e.Kept, " "), e.Of)
				if e.Original != index {
					t.Errorf("original %s, want %s", e.Original, index)
				}
			}
			if kept != tt.kept {
				t.Errorf("kept %q, want %q", kept, tt.kept)
			}
			if dst.rest(); dst.counts["PUT manifests"] != tt.manifests {
				t.Errorf("%v, want %d manifests put", dst.counts, tt.manifests)
			}
			checked, err := c.Check(t.Context(), images, want, true)
			if err != nil || !checked[0].OK() || checked[0].Original != e.Original {
				t.Errorf("checked: %+v, %v", checked[0], err)
			}
			again, err := c.Plan(t.Context(), images, want)
			if err != nil || again.Images[0].State != Unchanged || again.Images[0].Digest != e.Digest {
				t.Errorf("the second table: %+v, %v", again.Images[0], err)
			}
		})
	}
}

// What is left of an index is as it was, and is the same at every run.
func TestRewriteKeepsEntries(t *testing.T) {
	src, _, c := pair(t)
	multi(t, src, "ns/app", "multi")
	r, err := parse(srcHost + "/ns/app:multi")
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.manifest(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	n, err := manifests.Narrow(m, []string{"linux/amd64", "linux/arm/v7"}, "x")
	if err != nil {
		t.Fatal(err)
	}
	type body struct {
		SchemaVersion int
		MediaType     string
		Manifests     []json.RawMessage
	}
	read := func(raw []byte, err error) (b body) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &b); err != nil {
			t.Fatal(err)
		}
		return b
	}
	got, want := read(n.Index.RawBody()), read(m.RawBody())
	want.Manifests = []json.RawMessage{want.Manifests[0], want.Manifests[2], want.Manifests[4]}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if manifests.Describe(n.Index).MediaType != ociType {
		t.Errorf("type %s", manifests.Describe(n.Index).MediaType)
	}
}

// An index within an index is copied byte for byte, to three levels.
func TestNestedIndexes(t *testing.T) {
	src, _, c := pair(t)
	one := src.image(t, "ns/app", "one", nil, random(1, 100))
	inner := src.index(t, "ns/app", "inner", map[string]any{"mediaType": schema2, "digest": one, "size": 1})
	outer := src.index(t, "ns/app", "outer", map[string]any{"mediaType": ociType, "digest": inner, "size": 1}, map[string]any{"mediaType": schema2, "digest": one, "size": 1})
	images := []Image{{Source: srcHost + "/ns/app:outer", Target: dstHost + "/ns/app:outer"}}
	if err := c.Execute(t.Context(), plan(t, c, images), Options{}); err != nil {
		t.Fatal(err)
	}
	mirrored(t, c, images)
	if d, err := c.Resolve(t.Context(), images[0].Target); err != nil || d.Digest != outer {
		t.Errorf("got %v, %v", d, err)
	}
}

func TestTooManyManifests(t *testing.T) {
	src, _, c := pair(t)
	bodies := map[string][]byte{}
	var entries []map[string]any
	for i := range manifests.MaxManifests {
		b := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.docker.container.image.v1+json","digest":%q,"size":%d},"layers":[]}`, schema2, digestOf(nil), i)
		bodies[digestOf(b)] = b
		entries = append(entries, map[string]any{"mediaType": schema2, "digest": digestOf(b), "size": len(b)})
	}
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": ociType, "manifests": entries})
	if err != nil {
		t.Fatal(err)
	}
	src.act(func(w http.ResponseWriter, r *http.Request) bool {
		if b := bodies[path.Base(r.URL.Path)]; b != nil {
			return serve("/v2/ns/app/manifests/", schema2, b)(w, r)
		}
		return serve("/v2/ns/app/manifests/", ociType, index)(w, r)
	})
	table := plan(t, c, []Image{{Source: srcHost + "/ns/app:x", Target: dstHost + "/ns/app:x"}})
	if err := table.Err(); err == nil || !strings.Contains(err.Error(), "source: 198.51.100.1:5000/ns/app: more than 1000 manifests") {
		t.Errorf("got %v", err)
	}
}
