package registryserver_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/regclient/regclient"
	"github.com/regclient/regclient/config"
	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/registryserver"
)

func novaAPI() registryserver.Image {
	return registryserver.Image{
		Repository: "rhosp13/openstack-nova-api",
		Tags:       []string{"latest", "13.0-60"},
		Labels:     map[string]string{"version": "13.0", "release": "60"},
	}
}

// family is a set of images that share layers as real ones do.
func family() []registryserver.Image {
	images := []registryserver.Image{novaAPI()}
	for _, name := range []string{"nova-compute", "neutron-server", "base"} {
		images = append(images, registryserver.Image{
			Repository: "rhosp13/openstack-" + name, Tags: []string{"13.0-1"}, Labels: map[string]string{"version": "13.0"},
		})
	}
	return images
}

type manifestText struct {
	MediaType string
	Config    blobText
	Layers    []blobText
}

type blobText struct {
	MediaType, Digest string
	Size              int
}

func manifestOf(t *testing.T, h http.Handler, repo, ref string) manifestText {
	t.Helper()
	resp := get(t, h, "/v2/"+repo+"/manifests/"+ref)
	wantStatus(t, resp, http.StatusOK)
	var m manifestText
	if err := json.Unmarshal(body(t, resp), &m); err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Content-Type"); got != m.MediaType {
		t.Errorf("the manifest of %s comes as %q and says that it is %q", repo, got, m.MediaType)
	}
	return m
}

func blobOf(t *testing.T, h http.Handler, repo string, b blobText) []byte {
	t.Helper()
	resp := get(t, h, "/v2/"+repo+"/blobs/"+b.Digest)
	wantStatus(t, resp, http.StatusOK)
	data := body(t, resp)
	if got := digest(data); got != b.Digest || len(data) != b.Size {
		t.Errorf("blob %s of %d bytes came as %s of %d", b.Digest, b.Size, got, len(data))
	}
	return data
}

// These digests are in plans, transcripts and tests of others: they are the
// same on every machine, with every version of Go.
func TestImagesAreAlwaysTheSame(t *testing.T) {
	oci := novaAPI()
	oci.OCI = true
	for name, tc := range map[string]struct {
		image registryserver.Image
		want  string
	}{
		"docker": {novaAPI(), "sha256:04faebcd37b8d967b58bc7195527e5b90c1eaf9bd9230c04033a1e3defd408ae"},
		"oci":    {oci, "sha256:581d495d80528fc3398011fc3ba56f2840991a2c9d1f0847382c729e9545d3c7"},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, registryserver.Config{Images: []registryserver.Image{tc.image}})
			resp := get(t, r, "/v2/rhosp13/openstack-nova-api/manifests/latest")
			if got := digest(body(t, resp)); got != tc.want || resp.Header.Get("Docker-Content-Digest") != tc.want {
				t.Errorf("the manifest is %s, and was %s", got, tc.want)
			}
		})
	}
}

func TestImageIsWhole(t *testing.T) {
	const repo = "rhosp13/openstack-nova-api"
	r := open(t, registryserver.Config{Images: family()})
	m := manifestOf(t, r, repo, "13.0-60")
	var config struct {
		Config struct{ Labels map[string]string }
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	if err := json.Unmarshal(blobOf(t, r, repo, m.Config), &config); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(novaAPI().Labels, config.Config.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	for n, layer := range m.Layers {
		plain := gunzip(t, blobOf(t, r, repo, layer))
		if got := digest(plain); got != config.RootFS.DiffIDs[n] {
			t.Errorf("the tar of layer %d is %s, its diff_id %s", n, got, config.RootFS.DiffIDs[n])
		}
		if list := tarNames(t, plain); !strings.HasPrefix(list, "usr/ usr/share/ usr/share/bayplan/") {
			t.Errorf("layer %d holds %s", n, list)
		}
	}
}

func gunzip(t *testing.T, data []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func tarNames(t *testing.T, data []byte) string {
	t.Helper()
	var names []string
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return strings.Join(names, " ")
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
}

func TestImagesShareLayers(t *testing.T) {
	r := open(t, registryserver.Config{Images: family()})
	api := manifestOf(t, r, "rhosp13/openstack-nova-api", "latest").Layers
	compute := manifestOf(t, r, "rhosp13/openstack-nova-compute", "13.0-1").Layers
	neutron := manifestOf(t, r, "rhosp13/openstack-neutron-server", "13.0-1").Layers
	for name, tc := range map[string]struct {
		a, b  blobText
		equal bool
	}{
		"all share the base":          {api[0], neutron[0], true},
		"a family shares its layer":   {api[1], compute[1], true},
		"two families do not":         {api[1], neutron[1], false},
		"each has a layer of its own": {api[2], compute[2], false},
	} {
		t.Run(name, func(t *testing.T) {
			if (tc.a.Digest == tc.b.Digest) != tc.equal {
				t.Errorf("got %s and %s", tc.a.Digest, tc.b.Digest)
			}
		})
	}
}

func TestGeneratedAnswers(t *testing.T) {
	r := open(t, registryserver.Config{Images: family()})
	layer := manifestOf(t, r, "rhosp13/openstack-nova-api", "latest").Layers[2].Digest
	base := "/v2/rhosp13/openstack-nova-api"
	for name, tc := range map[string]struct {
		method, path string
		status       int
		text         string
	}{
		"ping":                   {"GET", "/v2/", 200, "{}"},
		"ping without slash":     {"GET", "/v2", 200, "{}"},
		"head of a manifest":     {"HEAD", base + "/manifests/latest", 200, ""},
		"head of a blob":         {"HEAD", base + "/blobs/" + layer, 200, ""},
		"unknown tag":            {"GET", base + "/manifests/14", 404, "MANIFEST_UNKNOWN"},
		"unknown blob":           {"GET", base + "/blobs/" + digest(nil), 404, "BLOB_UNKNOWN"},
		"blob of another":        {"GET", "/v2/rhosp13/openstack-base/blobs/" + layer, 404, "BLOB_UNKNOWN"},
		"unknown repository":     {"GET", "/v2/rhosp13/nova/manifests/latest", 404, "NAME_UNKNOWN"},
		"tags of an unknown one": {"GET", "/v2/rhosp13/nova/tags/list", 404, "NAME_UNKNOWN"},
		"no referrers":           {"GET", base + "/referrers/" + digest(nil), 200, `"manifests":[]`},
		"referrers of nothing":   {"GET", base + "/referrers/what", 400, "DIGEST_INVALID"},
		"nothing":                {"GET", "/v2/what", 404, "UNSUPPORTED"},
		"outside":                {"GET", "/../etc/passwd", 404, "UNSUPPORTED"},
		"start of a push":        {"POST", base + "/blobs/uploads/", 405, "UNSUPPORTED"},
		"push of a manifest":     {"PUT", base + "/manifests/x", 405, "UNSUPPORTED"},
		"delete":                 {"DELETE", base + "/manifests/latest", 405, "UNSUPPORTED"},
		"push to an unknown one": {"POST", "/v2/other/blobs/uploads/", 405, "UNSUPPORTED"},
		"tags":                   {"GET", base + "/tags/list", 200, `{"name":"rhosp13/openstack-nova-api","tags":["13.0-60","latest"]}`},
		"tags after":             {"GET", base + "/tags/list?last=13.0-60", 200, `"tags":["latest"]`},
		"no tags":                {"GET", base + "/tags/list?n=0", 200, `"tags":[]`},
		"bad page":               {"GET", base + "/tags/list?n=x", 400, "PAGINATION_NUMBER_INVALID"},
		"catalog":                {"GET", "/v2/_catalog?n=2", 200, `{"repositories":["rhosp13/openstack-base","rhosp13/openstack-neutron-server"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			resp := call{method: tc.method, path: tc.path}.do(t, r)
			got := string(body(t, resp))
			if resp.StatusCode != tc.status || !strings.Contains(got, tc.text) {
				t.Errorf("got %d %s, want %d %s", resp.StatusCode, got, tc.status, tc.text)
			}
		})
	}
	if got := next(t, get(t, r, base+"/tags/list?n=1")); got != base+"/tags/list?last=13.0-60&n=1" {
		t.Errorf("the next page of tags is %q", got)
	}
}

func TestGeneratedParts(t *testing.T) {
	r := open(t, registryserver.Config{Images: family()})
	layer := manifestOf(t, r, "rhosp13/openstack-nova-api", "latest").Layers[0]
	whole := blobOf(t, r, "rhosp13/openstack-nova-api", layer)
	path := "/v2/rhosp13/openstack-nova-api/blobs/" + layer.Digest
	part := call{method: "GET", path: path, header: http.Header{"Range": {"bytes=100-199"}}}.do(t, r)
	wantStatus(t, part, http.StatusPartialContent)
	if !bytes.Equal(body(t, part), whole[100:200]) {
		t.Error("the part asked for is another")
	}
	same := call{method: "GET", path: path, header: http.Header{"If-None-Match": {`"` + layer.Digest + `"`}}}.do(t, r)
	wantStatus(t, same, http.StatusNotModified)
}

func TestBadImages(t *testing.T) {
	for _, name := range []string{"", "Upper", "a//b", "/a", "a/", "../a", "a b", "host:5000/a"} {
		checkRefused(t, registryserver.Image{Repository: name, Tags: []string{"1"}})
	}
	for _, tag := range []string{"", "a/b", "-a", ".a", "a b", strings.Repeat("a", 129)} {
		checkRefused(t, registryserver.Image{Repository: "a", Tags: []string{"1", tag}})
	}
}

func checkRefused(t *testing.T, i registryserver.Image) {
	t.Helper()
	r, err := registryserver.New(registryserver.Config{Images: []registryserver.Image{i}})
	if err == nil {
		closeIt(t, r)
		t.Errorf("%q with the tags %q is an image", i.Repository, i.Tags)
	}
}

// Images beside a directory: both are in the catalog, and only what is stored
// can be pushed.
func TestImagesAndDirectory(t *testing.T) {
	r := open(t, registryserver.Config{Dir: t.TempDir(), Images: family()})
	push(t, r, "rhosp13/mine", "1")
	want := []string{
		"rhosp13/mine", "rhosp13/openstack-base", "rhosp13/openstack-neutron-server",
		"rhosp13/openstack-nova-api", "rhosp13/openstack-nova-compute",
	}
	for _, n := range []string{"?n=1", "?n=2", "?n=4", "?n=5", ""} {
		if diff := cmp.Diff(want, catalog(t, r, "/v2/_catalog"+n)); diff != "" {
			t.Errorf("catalog%s (-want +got):\n%s", n, diff)
		}
	}
	refused := call{method: "PUT", path: "/v2/rhosp13/openstack-base/manifests/1", kind: ociManifest, text: "{}"}.do(t, r)
	wantStatus(t, refused, http.StatusMethodNotAllowed)
}

// A client that is not ours copies images from the generated registry to a
// stored one.
func TestCopyWithRegclient(t *testing.T) {
	for name, oci := range map[string]bool{"docker": false, "oci": true} {
		t.Run(name, func(t *testing.T) {
			images := family()
			for n := range images {
				images[n].OCI = oci
			}
			from := httptest.NewServer(open(t, registryserver.Config{Images: images}))
			defer from.Close()
			target := open(t, registryserver.Config{Dir: t.TempDir()})
			to := httptest.NewServer(target)
			defer to.Close()
			fromHost, toHost := strings.TrimPrefix(from.URL, "http://"), strings.TrimPrefix(to.URL, "http://")
			rc := regclient.New(regclient.WithConfigHost(
				config.Host{Name: fromHost, Hostname: fromHost, TLS: config.TLSDisabled},
				config.Host{Name: toHost, Hostname: toHost, TLS: config.TLSDisabled},
			))
			want := []string{}
			for _, i := range images {
				copyImage(t, rc, fromHost+"/"+i.Repository+":"+i.Tags[0], toHost+"/"+i.Repository+":"+i.Tags[0])
				want = append(want, i.Repository)
			}
			if diff := cmp.Diff(len(want), len(catalog(t, target, "/v2/_catalog"))); diff != "" {
				t.Errorf("repositories (-want +got):\n%s", diff)
			}
		})
	}
}

func copyImage(t *testing.T, rc *regclient.RegClient, from, to string) {
	t.Helper()
	if err := tryCopy(t.Context(), t, rc, from, to); err != nil {
		t.Fatalf("copying %s: %v", from, err)
	}
	var digests [2]string
	for n, name := range []string{from, to} {
		m, err := rc.ManifestHead(t.Context(), mustRef(t, name))
		if err != nil {
			t.Fatal(err)
		}
		digests[n] = m.GetDescriptor().Digest.String()
	}
	if digests[0] != digests[1] {
		t.Errorf("%s has another digest as %s", from, to)
	}
}

func tryCopy(ctx context.Context, t *testing.T, rc *regclient.RegClient, from, to string) error {
	t.Helper()
	return rc.ImageCopy(ctx, mustRef(t, from), mustRef(t, to))
}

func mustRef(t *testing.T, name string) ref.Ref {
	t.Helper()
	r, err := ref.New(name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The whole catalog of a release has to be there before anybody notices.
func TestNinetyImagesAreSmallAndQuick(t *testing.T) {
	var images []registryserver.Image
	for n := range 90 {
		images = append(images, registryserver.Image{
			Repository: fmt.Sprintf("rhosp13/openstack-svc%d-part%d", n/3, n%3), Tags: []string{"1"},
		})
	}
	r := open(t, registryserver.Config{Images: images})
	start := time.Now()
	wantStatus(t, get(t, r, "/v2/_catalog"), http.StatusOK)
	if took := time.Since(start); took > time.Second {
		t.Errorf("making 90 images took %s", took)
	}
	blobs := map[string]int{}
	for _, i := range images {
		m := manifestOf(t, r, i.Repository, "1")
		for _, b := range append(m.Layers, m.Config) {
			blobs[b.Digest] = b.Size
		}
	}
	sum := 0
	for _, size := range blobs {
		sum += size
	}
	t.Logf("%d blobs, %d bytes", len(blobs), sum)
	if sum > 5<<20 {
		t.Errorf("90 images have %d bytes", sum)
	}
}

func BenchmarkGenerate(b *testing.B) {
	var images []registryserver.Image
	for n := range 90 {
		images = append(images, registryserver.Image{
			Repository: fmt.Sprintf("rhosp13/openstack-svc%d-part%d", n/3, n%3), Tags: []string{"1"},
		})
	}
	for b.Loop() {
		r, err := registryserver.New(registryserver.Config{Images: images})
		if err != nil {
			b.Fatal(err)
		}
		r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/v2/_catalog", nil))
	}
}
