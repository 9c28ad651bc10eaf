package tripleo

import (
	"maps"
	"slices"
	"strings"
)

// A release says where its facts are and by which rules it goes.
type release struct {
	name     string
	also     []string // other names that it goes by
	upstream string   // the release that it is a product of, or ""
	catalog  string   // tables under data/
	roles    string   // the roles that it comes with, or ""
	base     string   // registry loaded ahead of the operator's environments, or ""
	optional []string // variables that have no default, in which case some images are not there

	// lists marks the releases of ContainerImagePrepare: a parameter of the
	// environments lists where images come from, and services run in containers
	// unless they are switched off. Those before run what their environments
	// put into containers.
	lists bool
	// odl marks those that know the OpenDaylight driver.
	odl bool
}

// releases are those that are known. Their variables are in data/variables.tsv.
func releases() []release {
	stein := []string{
		"ceph3_namespace", "ceph3_image", "ceph3_tag",
		"namespace_stein", "name_prefix_stein", "name_suffix_stein", "tag_stein",
	}
	return []release{
		{name: "rhosp13", upstream: "queens", catalog: "queens-catalog", roles: "queens-roles", base: "rhosp13-base", odl: true},
		{name: "queens", catalog: "queens-catalog", roles: "queens-roles", odl: true},
		{name: "rhosp16.2", also: []string{"rhosp16"}, upstream: "train", catalog: "train-catalog", optional: stein, lists: true, odl: true},
		{name: "train", catalog: "train-catalog", optional: stein, lists: true, odl: true},
		{name: "rhosp17.1", also: []string{"rhosp17"}, upstream: "wallaby", catalog: "wallaby-catalog", lists: true},
		{name: "wallaby", catalog: "wallaby-catalog", lists: true},
	}
}

// Releases gives the names of the releases that are known, with those that
// stand for another one.
func Releases() []string {
	var names []string
	for _, r := range releases() {
		names = append(append(names, r.name), r.also...)
	}
	return names
}

// Drivers gives the neutron drivers that a release knows; nil for a release
// that is not known.
func Drivers(release string) []string {
	switch r, err := findRelease(release); {
	case err != nil:
		return nil
	case !r.odl:
		return []string{"ovn", "other"}
	}
	return []string{"odl", "ovn", "other"}
}

// Variables gives the names of a release's variables, sorted: what Request.Set
// may set.
func Variables(release string) ([]string, error) {
	r, err := findRelease(release)
	if err != nil {
		return nil, err
	}
	return r.variableNames()
}

func (r release) variableNames() ([]string, error) {
	defaults, err := r.defaults()
	if err != nil {
		return nil, err
	}
	return slices.Sorted(slices.Values(slices.AppendSeq(slices.Clone(r.optional), maps.Keys(defaults)))), nil
}

// defaults gives the release's variables: a product's own ahead of upstream's.
func (r release) defaults() (vars, error) {
	rows, err := table("variables")
	if err != nil {
		return nil, err
	}
	v := vars{}
	for _, name := range []string{r.upstream, r.name} {
		for _, row := range rows {
			if row["release"] == name {
				v[row["variable"]] = row["value"]
			}
		}
	}
	return v, nil
}

func findRelease(name string) (release, error) {
	for _, r := range releases() {
		if r.name == name || slices.Contains(r.also, name) {
			return r, nil
		}
	}
	return release{}, &UnknownError{What: "release", Got: name, Known: Releases()}
}

// knows says whether a variable is the release's, or the namespace, image or
// tag of a family of images that its catalog lacks: lists may speak of those,
// and nothing comes of it.
func knows(known []string, name string) bool {
	if slices.Contains(known, name) {
		return true
	}
	return slices.ContainsFunc([]string{"_namespace", "_image", "_tag"}, func(end string) bool {
		family, ok := strings.CutSuffix(name, end)
		return ok && strings.HasPrefix(family, "ceph_")
	})
}
