package registryserver

import (
	"strings"
	"testing"
)

const someDigest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestParsePath(t *testing.T) {
	for path, want := range map[string]place{
		"/v2/a/manifests/1":                      {"a", "manifests", "1"},
		"/v2/a/b/c/blobs/" + someDigest:          {"a/b/c", "blobs", someDigest},
		"/v2/a/tags/list":                        {"a", "tags", "list"},
		"/v2/a/tags/list/tags/list":              {"a/tags/list", "tags", "list"},
		"/v2/a/manifests/manifests/manifests":    {"a/manifests", "manifests", "manifests"},
		"/v2/a/blobs/uploads/":                   {"a", "uploads", ""},
		"/v2/a/blobs/uploads":                    {"a", "uploads", ""},
		"/v2/a/blobs/uploads/session":            {"a", "uploads", "session"},
		"/v2/a/referrers/" + someDigest:          {"a", "referrers", someDigest},
		"//v2//a//manifests//1":                  {"a", "manifests", "1"},
		"/v2/x/../a/manifests/1":                 {"a", "manifests", "1"},
		"/v2/_catalog":                           {},
		"/v2/":                                   {},
		"/v2":                                    {},
		"/":                                      {},
		"":                                       {},
		"/v2/manifests/1":                        {},
		"/v2/a/tags/other":                       {},
		"/v2/A/manifests/1":                      {},
		"/v2/a//../../../etc/manifests/1":        {},
		"/v1/a/manifests/1":                      {},
		"/v2/.hidden/manifests/1":                {},
		"/v2/a/index.json/manifests/1":           {},
		"/v2/oci-layout/manifests/1":             {},
		"/v2/blobs/a/manifests/1":                {},
		"/v2/" + strings.Repeat("a/", 1000) + "": {},
	} {
		if got := parsePath(path, isRepository); got != want {
			t.Errorf("%.60s: got %+v, want %+v", path, got, want)
		}
	}
}

func TestFamilyOf(t *testing.T) {
	for base, want := range map[string]string{
		"openstack-nova-api": "nova", "centos-binary-nova-api": "nova", "nova-compute-ironic": "nova",
		"rhceph-3-rhel7": "rhceph", "openstack-base": "base", "base": "base", "": "",
	} {
		if got := familyOf(base); got != want {
			t.Errorf("%q: got %q, want %q", base, got, want)
		}
	}
}
