package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bayplan/bayplan/internal/registryserver"
)

// A mirror step for each of three sites reads every blob once from the source, though each
// is a step of its own.
func TestSitesReadTheSourceOnce(t *testing.T) {
	source, err := registryserver.New(registryserver.Config{Images: []registryserver.Image{
		{Repository: "a/one", Tags: []string{"1"}}, {Repository: "a/two", Tags: []string{"1"}}, {Repository: "b/three", Tags: []string{"1"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = source.Close() })
	var mu sync.Mutex
	reads := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, blob, found := strings.Cut(r.URL.Path, "/blobs/"); found && r.Method == http.MethodGet {
			mu.Lock()
			reads[blob]++
			mu.Unlock()
		}
		source.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	host := strings.TrimPrefix(server.URL, "http://")
	plan := strings.ReplaceAll(`apiVersion: bayplan/v1
name: edge
vars:
  sites: [edge1, edge2, edge3]
connections:
  registries:
    centre: { host: "CENTRE", tls: disabled }
    edge: { host: "registry.*.example.com:5000", embedded: { dir: edges } }
steps:
  sites:
    type: mirror
    for_each: ${vars.sites}
    with: { images: ["CENTRE/a/one:1", "CENTRE/a/two:1", "CENTRE/b/three:1"], to: "registry.${each.key}.example.com:5000" }
  check:
    type: verify-catalog
    for_each: ${steps.sites}
    with: { registry: "registry.${each.key}.example.com:5000", expect: "${steps.sites[each.key].images}", exact: true }
`, "CENTRE", host)
	if err := os.WriteFile(filepath.Join(dir, "bayplan.yaml"), []byte(plan), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"3 changed, 3 unchanged, 0 failed", "0 changed, 6 unchanged, 0 failed"} {
		cmd := exec.Command(binary, "apply")
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	unique := map[string]bool{}
	err = filepath.WalkDir(filepath.Join(dir, "edges", "registry.edge2.example.com_5000"), func(path string, e os.DirEntry, err error) error {
		if err == nil && filepath.Base(filepath.Dir(path)) == "sha256" && filepath.Base(filepath.Dir(filepath.Dir(path))) == "blobs" {
			unique["sha256:"+e.Name()] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for blob, times := range reads {
		if times != 1 || !unique[blob] {
			t.Errorf("blob %s was read %d times", blob, times)
		}
	}
	// A layout has the manifests among its blobs: one for each image.
	if len(reads) == 0 || len(unique) != len(reads)+3 {
		t.Errorf("%d blobs were read of %d files in the layouts", len(reads), len(unique))
	}
}
