package registry

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const ociManifest = "application/vnd.oci.image.manifest.v1+json"

// referrer makes a manifest that refers to another and gives its digest.
func (l *lab) referrer(t *testing.T, repo, subject, artifactType string, content []byte) string {
	t.Helper()
	conf := l.blob(t, repo, []byte("{}"))
	conf["mediaType"] = "application/vnd.oci.empty.v1+json"
	layer := l.blob(t, repo, content)
	layer["mediaType"] = "application/octet-stream"
	m, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": ociManifest, "artifactType": artifactType, "config": conf, "layers": []any{layer},
		"subject": map[string]any{"mediaType": schema2, "digest": subject, "size": 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	l.push(t, "PUT", "/v2/"+repo+"/manifests/"+digestOf(m), ociManifest, m)
	return digestOf(m)
}

// cosign names a tag as cosign does.
func cosign(digest, suffix string) string { return strings.Replace(digest, ":", "-", 1) + suffix }

// noReferrers answers as a registry does that knows no referrers.
func noReferrers(w http.ResponseWriter, r *http.Request) bool {
	if strings.Contains(r.URL.Path, "/referrers/") {
		w.WriteHeader(http.StatusNotFound)
		return true
	}
	return false
}

// puts notes the order in which manifests arrive.
func puts(l *lab) func() []string {
	var order []string
	l.act(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == "PUT" && what(r.URL.Path) == "manifests" {
			l.mu.Lock()
			defer l.mu.Unlock()
			order = append(order, r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
		}
		return false
	})
	return func() []string { l.rest(); return order }
}

func TestSignaturesComeBeforeTheTag(t *testing.T) {
	src, dst, c := pair(t)
	image := src.image(t, "ns/app", "1", nil, random(1, 1000))
	sig := src.image(t, "ns/app", cosign(image, ".sig"), nil, random(2, 100))
	src.image(t, "ns/app", cosign(image, ".att"), nil, random(3, 100))
	src.image(t, "ns/app", cosign("sha256:"+strings.Repeat("a", 64), ".sig"), nil, random(4, 100)) // of another image
	notary := src.referrer(t, "ns/app", image, "application/vnd.cncf.notary.signature", random(5, 100))
	images := []Image{{Source: srcHost + "/ns/app:1", Target: dstHost + "/mirror/app:1"}}

	plain := plan(t, c, images)
	if got := plain.Images[0]; got.Attached() != 0 || got.Blobs != 2 {
		t.Errorf("without asking: %d attached, %d blobs", got.Attached(), got.Blobs)
	}
	src.reset()
	table, err := c.Plan(t.Context(), images, Selection{Signatures: CopySignatures})
	if err != nil {
		t.Fatal(err)
	}
	if got := table.Images[0].Attached(); got != 3 {
		t.Errorf("%d attached, want 3 (%v)", got, table.Err())
	}
	order := puts(dst)
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	want := []string{cosign(image, ".att"), cosign(image, ".sig"), notary}
	got := order()
	if len(got) != 4 || got[3] != "1" {
		t.Fatalf("put in the order %v, want the tag last", got)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(slices.Values(got[:3]))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	mirrored(t, c, images)
	if d, err := c.Resolve(t.Context(), dstHost+"/mirror/app:"+cosign(image, ".sig")); err != nil || d.Digest != sig {
		t.Errorf("the signature is %v, %v", d, err)
	}
	r, err := parse(images[0].Target)
	if err != nil {
		t.Fatal(err)
	}
	if refs, err := c.referrers(t.Context(), repoOf(r).SetDigest(image), &tagLists{}); err != nil || len(refs) != 1 || refs[0].digest != notary {
		t.Errorf("referrers at the destination: %v, %v", refs, err)
	}
	src.reset()
	again, err := c.Plan(t.Context(), images, Selection{Signatures: CopySignatures})
	if err != nil || again.Images[0].State != Unchanged {
		t.Errorf("the second table: %+v, %v", again.Images[0], err)
	}
	if diff := cmp.Diff(map[string]int{"HEAD manifests": 1}, src.counts); diff != "" {
		t.Errorf("warm requests (-want +got):\n%s", diff)
	}
}

// Registries without the referrers list keep it under a tag, and so does who
// pushes to them.
func TestReferrersByTag(t *testing.T) {
	src, dst, c := pair(t)
	image := src.image(t, "ns/app", "1", nil, random(1, 1000))
	sbom := src.referrer(t, "ns/app", image, "application/spdx+json", random(5, 100))
	src.index(t, "ns/app", cosign(image, ""), map[string]any{"mediaType": ociManifest, "digest": sbom, "size": 1, "artifactType": "application/spdx+json"})
	src.act(noReferrers)
	hide := dst.Handler
	dst.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hide.ServeHTTP(&withoutHeader{w, "OCI-Subject"}, r)
	})
	dst.act(noReferrers)
	images := []Image{{Source: srcHost + "/ns/app:1", Target: dstHost + "/ns/app:1"}}
	table, err := c.Plan(t.Context(), images, Selection{Signatures: CopySignatures})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	r, err := parse(images[0].Target)
	if err != nil {
		t.Fatal(err)
	}
	if refs, err := c.referrers(t.Context(), repoOf(r).SetDigest(image), &tagLists{}); err != nil || len(refs) != 1 || refs[0].digest != sbom {
		t.Errorf("referrers at the destination: %v, %v", refs, err)
	}
}

// A withoutHeader leaves one header out.
type withoutHeader struct {
	http.ResponseWriter
	name string
}

func (w *withoutHeader) WriteHeader(status int) {
	w.Header().Del(w.name)
	w.ResponseWriter.WriteHeader(status)
}

func TestSignaturesRequired(t *testing.T) {
	src, dst, c := pair(t)
	signed := src.image(t, "ns/signed", "1", nil, random(1, 1000))
	src.image(t, "ns/signed", cosign(signed, ".sig"), nil, random(2, 100))
	bare := src.image(t, "ns/bare", "1", nil, random(3, 1000))
	src.referrer(t, "ns/bare", bare, "application/spdx+json", random(4, 100)) // no signature
	images := []Image{
		{Source: srcHost + "/ns/signed:1", Target: dstHost + "/ns/signed:1"},
		{Source: srcHost + "/ns/bare:1", Target: dstHost + "/ns/bare:1"},
	}
	required := Selection{Signatures: RequireSignatures}
	table, err := c.Plan(t.Context(), images, required)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(table.Err()); got != "192.0.2.1:8787/ns/bare:1: source: 198.51.100.1:5000/ns/bare:1: it has no signature" {
		t.Errorf("got %s", got)
	}
	if dst.in != 0 {
		t.Errorf("%d bytes were moved", dst.in)
	}

	images = images[:1]
	if err := c.Execute(t.Context(), plan(t, c, images), Options{}); err != nil { // without its signature
		t.Fatal(err)
	}
	checked, err := c.Check(t.Context(), images, required, true)
	if err != nil || len(checked[0].Lost) != 1 || checked[0].Lost[0] != "manifest "+dstHost+"/ns/signed:"+cosign(signed, ".sig") {
		t.Errorf("got %+v, %v", checked[0], err)
	}
	if table, err = c.Plan(t.Context(), images, required); err != nil || table.Images[0].State != Copy || table.Summary().Blobs != 2 {
		t.Fatalf("got %+v, %+v, %v", table.Images[0], table.Summary(), err)
	}
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	checked, err = c.Check(t.Context(), images, required, true)
	if err != nil || !checked[0].OK() {
		t.Errorf("got %+v, %v", checked[0], err)
	}
	if table, err = c.Plan(t.Context(), images, required); err != nil || table.Images[0].State != Unchanged {
		t.Errorf("got %+v, %v", table.Images[0], err)
	}
}

// A registry that lists no tags is asked for the usual ones.
func TestSignaturesWithoutTagLists(t *testing.T) {
	src, _, c := pair(t)
	image := src.image(t, "ns/app", "1", nil, random(1, 1000))
	src.image(t, "ns/app", cosign(image, ".sig"), nil, random(2, 100))
	src.act(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/tags/list") {
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		return noReferrers(w, r)
	})
	table, err := c.Plan(t.Context(), []Image{{Source: srcHost + "/ns/app:1", Target: dstHost + "/ns/app:1"}}, Selection{Signatures: RequireSignatures})
	if err != nil || table.Err() != nil || table.Images[0].Attached() != 1 {
		t.Errorf("got %+v, %v, %v", table.Images[0], table.Err(), err)
	}
}

// What is signed of an image that is narrowed to some platforms are its parts.
func TestSignaturesOfPlatforms(t *testing.T) {
	src, dst, c := pair(t)
	index, by := multi(t, src, "ns/app", "multi")
	src.image(t, "ns/app", cosign(by["linux/amd64"], ".sig"), nil, random(91, 100)) // the index itself is not signed
	src.image(t, "ns/app", cosign(index, ".att"), nil, random(90, 100))
	for name, tt := range map[string]struct {
		platforms []string
		want      int // -1: refused
	}{
		"all":         {nil, 2},
		"two":         {[]string{"linux/amd64", "linux/ppc64le"}, 1},
		"one":         {[]string{"linux/amd64"}, 1},
		"an unsigned": {[]string{"linux/ppc64le"}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			images := []Image{{Source: srcHost + "/ns/app:multi", Target: dstHost + "/" + strings.ReplaceAll(name, " ", "") + "/app:1"}}
			want := Selection{Platforms: tt.platforms, Signatures: RequireSignatures}
			table, err := c.Plan(t.Context(), images, want)
			if err != nil {
				t.Fatal(err)
			}
			if refused := table.Err() != nil; refused != (tt.want < 0) {
				t.Fatalf("got %v", table.Err())
			} else if refused {
				return
			}
			if got := table.Images[0].Attached(); got != tt.want {
				t.Errorf("%d attached, want %d", got, tt.want)
			}
			if err := c.Execute(t.Context(), table, Options{}); err != nil {
				t.Fatal(err)
			}
			checked, err := c.Check(t.Context(), images, want, true)
			if err != nil || !checked[0].OK() {
				t.Errorf("got %+v, %v", checked[0], err)
			}
			// A signature that is lost is brought again.
			dst.drop(t, "/v2/"+strings.ReplaceAll(name, " ", "")+"/app/manifests/"+cosign(by["linux/amd64"], ".sig"))
			table, err = c.Plan(t.Context(), images, want)
			if err != nil || table.Images[0].State != Copy || table.Images[0].top != nil {
				t.Fatalf("got %+v, %v", table.Images[0], err)
			}
			if err := c.Execute(t.Context(), table, Options{}); err != nil {
				t.Error(err)
			}
			if table, err = c.Plan(t.Context(), images, want); err != nil || table.Images[0].State != Unchanged {
				t.Errorf("the second table: %+v, %v", table.Images[0], err)
			}
		})
	}
}

func TestReferrersRefused(t *testing.T) {
	src := newLab(t)
	image := src.image(t, "ns/app", "1", nil, random(1, 1000))
	list := func(digests ...string) func(http.ResponseWriter, *http.Request) bool {
		var entries []map[string]any
		for _, d := range digests {
			entries = append(entries, map[string]any{"mediaType": ociManifest, "digest": d, "size": 1})
		}
		body, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": ociType, "manifests": entries})
		if err != nil {
			t.Fatal(err)
		}
		return serve("/v2/ns/app/referrers/", ociType, body)
	}
	// Each thing that speaks of something is spoken of by one that is new.
	chain := func() func(http.ResponseWriter, *http.Request) bool {
		var n atomic.Int64
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/referrers/") {
				return false
			}
			return list(fmt.Sprintf("sha256:%064x", n.Add(1)))(w, r)
		}
	}
	many := make([]string, maxAttached+1)
	for i := range many {
		many[i] = fmt.Sprintf("sha256:%064x", i)
	}
	for name, tt := range map[string]struct {
		before func(http.ResponseWriter, *http.Request) bool
		want   string
	}{
		"a digest that is none": {list("sha256:../../x"), `a referrer: the digest "sha256:../../x"`},
		"one that is not there": {list(many[0]), "not found"},
		"too many":              {list(many...), "more than 200 signatures and the like"},
		"an endless chain":      {chain(), "manifests that refer to it are nested more than 3 deep"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, Host{Name: srcHost, Handler: src}, Host{Name: dstHost, Handler: newLab(t)}) // one that remembers no lists
			src.act(tt.before)
			defer src.act(nil)
			table, err := c.Plan(t.Context(), []Image{{Source: srcHost + "/ns/app:1", Target: dstHost + "/ns/app:1", Digest: image}}, Selection{Signatures: CopySignatures})
			if err != nil {
				t.Fatal(err)
			}
			if err := table.Err(); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "source: ") {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// A registry that has nothing of the kind is asked for the tags of every
// repository, and for referrers once.
func TestSignaturesCostLittle(t *testing.T) {
	src, dst, c := pair(t)
	images, _ := src.set(t)
	src.act(noReferrers)
	src.reset()
	table, err := c.Plan(t.Context(), images, Selection{Signatures: CopySignatures})
	if err != nil || table.Err() != nil {
		t.Fatal(err, table.Err())
	}
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	src.rest()
	if n := src.counts["GET tags"]; n != setImages {
		t.Errorf("%d lists of tags: %v", n, src.counts)
	}
	// The API, and the tag that stands in for it, once each.
	if asked := src.total() - (177 + setImages); asked != 2 {
		t.Errorf("%d requests for referrers: %v", asked, src.counts)
	}
	if n := dst.total(); n > 511+1 {
		t.Errorf("%d requests to the destination: %v", n, dst.counts)
	}
}
