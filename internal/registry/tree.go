package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unique"

	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/manifest"
	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry/wire"
)

const (
	// maxDepth is how deep indexes may be nested.
	maxDepth = 3
	// maxManifests is the largest number of manifests of one image.
	maxManifests = 1000
)

// A tree is the manifests and blobs of an image, each once.
type tree struct {
	repo      ref.Ref
	read      reader
	keep      *packer          // nil: the manifests are not kept
	seen      map[string]bool  // digests of manifests
	parts     map[string]bool  // digests of blobs
	manifests []packedManifest // children first
	blobs     []part
}

// A part is a blob that a manifest names.
type part struct {
	digest string
	size   int64
}

// readTree reads the manifests of an image from its source.
func (c *Client) readTree(ctx context.Context, e *ImagePlan) error {
	t := newTree(repoOf(e.source), c.manifest)
	t.keep = &e.want.scratch.packer
	if err := t.top(ctx, e); err != nil {
		return err
	}
	image := len(t.manifests) - 1
	if e.want.Signatures != IgnoreSignatures {
		if err := c.attach(ctx, e, t); err != nil {
			return err
		}
	}
	e.orderPuts(t, image)
	e.parts = slices.Clone(t.blobs)
	e.Blobs = len(t.blobs)
	for _, d := range t.blobs {
		e.Size += d.size
	}
	return nil
}

// A reader reads a manifest from one of the two sides.
type reader func(context.Context, ref.Ref) (manifest.Manifest, error)

func newTree(repo ref.Ref, read reader) *tree {
	return &tree{repo: repo, read: read, seen: map[string]bool{}, parts: map[string]bool{}}
}

func readImage(ctx context.Context, repo ref.Ref, digest string, read reader) (*tree, error) {
	t := newTree(repo, read)
	return t, t.walk(ctx, digest, 1)
}

// top reads the manifests of an image, or those below its top manifest where
// that has been read.
func (t *tree) top(ctx context.Context, e *ImagePlan) error {
	if e.top == nil {
		return t.walk(ctx, e.Digest, 1)
	}
	t.seen[e.Digest] = true
	return t.take(ctx, e.top, 1)
}

// walk reads a manifest and all below it.
func (t *tree) walk(ctx context.Context, digest string, depth int) error {
	if t.seen[digest] {
		return nil
	}
	t.seen[digest] = true
	switch r := t.repo.SetDigest(digest); {
	case depth > maxDepth:
		return fmt.Errorf("%s: indexes are nested more than %d deep", show(r), maxDepth)
	case len(t.seen) > maxManifests:
		return fmt.Errorf("%s: more than %d manifests", show(t.repo), maxManifests)
	}
	m, err := t.read(ctx, t.repo.SetDigest(digest))
	if err != nil {
		return err
	}
	return t.take(ctx, m, depth)
}

// take adds a manifest after all below it.
func (t *tree) take(ctx context.Context, m manifest.Manifest, depth int) error {
	if err := t.below(ctx, m, depth); err != nil {
		return err
	}
	b, err := t.body(m)
	t.manifests = append(t.manifests, b)
	return err
}

// body is what the tree keeps of a manifest.
func (t *tree) body(m manifest.Manifest) (packedManifest, error) {
	d := describe(m)
	b := packedManifest{digest: d.Digest, mediaType: unique.Make(d.MediaType).Value()}
	if t.keep == nil {
		return b, nil
	}
	raw, err := m.RawBody()
	if err != nil {
		return b, err
	}
	b.size = len(raw)
	b.packed, err = t.keep.pack(raw)
	return b, err
}

func (t *tree) below(ctx context.Context, m manifest.Manifest, depth int) error {
	name := show(t.repo.SetDigest(describe(m).Digest))
	if isOldFormat(m) {
		return oldFormatError(name, "copied")
	}
	switch m := m.(type) {
	case manifest.Indexer:
		list, err := children(m)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, d := range list {
			if err := t.walk(ctx, d.Digest.String(), depth+1); err != nil {
				return err
			}
		}
		return nil
	case manifest.Imager:
		return t.image(m, name)
	}
	return fmt.Errorf("%s: a manifest of type %q cannot be copied", name, describe(m).MediaType)
}

// isOldFormat says whether a manifest is of the format that Docker had before 2016. It
// names no configuration, and its digest is not that of its bytes.
func isOldFormat(m manifest.Manifest) bool {
	return strings.HasPrefix(describe(m).MediaType, "application/vnd.docker.distribution.manifest.v1+")
}

func oldFormatError(name, done string) error {
	return fault.WithHint(
		fmt.Errorf("%s: it is in Docker's old image format (schema 1), which is not %s", name, done),
		"pull it with docker or podman and push it again, which writes the present format")
}

// children gives the entries of an index, with valid digests.
func children(index manifest.Indexer) ([]descriptor.Descriptor, error) {
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

// image adds the blobs of one image.
func (t *tree) image(m manifest.Imager, name string) error {
	conf, err := m.GetConfig()
	if err != nil {
		return fmt.Errorf("%s: its configuration: %s", name, wire.Words(err))
	}
	layers, err := m.GetLayers()
	if err != nil {
		return fmt.Errorf("%s: its layers: %s", name, wire.Words(err))
	}
	for _, d := range append([]descriptor.Descriptor{conf}, layers...) {
		if isForeign(d) {
			continue
		}
		if err := checkBlob(d); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if key := unique.Make(d.Digest.String()).Value(); !t.parts[key] {
			t.parts[key] = true
			t.blobs = append(t.blobs, part{key, d.Size})
		}
	}
	return nil
}

// isForeign says that a layer, by its type, must not be kept in registries.
func isForeign(d descriptor.Descriptor) bool {
	return strings.Contains(d.MediaType, ".foreign.") || strings.Contains(d.MediaType, ".nondistributable.")
}
