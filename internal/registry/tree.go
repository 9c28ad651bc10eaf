package registry

import (
	"context"
	"fmt"
	"slices"
	"unique"

	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/manifest"
	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/registry/manifests"
)

// A tree is the manifests and blobs of an image, each once.
type tree struct {
	repo      ref.Ref
	read      reader
	keep      *manifests.Packer  // nil: the manifests are not kept
	seen      map[string]bool    // digests of manifests
	parts     map[string]bool    // digests of blobs
	manifests []manifests.Packed // children first
	blobs     []part
	most      int // manifests, with those that are seen
}

// A part is a blob that a manifest names.
type part struct {
	digest string
	size   int64
}

// readTree reads the manifests of an image from its source.
func (c *Client) readTree(ctx context.Context, e *ImagePlan) error {
	if l := e.like; l != nil && l.puts != nil {
		e.takeTree(l)
		return nil
	}
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

// takeTree takes what was read for another target of the same image.
func (e *ImagePlan) takeTree(l *ImagePlan) {
	e.attached, e.parts, e.Blobs, e.Size = l.attached, l.parts, l.Blobs, l.Size
	e.puts = slices.Clone(l.puts)
	e.puts[len(e.puts)-1].tag = e.target.Tag
}

// A reader reads a manifest from one of the two sides.
type reader func(context.Context, ref.Ref) (manifest.Manifest, error)

func newTree(repo ref.Ref, read reader) *tree {
	return &tree{repo: repo, read: read, seen: map[string]bool{}, parts: map[string]bool{}, most: manifests.MaxManifests}
}

// another reads one more image, which may have as many manifests as any.
func (t *tree) another(ctx context.Context, digest string) error {
	t.most = len(t.seen) + manifests.MaxManifests
	return t.walk(ctx, digest, 1)
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
	case depth > manifests.MaxDepth:
		return fmt.Errorf("%s: indexes are nested more than %d deep", show(r), manifests.MaxDepth)
	case len(t.seen) > t.most:
		return fmt.Errorf("%s: more than %d manifests", show(t.repo), manifests.MaxManifests)
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
	b, err := t.keep.Pack(m)
	t.manifests = append(t.manifests, b)
	return err
}

func (t *tree) below(ctx context.Context, m manifest.Manifest, depth int) error {
	name := show(t.repo.SetDigest(manifests.Describe(m).Digest))
	if manifests.IsOldFormat(m) {
		return manifests.OldFormatError(name, "copied")
	}
	index, ok := m.(manifest.Indexer)
	if !ok {
		return t.image(m, name)
	}
	list, err := manifests.Children(index)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, d := range list {
		if err := t.walk(ctx, d.Digest.String(), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// image adds the blobs of one image.
func (t *tree) image(m manifest.Manifest, name string) error {
	conf, layers, err := manifests.Parts(m, "copied")
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, d := range append([]descriptor.Descriptor{conf}, layers...) {
		if manifests.IsForeign(d) {
			continue
		}
		if err := manifests.CheckBlob(d); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if key := unique.Make(d.Digest.String()).Value(); !t.parts[key] {
			t.parts[key] = true
			t.blobs = append(t.blobs, part{key, d.Size})
		}
	}
	return nil
}
