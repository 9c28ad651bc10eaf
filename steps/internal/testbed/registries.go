package testbed

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
	"github.com/bayplan/bayplan/steps/connections"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
)

// Registries are an upstream registry with some images, two empty ones, and the
// connections "upstream", "local" and "edge" to them.
type Registries struct {
	*connections.Set
	Dir                   string
	Upstream, Local, Edge http.Handler
	// Before may answer in place of one of the registries, by connection name.
	Before map[string]func(w http.ResponseWriter, r *http.Request) bool
}

// RegistryPassword is the secret of the local registry that no step may show.
const RegistryPassword = "horse staple"

// The hosts of the registries, as references name them.
const (
	UpstreamHost = "registry.access.redhat.com"
	LocalHost    = "192.0.2.1:8787"
	EdgeHost     = "192.0.2.2:8787"
)

// UpstreamImages gives the images of the upstream registry.
func UpstreamImages() []registryserver.Image {
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

// NewRegistries makes the registries and a list of three of the upstream images.
func NewRegistries(t *testing.T) *Registries {
	t.Helper()
	b := &Registries{
		Dir:    t.TempDir(),
		Before: map[string]func(http.ResponseWriter, *http.Request) bool{},
	}
	b.Upstream = OpenRegistry(t, registryserver.Config{Images: UpstreamImages()})
	b.Local = OpenRegistry(t, registryserver.Config{User: "stack", Password: RegistryPassword})
	b.Edge = OpenRegistry(t, registryserver.Config{})
	b.Connect(t, RegistryPassword)
	b.List(t, "base", "nova-api", "nova-compute")
	return b
}

// OpenRegistry makes an embedded registry, which is closed when the test ends.
func OpenRegistry(t *testing.T, conf registryserver.Config) *registryserver.Registry {
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

// Connect makes the connections anew, with this password for the local registry.
func (b *Registries) Connect(t *testing.T, password string) {
	t.Helper()
	client, err := registry.New([]registry.Host{
		{Name: UpstreamHost, Handler: b.Answer("upstream", &b.Upstream)},
		{
			Name: LocalHost, Handler: b.Answer("local", &b.Local), User: "stack",
			Password: func(context.Context) (string, error) { return password, nil },
		},
		{Name: EdgeHost, Handler: b.Answer("edge", &b.Edge)},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Set = connections.With(map[string]string{"upstream": UpstreamHost, "local": LocalHost, "edge": EdgeHost}, client, nil)
}

// Answer gives a handler that asks Before first.
func (b *Registries) Answer(name string, h *http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before := b.Before[name]; before == nil || !before(w, r) {
			(*h).ServeHTTP(w, r)
		}
	})
}

// File gives the path of the list of images.
func (b *Registries) File() plan.Path { return plan.Path(filepath.Join(b.Dir, "images.yaml")) }

// List writes a list of images of the upstream registry that go to the local one.
func (b *Registries) List(t *testing.T, names ...string) {
	t.Helper()
	text := "container_images:\n"
	for _, n := range names {
		text += fmt.Sprintf("- imagename: %s/rhosp13/openstack-%s:13.0-40\n  push_destination: %s\n", UpstreamHost, n, LocalHost)
	}
	b.Write(t, text)
}

// Write writes the list of images.
func (b *Registries) Write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(string(b.File()), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Inline gives a setting that names images itself instead of a list.
func Inline(names ...string) imagelist.List {
	items := make([]imagelist.Item, len(names))
	for i, name := range names {
		items[i].Text = name
	}
	return imagelist.List{TextOr: plan.TextOr[plan.Path, []imagelist.Item]{Other: items}}
}

// Ask asks a registry without going through the client of the connections.
func (b *Registries) Ask(t *testing.T, h http.Handler, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	r.SetBasicAuth("stack", RegistryPassword)
	r.Header.Set("Accept", "application/vnd.docker.distribution.manifest.v2+json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Remove deletes a manifest or blob of the local registry.
func (b *Registries) Remove(t *testing.T, path string) {
	t.Helper()
	if w := b.Ask(t, b.Local, "DELETE", path); w.Code != http.StatusAccepted {
		t.Fatalf("DELETE %s: %d %s", path, w.Code, w.Body)
	}
}

// Put pushes an image of the upstream registry to the local one under another name.
func (b *Registries) Put(t *testing.T, from, to string) {
	t.Helper()
	images := []registry.Image{{Source: UpstreamHost + "/" + from, Target: LocalHost + "/" + to}}
	table, err := b.Registry().Plan(t.Context(), images, registry.Selection{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Registry().Execute(t.Context(), table, registry.Options{}); err != nil {
		t.Fatal(err)
	}
}

// Holds is what the local registry has: its catalog, and what its tags stand for.
func (b *Registries) Holds(t *testing.T) map[string]string {
	t.Helper()
	return b.HoldsAt(t, LocalHost)
}

// HoldsAt is Holds for one of the registries.
func (b *Registries) HoldsAt(t *testing.T, host string) map[string]string {
	t.Helper()
	names, err := b.Registry().Catalog(t.Context(), host)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, n := range names {
		tags, err := b.Registry().Tags(t.Context(), host+"/"+n)
		if registry.KindOf(err) == registry.NotFound {
			continue // only blobs so far
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range tags {
			d, err := b.Registry().Resolve(t.Context(), host+"/"+n+":"+tag)
			if err != nil {
				t.Fatal(err)
			}
			all[n+":"+tag] = d.Digest
		}
	}
	return all
}

// Snapshot gives what Holds gives, as one text.
func (b *Registries) Snapshot(t *testing.T) string {
	all := b.Holds(t)
	var lines []string
	for _, k := range slices.Sorted(maps.Keys(all)) {
		lines = append(lines, k+" "+all[k])
	}
	return strings.Join(lines, "\n")
}

// Resolved gives the digest that a tag of the upstream registry stands for.
func (b *Registries) Resolved(t *testing.T, image string) string {
	t.Helper()
	d, err := b.Registry().Resolve(t.Context(), UpstreamHost+"/rhosp13/openstack-"+image)
	if err != nil {
		t.Fatal(err)
	}
	return d.Digest
}

// Fill copies the images that NewRegistries lists to the local registry.
func (b *Registries) Fill(t *testing.T) {
	t.Helper()
	for _, name := range []string{"base", "nova-api", "nova-compute"} {
		b.Put(t, "rhosp13/openstack-"+name+":13.0-40", "rhosp13/openstack-"+name+":13.0-40")
	}
}

// CloseLocal makes the local registry refuse all requests until open is called.
func (b *Registries) CloseLocal(*testing.T) (open func()) {
	before := b.Before["local"]
	b.Before["local"] = func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusForbidden)
		return true
	}
	return func() { b.Before["local"] = before }
}

// RefuseAll gives a Before that answers all requests of a method whose path holds a
// part with a status.
func RefuseAll(method, part string, status int) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != method || !strings.Contains(r.URL.Path, part) {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		return true
	}
}

// RefuseReads answers HEAD and GET of all paths with part in them by a status.
func RefuseReads(part string, status int) func(http.ResponseWriter, *http.Request) bool {
	head, get := RefuseAll(http.MethodHead, part, status), RefuseAll(http.MethodGet, part, status)
	return func(w http.ResponseWriter, r *http.Request) bool { return head(w, r) || get(w, r) }
}

// Pushable makes the upstream registry take images outside of rhosp13.
func (b *Registries) Pushable(t *testing.T) {
	t.Helper()
	more := OpenRegistry(t, registryserver.Config{})
	b.Before["upstream"] = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" || strings.HasPrefix(r.URL.Path, "/v2/rhosp13/") {
			return false
		}
		more.ServeHTTP(w, r)
		return true
	}
}

// MultiPlatform pushes an index of images for linux to the upstream registry,
// which must be pushable, and gives its digest.
func (b *Registries) MultiPlatform(t *testing.T, image string, architectures ...string) string {
	t.Helper()
	repo, tag, _ := strings.Cut(image, ":")
	push := func(method, path, contentType string, body []byte) *httptest.ResponseRecorder {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, path, bytes.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		b.Answer("upstream", &b.Upstream).ServeHTTP(w, r)
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

// LocalConfig gives the settings of the local registry.
func LocalConfig() registryserver.Config {
	return registryserver.Config{User: "stack", Password: RegistryPassword}
}
