// Package upstream is a registry that makes small images when they are asked for: of any
// name and tag, with the labels, platforms and signatures that are wanted of them. What is
// pushed to it comes first. Of the vendor's releases whose catalogs bayplan has, it makes
// only images that these name. It does not know plans.
package upstream

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"

	"github.com/bayplan/bayplan/internal/registryserver"
	"github.com/bayplan/bayplan/internal/standin/signer"
)

// Rules say what images registries are to make. They do not change while a registry is
// in use.
type Rules struct {
	// Made says whether images of a repository are made when they are asked for. One of which
	// none are made has only what is pushed. nil: all are made.
	Made func(host, repository string) bool
	// Lacks says why an image that is not made is not there; nil: nobody says.
	Lacks func(host, repository, tag string) string
	// Tags gives the tags that a repository's list must have.
	Tags func(host, repository string) []string
	// Catalog gives the repositories that a registry's catalog must have.
	Catalog func(host string) []string

	Platforms []string // of each image; nil: linux/amd64
	Labels    []string // that each image must have, besides version and release
	// Signer signs each image as cosign does; nil: none is signed. So do those of Certified, by
	// certificates of Authority.
	Signer    *signer.Key
	Authority *signer.Authority
	Certified []*signer.Certified
	// SignedAs gives the name of a repository in signatures; nil: its own.
	SignedAs func(host, repository string) string
}

// An Upstream is such a registry. It is safe for concurrent use.
type Upstream struct {
	*registryserver.Registry

	host    string
	rules   Rules
	catalog catalog

	mu   sync.Mutex        // requests run at the same time; guards the making of images
	made map[string]string // digests by REPOSITORY:TAG
}

// New opens the registry of a host. It keeps its images in dir, or in memory if dir is "".
func New(host, dir string, rules Rules) (*Upstream, error) {
	u := &Upstream{host: host, rules: rules, made: map[string]string{}}
	var err error
	if u.catalog, err = catalogOf(host); err != nil {
		return nil, err
	}
	u.Registry, err = registryserver.New(registryserver.Config{Dir: dir, OnDemand: u.make})
	return u, err
}

// make makes what a request reads.
func (u *Upstream) make(read registryserver.Read) error {
	switch read.Kind {
	case "catalog":
		for _, name := range u.rules.Catalog(u.host) {
			if err := u.makeTags(name); err != nil {
				return err
			}
		}
		return nil
	case "tags":
		return u.makeTags(read.Repository)
	case "manifests":
		return u.makeManifest(read.Repository, read.Reference)
	}
	return nil // what is asked for referrers has been made
}

// Made reports whether images of a repository are made.
func (u *Upstream) Made(repository string) bool {
	return u.rules.Made == nil || u.rules.Made(u.host, repository)
}

func (u *Upstream) makeTags(repository string) error {
	if !u.Made(repository) {
		return nil
	}
	for _, tag := range append(u.rules.Tags(u.host, repository), "latest") {
		if u.catalog.check(repository, tag) != nil {
			continue
		}
		if _, err := u.Make(repository, tag); err != nil {
			return err
		}
	}
	return nil
}

func (u *Upstream) makeManifest(repository, reference string) error {
	if strings.Contains(reference, ":") { // a digest is there or is not
		return nil
	}
	isBeside := strings.HasPrefix(reference, "sha256-") // kept beside an image, and made with it
	switch {
	case isBeside:
		return nil
	case !u.Made(repository):
		return u.checkPushed(repository, reference)
	}
	_, err := u.Make(repository, reference)
	return err
}

// checkPushed gives an error for an image that is not there and is not made.
func (u *Upstream) checkPushed(repository, tag string) error {
	if _, there := u.Lookup(repository, tag); there || u.rules.Lacks == nil {
		return nil
	}
	return registryserver.NotFound(u.rules.Lacks(u.host, repository, tag))
}

// Make makes the image of a tag if it is not there, and gives its digest.
func (u *Upstream) Make(repository, tag string) (string, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if sum, there := u.made[repository+":"+tag]; there {
		return sum, nil
	}
	if sum, there := u.Lookup(repository, tag); there {
		return sum, nil
	}
	image, err := u.image(repository, tag)
	if err != nil {
		return "", err
	}
	sums, err := u.Add(image)
	if err != nil {
		return "", err
	}
	u.made[repository+":"+tag] = sums[0]
	return sums[0], u.sign(repository, sums[0])
}

// image gives the image that is to have a tag.
func (u *Upstream) image(repository, tag string) (registryserver.Image, error) {
	if err := u.catalog.check(repository, tag); err != nil {
		return registryserver.Image{}, err
	}
	version, release := u.build(repository, tag)
	image := registryserver.Image{
		Repository: repository, Tags: []string{tag}, Platforms: u.rules.Platforms,
		Labels: map[string]string{"version": version, "release": release, "name": repository},
	}
	for _, name := range u.rules.Labels {
		image.Labels[name] = cmp.Or(image.Labels[name], labelValue(name, version, release))
	}
	return image, nil
}

// build gives the version and release of the image with a tag, so that the tag
// {version}-{release} is one of the same image.
func (u *Upstream) build(repository, tag string) (version, release string) {
	if at := strings.LastIndex(tag, "-"); at > 0 && at < len(tag)-1 {
		return tag[:at], tag[at+1:]
	}
	if s, known := u.catalog.samples[repository]; known && (tag == "latest" || tag == s.Version) {
		return s.Version, s.Release
	}
	if tag == "latest" {
		tag = "1.0"
	}
	return tag, fmt.Sprint(number(repository)%100 + 1)
}

// number gives a number that follows from a text.
func number(text string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(text))
	return h.Sum32()
}

// labelValue gives a value that fits the name of a label.
func labelValue(name, version, release string) string {
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(strings.ToLower(name), word) })
	}
	switch {
	case has("version", "tag"):
		return version
	case has("release", "build"):
		return release
	case has("commit", "revision", "sha", "vcs-ref"):
		return fmt.Sprintf("%08x%08x%08x%08x%08x", number(version), number(release), number(name), number(version+release), number(name+release))
	case has("date", "created"):
		return "20260101"
	}
	return "1.0"
}

// sign signs an image that was made, once. The caller holds the mutex.
func (u *Upstream) sign(repository, digest string) error {
	tag := signer.Tag(digest)
	if _, there := u.Lookup(repository, tag); u.rules.Signer == nil || there {
		return nil
	}
	name := u.host + "/" + repository
	if u.rules.SignedAs != nil {
		name = u.rules.SignedAs(u.host, repository)
	}
	text, signature, err := u.rules.Signer.Document(name, digest)
	if err != nil {
		return err
	}
	layers := []registryserver.ArtifactLayer{{
		MediaType: signer.DocumentType, Data: text, Annotations: map[string]string{signer.SignatureAnnotation: signature},
	}}
	for _, c := range u.rules.Certified {
		text, annotations, err := c.Document(name, digest)
		if err != nil {
			return err
		}
		layers = append(layers, registryserver.ArtifactLayer{MediaType: signer.DocumentType, Data: text, Annotations: annotations})
	}
	_, err = u.AddArtifact(registryserver.Artifact{Repository: repository, Tag: tag, Layers: layers})
	return err
}
