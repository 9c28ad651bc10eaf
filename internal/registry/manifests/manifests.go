// Package manifests reads the manifests of images and indexes: what they name, whether
// they may be copied, and what is left of an index when only some platforms are taken.
// It sends no request, and knows neither sources nor destinations.
package manifests

import (
	"errors"
	"fmt"
	"strings"

	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/errs"
	"github.com/regclient/regclient/types/manifest"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/registry/wire"
)

const (
	// MaxDepth is how deep indexes may be nested.
	MaxDepth = 3
	// MaxManifests is the largest number of manifests of one image.
	MaxManifests = 1000
)

// cosignTag is a tag of a signature and the like.
var cosignTag = lazyregexp.New(`^sha256-[0-9a-f]{64}(\..+)?$`)

// IsCosignTag says whether a tag is one that cosign gives what refers to an image, or the
// one that stands in for the referrers API.
func IsCosignTag(tag string) bool { return cosignTag.MatchString(tag) }

// A Descriptor names a manifest by its content.
type Descriptor struct {
	Digest    string
	MediaType string
	Size      int64
}

// Describe gives the descriptor of a manifest.
func Describe(m manifest.Manifest) Descriptor {
	d := m.GetDescriptor()
	return Descriptor{Digest: d.Digest.String(), MediaType: d.MediaType, Size: d.Size}
}

// IsOldFormat says whether a manifest is of the format that Docker had before 2016. It
// names no configuration, and its digest is not that of its bytes.
func IsOldFormat(m manifest.Manifest) bool {
	return strings.HasPrefix(Describe(m).MediaType, "application/vnd.docker.distribution.manifest.v1+")
}

// OldFormatError is the error for an image in the old format. done says what is not done
// with it.
func OldFormatError(name, done string) error {
	return fault.WithHint(
		fmt.Errorf("%s: it is in Docker's old image format (schema 1), which is not %s", name, done),
		"pull it with docker or podman and push it again, which writes the present format")
}

// Parts gives the configuration and the layers of an image. use says what is not done with
// a manifest that has none.
func Parts(m manifest.Manifest, use string) (config descriptor.Descriptor, layers []descriptor.Descriptor, err error) {
	image, ok := m.(manifest.Imager)
	if ok {
		config, err = image.GetConfig()
	}
	switch {
	case !ok, errors.Is(err, errs.ErrUnsupportedMediaType):
		return config, nil, fmt.Errorf("a manifest of type %q cannot be %s", Describe(m).MediaType, use)
	case err != nil:
		return config, nil, fmt.Errorf("its configuration: %s", wire.Words(err))
	case config.Digest == "":
		return config, nil, errors.New("its manifest names no configuration")
	}
	if layers, err = image.GetLayers(); err != nil {
		return config, nil, fmt.Errorf("its layers: %s", wire.Words(err))
	}
	return config, layers, nil
}

// Children gives the entries of an index, with valid digests.
func Children(index manifest.Indexer) ([]descriptor.Descriptor, error) {
	list, err := index.GetManifestList()
	if err != nil {
		return nil, errors.New(wire.Words(err))
	}
	for _, d := range list {
		if err := wire.CheckDigest(d.Digest.String()); err != nil {
			return nil, fmt.Errorf("an entry of the index: %w", err)
		}
	}
	return list, nil
}

// IsForeign says that a layer, by its type, must not be kept in registries.
func IsForeign(d descriptor.Descriptor) bool {
	return strings.Contains(d.MediaType, ".foreign.") || strings.Contains(d.MediaType, ".nondistributable.")
}

// CheckBlob rejects an invalid digest or size.
func CheckBlob(d descriptor.Descriptor) error {
	if err := wire.CheckDigest(d.Digest.String()); err != nil {
		return fmt.Errorf("a blob: %w", err)
	}
	if d.Size < 0 {
		return fmt.Errorf("blob %s is said to be %d bytes long", d.Digest, d.Size)
	}
	return nil
}
