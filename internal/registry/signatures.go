package registry

import (
	"context"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"
)

// A SignatureManifest is a manifest that may hold signatures of another.
type SignatureManifest struct{ Name, Body string }

// SignatureManifests reads what may hold signatures of a manifest in an image's repository:
// cosign's tag, and referrers that say so of themselves. It checks nothing of what they say.
func (c *Client) SignatureManifests(ctx context.Context, image, subject string) ([]SignatureManifest, error) {
	r, err := c.sourceRef(image)
	if err != nil {
		return nil, err
	}
	repo := repoOf(r)
	names, err := c.referrers(ctx, repo.SetDigest(subject), &tagLists{})
	if err != nil {
		return nil, err
	}
	names = append([]attached{{tag: strings.Replace(subject, ":", "-", 1) + ".sig", signature: true}}, names[:min(len(names), maxAttached)]...)
	var found []SignatureManifest
	for _, a := range names {
		if !a.signature {
			continue
		}
		at := repo.SetTag(a.tag)
		if a.tag == "" {
			at = repo.SetDigest(a.digest)
		}
		m, err := c.manifest(ctx, at)
		if kind := KindOf(err); kind == NotFound || kind == Denied {
			continue
		}
		var body []byte
		if err == nil {
			body, err = m.RawBody()
		}
		if err != nil {
			return nil, err
		}
		found = append(found, SignatureManifest{show(at), string(body)})
	}
	return found, nil
}

// SmallBlob reads a blob of an image's repository, and checks its digest and size.
func (c *Client) SmallBlob(ctx context.Context, image, blob string, size int64) ([]byte, error) {
	r, err := c.sourceRef(image)
	if err != nil {
		return nil, err
	}
	return c.small(ctx, r, descriptor.Descriptor{Digest: digest.Digest(blob), Size: size})
}
