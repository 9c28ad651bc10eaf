//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestRegistriesConf lets skopeo, which shares its reading of registries.conf with podman and
// CRI-O, ask for images by the names of registries that do not exist: by tag or by digest,
// as each image is listed, it finds them at the mirror.
func TestRegistriesConf(t *testing.T) {
	mirror := rawRegistry{url: startRegistry(t, t.TempDir())}
	m := newSetMaker(t, mirror, sizes{base: 1 << 10, service: 1 << 10, own: 1 << 10})
	m.put("apps/app", m.manifest(docker, "apps/app", 0), "1.2")
	base := m.put("redhat/ubi8/ubi", m.manifest(oci, "redhat/ubi8/ubi", 1), "latest")
	byDigest := "registry.invalid/ubi8/ubi@" + base.Digest
	host := strings.TrimPrefix(mirror.url, "http://")
	s := newPlan(t, fmt.Sprintf(`apiVersion: bayplan/v1
name: site
connections:
  registries:
    mirror: { host: %q, tls: disabled }
steps:
  conf:
    type: prepare
    with:
      images: ["quay.invalid/site/app:1.2", %q]
      push_destination: %q
      rename: [{ from: site/, to: apps/ }, { from: ubi8/, to: redhat/ubi8/ }]
      format: registries-conf
      env_file: registries.conf
`, host, byDigest, host))
	s.mustRun(t, 0, []string{"apply"}, "1 changed")
	for image, found := range map[string]bool{
		"quay.invalid/site/app:1.2": true, byDigest: true,
		"registry.invalid/ubi8/ubi:latest": false, // the list names it by digest alone
	} {
		out, err := command(t, nil, "skopeo", "--insecure-policy", "--registries-conf", s.path("registries.conf"), "inspect", "--raw", "docker://"+image).Output()
		if (err == nil && json.Valid(out)) != found {
			t.Errorf("skopeo inspect %s: %v, %d bytes", image, err, len(out))
		}
	}
}
