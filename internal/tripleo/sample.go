package tripleo

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// A SampleImage is an image as the registry of a release's maker would serve
// it: for rehearsals and tests.
type SampleImage struct {
	Repository string // rhosp13/openstack-aodh-api
	Version    string // the value of its label "version"
	Release    string // the value of its label "release"
	Own        string // a tag that the release names for it alone, as for Ceph; "" for none
}

// Tags gives the tags that the image is served under: its own build, its
// version, latest, and its own one.
func (s SampleImage) Tags() []string {
	tags := []string{s.Version + "-" + s.Release, s.Version, "latest"}
	if s.Own != "" && !slices.Contains(tags, s.Own) {
		tags = append(tags, s.Own)
	}
	return tags
}

// Sampled names the releases that there are samples of: those whose images
// all come from one registry.
func Sampled() []string { return []string{"rhosp13", "rhosp16.2", "rhosp17.1"} }

// SampleImages gives a sample of a release's registry: every image of the
// catalog, the base image, and for Ceph those of the product.
func SampleImages(release string) ([]SampleImage, error) {
	switch {
	case release == "rhosp13":
		return recorded("rhosp13-sample")
	case slices.Contains(Sampled(), release):
		return madeUp(release)
	}
	return nil, fmt.Errorf("there are no sample images for release %q, only for %s", release, strings.Join(Sampled(), ", "))
}

// recorded gives images with the builds that they once had.
func recorded(name string) ([]SampleImage, error) {
	rows, err := table(name)
	if err != nil {
		return nil, err
	}
	images := make([]SampleImage, len(rows))
	for i, row := range rows {
		images[i] = SampleImage{Repository: row["repository"], Version: row["version"], Release: row["release"]}
	}
	return images, nil
}

// madeUp gives the images of a release's catalog with builds that are made up
// of their names.
func madeUp(release string) ([]SampleImage, error) {
	selection, err := Select(Request{Release: release}, func(string) (io.ReadCloser, error) { return nil, fs.ErrNotExist })
	if err != nil {
		return nil, err
	}
	version := strings.TrimPrefix(release, "rhosp")
	found := map[string]SampleImage{}
	for _, image := range selection.Images {
		_, repository, _ := strings.Cut(image.Name, "/")
		sample := SampleImage{Repository: repository, Version: version, Release: build(repository)}
		if image.OwnTag {
			sample.Own = image.Tag
		}
		found[repository] = sample
	}
	if len(found) == 0 {
		return nil, errors.New("the catalog of " + release + " is empty")
	}
	return slices.SortedFunc(maps.Values(found), func(a, b SampleImage) int { return strings.Compare(a.Repository, b.Repository) }), nil
}

// build makes up the number of a build.
func build(repository string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(repository))
	return fmt.Sprint(h.Sum32()%100 + 1)
}
