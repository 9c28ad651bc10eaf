package upstream

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/registryserver"
	"github.com/bayplan/bayplan/internal/tripleo"
)

// A catalog has the images of the releases that a vendor's registry serves.
type catalog struct {
	samples  map[string]sampleImage // by repository
	releases map[string][]string    // by namespace, the part of a repository before the last slash
}

// leastImages is from which number of images on a release is taken to have all images of
// a namespace. It has a few of other products, too.
const leastImages = 10

// catalogOf gives the catalog of a host. It is empty unless the host is one of the vendor.
func catalogOf(host string) (catalog, error) {
	c := catalog{map[string]sampleImage{}, map[string][]string{}}
	if host != "registry.access.redhat.com" && host != "registry.redhat.io" {
		return c, nil
	}
	for _, release := range tripleo.SampleReleases() {
		images, err := tripleo.SampleImages(release)
		if err != nil {
			return c, err
		}
		counts := map[string]int{}
		for _, image := range images {
			c.samples[image.Repository] = sampleImage{image}
			counts[namespaceOf(image.Repository)]++
		}
		for namespace, n := range counts {
			if n >= leastImages {
				c.releases[namespace] = append(c.releases[namespace], release)
			}
		}
	}
	return c, nil
}

func namespaceOf(repository string) string {
	return repository[:max(0, strings.LastIndexByte(repository, '/'))]
}

// check gives an error for an image that the catalog of its release lacks, and for a tag of
// another version.
func (c catalog) check(repository, tag string) error {
	releases := c.releases[namespaceOf(repository)]
	image, known := c.samples[repository]
	switch {
	case len(releases) == 0:
		return nil
	case known && !image.mayHave(tag):
		return registryserver.NotFound(fmt.Sprintf("%s has no tag %s in the catalog of %s; its tags begin with %s", repository, tag, strings.Join(releases, " and "), image.Version))
	case known:
		return nil
	}
	text := fmt.Sprintf("the catalog of %s has no image %s", strings.Join(releases, " and "), repository)
	if near := human.DidYouMean(repository, c.repositories()); near != "" {
		text += "; " + near
	}
	return registryserver.NotFound(text)
}

// A sampleImage is an image of a catalog.
type sampleImage struct{ tripleo.SampleImage }

// mayHave reports whether some build of the image may have a tag: its version, with more behind
// it, or one that the catalog has.
func (s sampleImage) mayHave(tag string) bool {
	return strings.HasPrefix(tag, s.Version) || slices.Contains(s.Tags(), tag) || strings.HasPrefix(tag, PinnedPrefix)
}

// PinnedPrefix begins the tags of images that stand in for those of a digest.
const PinnedPrefix = "pinned-"

func (c catalog) repositories() []string {
	var names []string
	for name := range c.samples {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Repositories gives the repositories of releases that the registry of a host serves.
func Repositories(host string) ([]string, error) {
	c, err := catalogOf(host)
	return c.repositories(), err
}

// SampleTags gives the tags that a repository of a release has.
func SampleTags(host, repository string) []string {
	c, err := catalogOf(host)
	s, known := c.samples[repository]
	if err != nil || !known {
		return nil
	}
	return s.Tags()
}
