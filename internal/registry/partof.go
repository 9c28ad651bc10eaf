package registry

import (
	"context"

	"github.com/regclient/regclient/types/manifest"
	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/registry/manifests"
)

// IsPart says whether an image at its destination is a part of the image at its
// source: an index with fewer platforms. If that cannot be found out, the
// answer is no.
func (c *Client) IsPart(ctx context.Context, k *Checked) bool {
	if k.Want == "" || k.Have == "" {
		return false
	}
	source, serr := c.sourceRef(k.Source)
	target, terr := c.imageRef(k.Target)
	if serr != nil || terr != nil || show(source) == show(target) {
		return false
	}
	whole := c.namedBy(ctx, repoOf(source).SetDigest(k.Want), c.manifest)
	if whole[k.Have] {
		return true
	}
	part := c.namedBy(ctx, repoOf(target).SetDigest(k.Have), c.manifestThere)
	for digest := range part {
		if !whole[digest] {
			return false
		}
	}
	return len(part) > 0
}

// namedBy gives the digests that an index names.
func (c *Client) namedBy(ctx context.Context, r ref.Ref, read reader) map[string]bool {
	m, err := read(ctx, r)
	index, ok := m.(manifest.Indexer)
	if err != nil || !ok {
		return nil
	}
	list, err := manifests.Children(index)
	if err != nil {
		return nil
	}
	named := map[string]bool{}
	for _, d := range list {
		named[d.Digest.String()] = true
	}
	return named
}
