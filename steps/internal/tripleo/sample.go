package tripleo

import "fmt"

// A SampleImage is an image as the registry of a release's maker would serve
// it: for rehearsals and tests.
type SampleImage struct {
	Repository string // rhosp13/openstack-aodh-api
	Version    string // the value of its label "version"
	Release    string // the value of its label "release"
}

// Tags gives the tags that the image is served under: its own build, its
// version, and latest.
func (s SampleImage) Tags() []string {
	return []string{s.Version + "-" + s.Release, s.Version, "latest"}
}

// SampleImages gives a sample of a release's registry: every image of the
// catalog, the base image, and for Ceph that of the product.
func SampleImages(release string) ([]SampleImage, error) {
	if release != "rhosp13" {
		return nil, fmt.Errorf("there are no sample images for release %q, only for rhosp13", release)
	}
	rows, err := table("rhosp13-sample")
	if err != nil {
		return nil, err
	}
	images := make([]SampleImage, len(rows))
	for i, row := range rows {
		images[i] = SampleImage{Repository: row["repository"], Version: row["version"], Release: row["release"]}
	}
	return images, nil
}
