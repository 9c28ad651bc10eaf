package steps

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/registryserver"
	"github.com/bayplan/bayplan/plan"
)

// A registryBench is an upstream registry with some images, an empty local one,
// and the connections to both.
type registryBench struct {
	*Outside
	dir             string
	upstream, local http.Handler
	// before may answer in place of one of the registries, by connection name.
	before map[string]func(w http.ResponseWriter, r *http.Request) bool
}

const benchRegistryPassword = "horse staple"

const (
	upstreamHost = "registry.access.redhat.com"
	localHost    = "192.0.2.1:8787"
)

func benchImages() []registryserver.Image {
	image := func(name string, labels map[string]string, tags ...string) registryserver.Image {
		return registryserver.Image{Repository: "rhosp13/openstack-" + name, Tags: tags, Labels: labels}
	}
	versions := map[string]string{"version": "13.0", "release": "40", "empty": "", "strange": "a b"}
	return []registryserver.Image{
		image("base", versions, "latest", "13.0-40"),
		image("nova-api", versions, "latest", "13.0-40"),
		image("nova-compute", versions, "latest", "13.0-40"),
		image("bare", nil, "latest"),
		image("ahead", map[string]string{"version": "14.0", "release": "1"}, "latest", "13.0-39", "13.0-40"),
	}
}

func newRegistryBench(t *testing.T) *registryBench {
	t.Helper()
	b := &registryBench{
		dir:    t.TempDir(),
		before: map[string]func(http.ResponseWriter, *http.Request) bool{},
	}
	b.upstream = openRegistry(t, registryserver.Config{Images: benchImages()})
	b.local = openRegistry(t, registryserver.Config{User: "stack", Password: benchRegistryPassword})
	b.connect(t, benchRegistryPassword)
	b.list(t, "base", "nova-api", "nova-compute")
	return b
}

func openRegistry(t *testing.T, conf registryserver.Config) *registryserver.Registry {
	t.Helper()
	r, err := registryserver.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (b *registryBench) connect(t *testing.T, password string) {
	t.Helper()
	client, err := registry.New([]registry.Host{
		{Name: upstreamHost, Handler: b.answer("upstream", &b.upstream)},
		{
			Name: localHost, Handler: b.answer("local", &b.local), User: "stack",
			Password: func(context.Context) (string, error) { return password, nil },
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Outside = With(map[string]string{"upstream": upstreamHost, "local": localHost}, client, nil)
}

func (b *registryBench) answer(name string, h *http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before := b.before[name]; before == nil || !before(w, r) {
			(*h).ServeHTTP(w, r)
		}
	})
}

func (b *registryBench) file() plan.Path { return plan.Path(filepath.Join(b.dir, "images.yaml")) }

// list writes an images file.
func (b *registryBench) list(t *testing.T, names ...string) {
	t.Helper()
	text := "container_images:\n"
	for _, n := range names {
		text += fmt.Sprintf("- imagename: %s/rhosp13/openstack-%s:13.0-40\n  push_destination: %s\n", upstreamHost, n, localHost)
	}
	b.write(t, text)
}

func (b *registryBench) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(string(b.file()), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// inline is the images setting of a mirror that names them itself.
func inline(names ...string) plan.TextOr[plan.Path, []string] {
	return plan.TextOr[plan.Path, []string]{Other: names}
}

// ask asks a registry without going through the client.
func (b *registryBench) ask(t *testing.T, h http.Handler, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	r.SetBasicAuth("stack", benchRegistryPassword)
	r.Header.Set("Accept", "application/vnd.docker.distribution.manifest.v2+json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// remove deletes a manifest or blob of the local registry.
func (b *registryBench) remove(t *testing.T, path string) {
	t.Helper()
	if w := b.ask(t, b.local, "DELETE", path); w.Code != http.StatusAccepted {
		t.Fatalf("DELETE %s: %d %s", path, w.Code, w.Body)
	}
}

// put pushes an image of the upstream registry to the local one under another name.
func (b *registryBench) put(t *testing.T, from, to string) {
	t.Helper()
	images := []registry.Image{{Source: upstreamHost + "/" + from, Target: localHost + "/" + to}}
	table, err := b.Registry().Plan(t.Context(), images)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Registry().Execute(t.Context(), table, registry.Options{}); err != nil {
		t.Fatal(err)
	}
}

// holds is what the local registry has: its catalog, and what its tags stand for.
func (b *registryBench) holds(t *testing.T) map[string]string {
	t.Helper()
	names, err := b.Registry().Catalog(t.Context(), localHost)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, n := range names {
		tags, err := b.Registry().Tags(t.Context(), localHost+"/"+n)
		if registry.KindOf(err) == registry.NotFound {
			continue // only blobs so far
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range tags {
			d, err := b.Registry().Resolve(t.Context(), localHost+"/"+n+":"+tag)
			if err != nil {
				t.Fatal(err)
			}
			all[n+":"+tag] = d.Digest
		}
	}
	return all
}

func (b *registryBench) snapshot(t *testing.T) string {
	all := b.holds(t)
	var lines []string
	for _, k := range slices.Sorted(maps.Keys(all)) {
		lines = append(lines, k+" "+all[k])
	}
	return strings.Join(lines, "\n")
}

// resolved gives the digest that a tag of the upstream registry stands for.
func (b *registryBench) resolved(t *testing.T, image string) string {
	t.Helper()
	d, err := b.Registry().Resolve(t.Context(), upstreamHost+"/rhosp13/openstack-"+image)
	if err != nil {
		t.Fatal(err)
	}
	return d.Digest
}

// fill brings all images of the list to the local registry.
func (b *registryBench) fill(t *testing.T) {
	t.Helper()
	for _, name := range []string{"base", "nova-api", "nova-compute"} {
		b.put(t, "rhosp13/openstack-"+name+":13.0-40", "rhosp13/openstack-"+name+":13.0-40")
	}
}

// refuseAll answers requests whose path holds part.
func refuseAll(method, part string, status int) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != method || !strings.Contains(r.URL.Path, part) {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		return true
	}
}

// pushable makes the upstream registry take images outside of rhosp13.
func (b *registryBench) pushable(t *testing.T) {
	t.Helper()
	more := openRegistry(t, registryserver.Config{})
	b.before["upstream"] = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" || strings.HasPrefix(r.URL.Path, "/v2/rhosp13/") {
			return false
		}
		more.ServeHTTP(w, r)
		return true
	}
}

// multiPlatform pushes an index of images for linux to the upstream registry,
// which must be pushable, and gives its digest.
func (b *registryBench) multiPlatform(t *testing.T, image string, architectures ...string) string {
	t.Helper()
	repo, tag, _ := strings.Cut(image, ":")
	push := func(method, path, contentType string, body []byte) *httptest.ResponseRecorder {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, path, bytes.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		b.answer("upstream", &b.upstream).ServeHTTP(w, r)
		if w.Code != http.StatusCreated {
			t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		return w
	}
	put := func(as, mediaType string, body []byte) map[string]any {
		digest := fmt.Sprintf("sha256:%x", sha256.Sum256(body))
		if as == "" {
			as = digest
		}
		push("PUT", "/v2/"+repo+"/manifests/"+as, mediaType, body)
		return map[string]any{"mediaType": mediaType, "digest": digest, "size": len(body)}
	}
	blob := func(mediaType, text string) map[string]any {
		digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text)))
		push("POST", "/v2/"+repo+"/blobs/uploads/?digest="+digest, "application/octet-stream", []byte(text))
		return map[string]any{"mediaType": mediaType, "digest": digest, "size": len(text)}
	}
	encode := func(v any) []byte {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	const manifest, index = "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"
	var children []any
	for _, arch := range architectures {
		conf := blob("application/vnd.oci.image.config.v1+json", `{"os":"linux","architecture":"`+arch+`"}`)
		layer := blob("application/vnd.oci.image.layer.v1.tar", "layer of "+arch)
		child := put("", manifest, encode(map[string]any{"schemaVersion": 2, "mediaType": manifest, "config": conf, "layers": []any{layer}}))
		child["platform"] = map[string]string{"os": "linux", "architecture": arch}
		children = append(children, child)
	}
	return put(tag, index, encode(map[string]any{"schemaVersion": 2, "mediaType": index, "manifests": children}))["digest"].(string)
}
