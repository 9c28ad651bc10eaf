package registryserver

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"

	"github.com/bayplan/bayplan/internal/checksum"
)

// An Image is a generated image. All its bytes follow from these fields, on
// every machine. Several Images with different tags and labels may name one
// repository.
type Image struct {
	// Repository is the name without a host, "rhosp13/openstack-nova-api".
	Repository string
	// Tags all name this image.
	Tags []string
	// Labels are those of its configuration.
	Labels map[string]string
	// Layers, from the lowest up. Where nil there are three: one that all
	// images share, one that its family shares, and one of its own.
	Layers []Layer
	// OCI gives it an OCI manifest; otherwise it has Docker's, schema 2.
	OCI bool
	// Platforms, such as linux/arm64 or linux/arm/v7; where nil, linux/amd64. With
	// several of them the image is an index. Only Add knows them.
	Platforms []string

	platform imagePlatform // of the one that is built; zero: linux/amd64
}

// A Layer is one generated layer. The same name and size give the same bytes.
type Layer struct {
	Name string
	Size int // of the file in it, in bytes
}

// created is the creation time of all images.
func created() time.Time { return time.Date(2018, 6, 27, 0, 0, 0, 0, time.UTC) }

const kib = 1 << 10

// check checks an image.
func (i Image) check() error {
	if !isRepository(i.Repository) {
		return fmt.Errorf("%q cannot be the name of a repository", i.Repository)
	}
	for _, tag := range i.Tags {
		if !tagName.MatchString(tag) {
			return fmt.Errorf("%q cannot be a tag of %q", tag, i.Repository)
		}
	}
	return nil
}

// layers gives the layers of an image, derived from its name if none are given.
func (i Image) layers() []Layer {
	if i.Layers != nil {
		return i.Layers
	}
	_, base := cutLast(i.Repository)
	family := familyOf(base)
	return []Layer{
		{Name: "base", Size: 38 * kib},
		{Name: "family/" + family, Size: sizeFrom(family, 8*kib, 24*kib)},
		{Name: "own/" + base, Size: sizeFrom(base, kib, 8*kib)},
	}
}

// familyOf is the word that says which service an image belongs to. The
// vendor's prefix, which all images share, does not count.
func familyOf(base string) string {
	for _, prefix := range []string{"openstack-", "centos-binary-"} {
		base = strings.TrimPrefix(base, prefix)
	}
	family, _, _ := strings.Cut(base, "-")
	return family
}

// sizeFrom derives a size from a name.
func sizeFrom(name string, least, most int) int {
	sum := sha256.Sum256([]byte("size " + name))
	return least + int(binary.BigEndian.Uint32(sum[:]))%(most-least)
}

// A blob is what can be served: a manifest, a configuration or a layer.
type blob struct {
	mediaType string
	digest    string
	data      []byte
	diffID    string // of a layer: the digest of its tar
}

func newBlob(mediaType string, data []byte) *blob {
	return &blob{mediaType: mediaType, digest: digestOf(data), data: data}
}

func digestOf(data []byte) string {
	return checksum.SHA256(data)
}

// A part is how a generated manifest names a blob. The order of its fields is
// part of the digests of all images.
type part struct {
	MediaType string `json:"mediaType"`
	Size      int    `json:"size"`
	Digest    string `json:"digest"`
}

func (b *blob) part() part { return part{b.mediaType, len(b.data), b.digest} }

type mediaTypes struct{ manifest, config, layer string }

func (i Image) mediaTypes() mediaTypes {
	if i.OCI {
		return mediaTypes{
			"application/vnd.oci.image.manifest.v1+json",
			"application/vnd.oci.image.config.v1+json",
			"application/vnd.oci.image.layer.v1.tar+gzip",
		}
	}
	return mediaTypes{
		"application/vnd.docker.distribution.manifest.v2+json",
		"application/vnd.docker.container.image.v1+json",
		"application/vnd.docker.image.rootfs.diff.tar.gzip",
	}
}

// An imageConfig is the configuration of an image.
type imageConfig struct {
	Created      string `json:"created"`
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Config       struct {
		Env    []string          `json:"Env"`
		Cmd    []string          `json:"Cmd"`
		Labels map[string]string `json:"Labels"`
	} `json:"config"`
	Variant string `json:"variant,omitempty"`
	RootFS  struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
	History []history `json:"history"`
}

type history struct {
	Created   string `json:"created"`
	CreatedBy string `json:"created_by"`
}

func (i Image) config(layers []*blob) imageConfig {
	when := created().Format(time.RFC3339)
	c := imageConfig{Created: when, Architecture: "amd64", OS: "linux"}
	if p := i.platform; p != (imagePlatform{}) {
		c.Architecture, c.OS, c.Variant = p.Architecture, p.OS, p.Variant
	}
	c.Config.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	c.Config.Cmd = []string{"/bin/bash"}
	c.Config.Labels = i.Labels
	c.RootFS.Type = "layers"
	for n, l := range layers {
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, l.diffID)
		c.History = append(c.History, history{when, "generated layer " + i.layers()[n].Name})
	}
	return c
}

// A manifest names the blobs of an image.
type manifest struct {
	SchemaVersion int    `json:"schemaVersion"`
	MediaType     string `json:"mediaType"`
	Config        part   `json:"config"`
	Layers        []part `json:"layers"`
}

// A built image is its manifest and what the manifest names.
type built struct {
	manifest *blob
	blobs    []*blob
}

// build makes an image from its layers.
func (i Image) build(layers []*blob) (built, error) {
	kinds := i.mediaTypes()
	data, err := json.Marshal(i.config(layers))
	if err != nil {
		return built{}, fmt.Errorf("the configuration of %q: %w", i.Repository, err)
	}
	conf := newBlob(kinds.config, data)
	m := manifest{SchemaVersion: 2, MediaType: kinds.manifest, Config: conf.part(), Layers: []part{}}
	for _, l := range layers {
		p := l.part()
		p.MediaType = kinds.layer
		m.Layers = append(m.Layers, p)
	}
	data, err = json.MarshalIndent(m, "", "   ")
	if err != nil {
		return built{}, fmt.Errorf("the manifest of %q: %w", i.Repository, err)
	}
	return built{newBlob(kinds.manifest, data), append([]*blob{conf}, layers...)}, nil
}

// generate makes all images, ready to be served.
func generate(images []Image) (*memory, error) {
	all := newMemory()
	layers := layerCache{}
	for _, i := range images {
		parts, err := layers.all(i.layers())
		if err != nil {
			return nil, err
		}
		b, err := i.build(parts)
		if err != nil {
			return nil, err
		}
		if err := all.repository(i.Repository, true).fill(b, i.Tags); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// fill stores an image. It moves a tag of an earlier image, as a push does.
func (r *repository) fill(b built, tags []string) error {
	for _, part := range b.blobs {
		if err := r.put(digest.Digest(part.digest), part.data); err != nil {
			return err
		}
	}
	m := descriptor.Descriptor{MediaType: b.manifest.mediaType, Digest: digest.Digest(b.manifest.digest), Size: int64(len(b.manifest.data))}
	return r.putManifest(m, b.manifest.data, tags, func() error { return nil })
}
