package tripleo

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A release says where its facts are and what its variables are by default.
type release struct {
	name     string
	catalog  string // tables under data/
	roles    string
	base     string // registry loaded ahead of the operator's environments, or ""
	defaults vars
}

// releases are those that are known.
func releases() []release {
	upstream := vars{
		"namespace":      "docker.io/tripleoqueens",
		"name_prefix":    "centos-binary-",
		"name_suffix":    "",
		"tag":            "current-tripleo",
		"neutron_driver": "",
		"logging":        "files",
		"ceph_namespace": "quay.ceph.io/ceph-ci",
		"ceph_image":     "daemon",
		"ceph_tag":       "v3.2.14-stable-3.2-luminous-centos-7-x86_64",
	}
	product := maps.Clone(upstream)
	maps.Copy(product, vars{
		"namespace":      "registry.access.redhat.com/rhosp13",
		"name_prefix":    "openstack-",
		"tag":            "latest",
		"ceph_namespace": "docker.io/ceph",
		"ceph_tag":       "v3.0.3-stable-3.0-luminous-centos-7-x86_64",
	})
	return []release{
		{name: "rhosp13", catalog: "queens-catalog", roles: "queens-roles", base: "rhosp13-base", defaults: product},
		{name: "queens", catalog: "queens-catalog", roles: "queens-roles", defaults: upstream},
	}
}

// Releases gives the names of the releases that are known.
func Releases() []string {
	var names []string
	for _, r := range releases() {
		names = append(names, r.name)
	}
	return names
}

// Variables gives the names of a release's variables, sorted: what Request.Set
// may set.
func Variables(release string) ([]string, error) {
	r, err := findRelease(release)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(r.defaults)), nil
}

func findRelease(name string) (release, error) {
	for _, r := range releases() {
		if r.name == name {
			return r, nil
		}
	}
	return release{}, fmt.Errorf("unknown release %q; known are %s", name, strings.Join(Releases(), ", "))
}
