package tripleo

import (
	"maps"
	"slices"
	"strings"
)

// A release says which tables and which rules apply to a release.
type release struct {
	name         string
	aliases      []string // other names of it
	upstream     string   // the upstream release of a product, or ""
	catalog      string   // a table under data/
	roles        string   // the table of its default roles, or ""
	baseRegistry string   // the table of the resource registry that it loads before the operator's environments, or ""
	optional     []string // variables without a default; some images exist only if they are set

	// readsPrepareList marks the later releases: the parameter ContainerImagePrepare
	// of the environments lists where images come from, and services run in
	// containers unless they are switched off. Earlier releases run the services in
	// containers that their environments put there.
	readsPrepareList bool
	// supportsODL marks the releases that support the OpenDaylight driver.
	supportsODL bool
}

// releases returns all known releases. Their variables are in data/variables.tsv.
func releases() []release {
	stein := []string{
		"ceph3_namespace", "ceph3_image", "ceph3_tag",
		"namespace_stein", "name_prefix_stein", "name_suffix_stein", "tag_stein",
	}
	return []release{
		{name: "rhosp13", upstream: "queens", catalog: "queens-catalog", roles: "queens-roles", baseRegistry: "rhosp13-base", supportsODL: true},
		{name: "queens", catalog: "queens-catalog", roles: "queens-roles", supportsODL: true},
		{name: "rhosp16.2", aliases: []string{"rhosp16"}, upstream: "train", catalog: "train-catalog", optional: stein, readsPrepareList: true, supportsODL: true},
		{name: "train", catalog: "train-catalog", optional: stein, readsPrepareList: true, supportsODL: true},
		{name: "rhosp17.1", aliases: []string{"rhosp17"}, upstream: "wallaby", catalog: "wallaby-catalog", readsPrepareList: true},
		{name: "wallaby", catalog: "wallaby-catalog", readsPrepareList: true},
	}
}

// Releases returns the names of the known releases, with their aliases.
func Releases() []string {
	var names []string
	for _, r := range releases() {
		names = append(append(names, r.name), r.aliases...)
	}
	return names
}

// Drivers returns the neutron drivers that a release supports, or nil for an
// unknown release.
func Drivers(release string) []string {
	switch r, err := findRelease(release); {
	case err != nil:
		return nil
	case !r.supportsODL:
		return []string{"ovn", "other"}
	}
	return []string{"odl", "ovn", "other"}
}

// Variables returns the names of the variables that Request.Set may set for a
// release, sorted.
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

// defaults returns the release's variables. Those of a product override those of
// its upstream release.
func (r release) defaults() (vars, error) {
	rows, err := readTable("variables")
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
		if r.name == name || slices.Contains(r.aliases, name) {
			return r, nil
		}
	}
	return release{}, &UnknownError{What: "release", Got: name, Known: Releases()}
}

// isVariable reports whether a list may set a variable. It may set the known ones,
// and without effect the namespace, image and tag of Ceph images that the release's
// catalog does not have.
func isVariable(known []string, name string) bool {
	if slices.Contains(known, name) {
		return true
	}
	return slices.ContainsFunc([]string{"_namespace", "_image", "_tag"}, func(end string) bool {
		family, ok := strings.CutSuffix(name, end)
		return ok && strings.HasPrefix(family, "ceph_")
	})
}
