package registry

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
		"/v2/" + strings.Repeat("a/", 1000) + "": {},
	} {
		if got := parsePath(path); got != want {
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

// The gates of all repositories can be entered in any order.
func TestGate(t *testing.T) {
	var g gate
	t.Run("together", func(t *testing.T) {
		for _, pair := range [][2]string{{"a", "b"}, {"b", "a"}, {"a", "a"}, {"c", "a"}, {"b", "c"}} {
			t.Run(pair[0]+pair[1], func(t *testing.T) {
				t.Parallel()
				for range 1000 {
					leave := g.enter(pair[0], pair[1])
					leave()
					leave()
				}
			})
		}
	})
}
