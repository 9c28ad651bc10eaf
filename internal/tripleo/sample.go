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

// A SampleImage is an image that the vendor's registry of a release could serve,
// for rehearsals and tests.
type SampleImage struct {
	Repository string // rhosp13/openstack-aodh-api
	Version    string // the value of its label "version"
	Release    string // the value of its label "release"
	OwnTag     string // a tag that only this image has, such as Ceph's; "" for none
}

// Tags returns the tags of the image: its build, its version, latest, and OwnTag.
func (s SampleImage) Tags() []string {
	tags := []string{s.Version + "-" + s.Release, s.Version, "latest"}
	if s.OwnTag != "" && !slices.Contains(tags, s.OwnTag) {
		tags = append(tags, s.OwnTag)
	}
	return tags
}

// SampleReleases returns the names of the releases that have sample images: those
// whose images all come from one registry.
func SampleReleases() []string { return []string{"rhosp13", "rhosp16.2", "rhosp17.1"} }

// SampleImages returns sample images of a release's registry: every image of the
// catalog, the base image, and the Ceph images of the product.
func SampleImages(release string) ([]SampleImage, error) {
	switch {
	case release == "rhosp13":
		return recordedImages("rhosp13-sample")
	case slices.Contains(SampleReleases(), release):
		return generatedImages(release)
	}
	return nil, fmt.Errorf("there are no sample images for release %q, only for %s", release, strings.Join(SampleReleases(), ", "))
}

// recordedImages returns images with builds recorded from a real registry.
func recordedImages(name string) ([]SampleImage, error) {
	rows, err := readTable(name)
	if err != nil {
		return nil, err
	}
	images := make([]SampleImage, len(rows))
	for i, row := range rows {
		images[i] = SampleImage{Repository: row["repository"], Version: row["version"], Release: row["release"]}
	}
	return images, nil
}

// generatedImages returns the images of a release's catalog, with builds generated
// from their names.
func generatedImages(release string) ([]SampleImage, error) {
	selection, err := Select(Request{Release: release}, func(string) (io.ReadCloser, error) { return nil, fs.ErrNotExist })
	if err != nil {
		return nil, err
	}
	version := strings.TrimPrefix(release, "rhosp")
	found := map[string]SampleImage{}
	for _, image := range selection.Images {
		_, repository, _ := strings.Cut(image.Name, "/")
		sample := SampleImage{Repository: repository, Version: version, Release: generatedBuild(repository)}
		if image.OwnTag {
			sample.OwnTag = image.Tag
		}
		found[repository] = sample
	}
	if len(found) == 0 {
		return nil, errors.New("the catalog of " + release + " is empty")
	}
	return slices.SortedFunc(maps.Values(found), func(a, b SampleImage) int { return strings.Compare(a.Repository, b.Repository) }), nil
}

// generatedBuild returns a build number for a repository.
func generatedBuild(repository string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(repository))
	return fmt.Sprint(h.Sum32()%100 + 1)
}
