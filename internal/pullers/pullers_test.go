package pullers

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var images = []Image{
	{Source: "registry.redhat.io/ubi8/ubi", Mirror: "mirror.example:5000/redhat/ubi8/ubi", Digest: true},
	{Source: "registry.redhat.io/ubi8/ubi", Mirror: "mirror.example:5000/redhat/ubi8/ubi", Digest: true},
	{Source: "quay.io/site/app", Mirror: "mirror.example:5000/apps/app", Insecure: true},
	{Source: "quay.io/site/both", Mirror: "mirror.example:5000/both", Digest: true},
	{Source: "quay.io/site/both", Mirror: "mirror.example:5000/both"},
	{Source: "quay.io/site/both", Mirror: "other.example/both"},
	{Source: "[2001:db8::1]:5000/a", Mirror: "mirror.example:5000/a"},
}

// The tables are those of containers-registries.conf(5).
func TestRegistriesConf(t *testing.T) {
	want := `[[registry]]
prefix = "[2001:db8::1]:5000/a"
location = "[2001:db8::1]:5000/a"

[[registry.mirror]]
location = "mirror.example:5000/a"
pull-from-mirror = "tag-only"

[[registry]]
prefix = "quay.io/site/app"
location = "quay.io/site/app"

[[registry.mirror]]
location = "mirror.example:5000/apps/app"
insecure = true
pull-from-mirror = "tag-only"

[[registry]]
prefix = "quay.io/site/both"
location = "quay.io/site/both"

[[registry.mirror]]
location = "mirror.example:5000/both"

[[registry.mirror]]
location = "other.example/both"
pull-from-mirror = "tag-only"

[[registry]]
prefix = "registry.redhat.io/ubi8/ubi"
location = "registry.redhat.io/ubi8/ubi"

[[registry.mirror]]
location = "mirror.example:5000/redhat/ubi8/ubi"
pull-from-mirror = "digest-only"
`
	got := RegistriesConf(images)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	line := regexp.MustCompile(`^(|\[\[registry(\.mirror)?\]\]|[a-z-]+ = ("[^"\\]*"|true))$`)
	for l := range strings.SplitSeq(got, "\n") {
		if !line.MatchString(l) {
			t.Errorf("%q is not a line of TOML that is expected", l)
		}
	}
}

// The objects have the fields of config.openshift.io/v1.
func TestMirrorSets(t *testing.T) {
	want := `apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata:
  name: site-a-prepare
spec:
  imageDigestMirrors:
  - source: quay.io/site/both
    mirrors:
    - mirror.example:5000/both
  - source: registry.redhat.io/ubi8/ubi
    mirrors:
    - mirror.example:5000/redhat/ubi8/ubi
`
	if diff := cmp.Diff(want, DigestMirrorSet("site_a-prepare", images)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want = `apiVersion: config.openshift.io/v1
kind: ImageTagMirrorSet
metadata:
  name: mirrors
spec:
  imageTagMirrors:
  - source: '[2001:db8::1]:5000/a'
    mirrors:
    - mirror.example:5000/a
  - source: quay.io/site/app
    mirrors:
    - mirror.example:5000/apps/app
  - source: quay.io/site/both
    mirrors:
    - mirror.example:5000/both
    - other.example/both
`
	if diff := cmp.Diff(want, TagMirrorSet("__", images)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
