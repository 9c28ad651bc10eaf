package registry

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry/wire"
)

// The error of a plan names each image that failed, also those that the text only counts.
func TestFailedImagesAreProblems(t *testing.T) {
	cause := errors.New("no route")
	table := &TransferPlan{Images: []*ImagePlan{{Image: Image{Source: "s/ok", Target: "t/ok"}}}}
	want := []fault.Problem{}
	for _, name := range []string{"a", "b", "c"} {
		table.Images = append(table.Images, &ImagePlan{Image: Image{Source: "s/" + name, Target: "t/" + name}, Err: cause})
		want = append(want, fault.Problem{Kind: "failed", What: "image", Name: "t/" + name, Source: "s/" + name})
	}
	err := table.Err()
	if err.Error() != "no route, for t/a, t/b and 1 more" || !errors.Is(err, cause) {
		t.Errorf("the error is %q", err)
	}
	if diff := cmp.Diff(want, fault.Problems(err)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestPlanLists(t *testing.T) {
	src, _, c := pair(t)
	images, _ := three(t, src)
	list := append(images, images[0],
		Image{Source: srcHost + "/ns/b:1", Target: dstHost + "/ns/c:1"},
		Image{Source: "nonsense", Target: dstHost + "/ns/d:1"},
		Image{Source: srcHost + "/ns/a:1", Target: dstHost + "/ns/e"},
	)
	table := plan(t, c, list)
	if got := states(table); got != "copy copy failed failed failed failed" {
		t.Errorf("got %s", got)
	}
	text := fmt.Sprint(table.Err())
	for _, want := range []string{
		"192.0.2.1:8787/ns/c:1: both 198.51.100.1:5000/ns/c:1 and 198.51.100.1:5000/ns/b:1 are to be there",
		`192.0.2.1:8787/ns/d:1: source: image reference "nonsense" does not begin with a registry's host and a slash`,
		`192.0.2.1:8787/ns/e: destination: image reference "192.0.2.1:8787/ns/e" has no tag`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("got %s\nwant %s", text, want)
		}
	}
}

func TestPulls(t *testing.T) {
	src, _, c := pair(t)
	images, _ := three(t, src)
	table := plan(t, c, images)
	pulls := table.Pulls()
	var sum int64
	for _, e := range table.Images {
		sum += pulls[e]
		if e.Blobs != 3 || e.Size < 52_000 {
			t.Errorf("%s: %d blobs, %d bytes", e.Target, e.Blobs, e.Size)
		}
	}
	if sum != table.Summary().Bytes || pulls[table.Images[0]] < 52_000 || pulls[table.Images[1]] > 3_000 {
		t.Errorf("%v, together %d of %d", pulls, sum, table.Summary().Bytes)
	}
	for i := 1; i < len(table.Blobs); i++ {
		if table.Blobs[i-1].Size < table.Blobs[i].Size {
			t.Error("a smaller blob stands before a larger one")
		}
	}
}

func TestIndexIsCopiedWhole(t *testing.T) {
	src, _, c := pair(t)
	base := random(1, 1000)
	one := src.image(t, "ns/app", "one", nil, base, random(2, 100))
	two := src.image(t, "ns/app", "two", nil, base, random(3, 100))
	index := src.index(t, "ns/app", "multi",
		map[string]any{"mediaType": schema2, "digest": one, "size": 1}, map[string]any{"mediaType": schema2, "digest": two, "size": 1},
		map[string]any{"mediaType": schema2, "digest": one, "size": 1})
	images := []Image{{Source: srcHost + "/ns/app:multi", Target: dstHost + "/other/name:13.0"}}
	src.reset()
	table := plan(t, c, images)
	if table.Images[0].Digest != index || table.Images[0].Blobs != 5 {
		t.Errorf("got %+v", table.Images[0])
	}
	if src.counts["GET manifests"] != 3 {
		t.Errorf("%v, want each manifest once", src.counts)
	}
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	mirrored(t, c, images)
	d, err := c.Resolve(t.Context(), images[0].Target)
	if err != nil || d.Digest != index {
		t.Errorf("got %v, %v", d, err)
	}
}

func TestHostileManifests(t *testing.T) {
	src, _, c := pair(t)
	leaf := src.image(t, "ns/app", "leaf", nil)
	child, kind := leaf, schema2
	for i := range 4 {
		child = src.index(t, "ns/app", fmt.Sprint("deep", i), map[string]any{"mediaType": kind, "digest": child, "size": 1})
		kind = ociType
	}
	manifest := func(layer map[string]any) []byte {
		return fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":1},"layers":[{"digest":%q,"size":%v,"mediaType":"application/octet-stream"}]}`,
			"application/vnd.oci.image.manifest.v1+json", leaf, layer["digest"], layer["size"])
	}
	tests := map[string]struct {
		tag  string
		body []byte
		want string
	}{
		"nested too deep":     {"deep3", nil, "indexes are nested more than 3 deep"},
		"a digest that is no": {"x", manifest(map[string]any{"digest": "sha256:../../x", "size": 1}), `a blob: the digest "sha256:../../x"`},
		"a negative size":     {"x", manifest(map[string]any{"digest": leaf, "size": -1}), "-1 bytes long"},
		"too large":           {"x", []byte(`{"x":"` + strings.Repeat("x", wire.MaxManifest) + `"}`), "too large"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.body != nil {
				src.act(serve("/v2/ns/app/manifests/", "application/vnd.oci.image.manifest.v1+json", tt.body))
				defer src.act(nil)
			}
			table := plan(t, c, []Image{{Source: srcHost + "/ns/app:" + tt.tag, Target: dstHost + "/ns/app:1"}})
			err := table.Err()
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "source: ") {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestForeignLayersAreLeft(t *testing.T) {
	src, _, c := pair(t)
	conf := src.blob(t, "ns/app", []byte(`{}`))
	body := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.docker.container.image.v1+json","digest":%q,"size":2},"layers":[{"digest":%q,"size":5,"urls":["https://evil.example/x"],"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"}]}`,
		schema2, conf["digest"], "sha256:"+strings.Repeat("a", 64))
	src.act(serve("/v2/ns/app/manifests/", schema2, body))
	table := plan(t, c, []Image{{Source: srcHost + "/ns/app:1", Target: dstHost + "/ns/app:1"}})
	if diff := cmp.Diff(Summary{Images: 1, Copies: 1, Blobs: 1, Bytes: 2}, table.Summary()); diff != "" {
		t.Errorf("%s (%v)", diff, table.Err())
	}
}

func TestCheck(t *testing.T) {
	src, dst, c := pair(t)
	images, base := three(t, src)
	if err := c.Execute(t.Context(), plan(t, c, images[:2]), Options{}); err != nil {
		t.Fatal(err)
	}
	dst.image(t, "ns/b", "1", nil, random(77, 10))
	images = append(images, Image{Source: srcHost + "/ns/gone:1", Target: dstHost + "/ns/a:1"})
	dst.act(refuseReads("/v2/ns/a/blobs/"+digestOf(base), 404))
	checked, err := c.Check(t.Context(), images, Selection{}, true)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, k := range checked {
		switch {
		case k.Err != nil:
			got = append(got, k.Err.Error())
		case k.Have == "":
			got = append(got, "missing")
		case k.Have != k.Want:
			got = append(got, "different")
		default:
			got = append(got, fmt.Sprint(len(k.Lost), " of ", k.Blobs, " lost"))
		}
		if k.OK() {
			t.Errorf("%s is OK", k.Target)
		}
	}
	want := []string{"1 of 3 lost", "different", "missing", `source: 198.51.100.1:5000/ns/gone:1: not found ("MANIFEST_UNKNOWN: manifest unknown to registry; tag or digest was not found in repository")`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A blob of which the registry says that it has another size is damaged: a check tells it,
// and a plan brings it again.
func TestBlobOfAnotherSize(t *testing.T) {
	src, dst, c := pair(t)
	images, base := three(t, src)
	if err := c.Execute(t.Context(), plan(t, c, images[:1]), Options{}); err != nil {
		t.Fatal(err)
	}
	dst.act(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodHead || !strings.HasSuffix(r.URL.Path, "/blobs/"+digestOf(base)) {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(base)-1))
		w.WriteHeader(http.StatusOK)
		return true
	})
	checked, err := c.Check(t.Context(), images[:1], Selection{}, true)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"blob " + digestOf(base)}, checked[0].Lost); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := plan(t, c, images[:1]).Summary(); got.Copies != 1 || got.Blobs+got.Shared != 1 {
		t.Errorf("the plan is %+v", got)
	}
}
