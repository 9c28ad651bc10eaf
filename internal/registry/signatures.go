package registry

import (
	"context"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"
)

// A SignatureManifest is a manifest that may hold signatures of another.
type SignatureManifest struct {
	Name string // host/repository:tag, or host/repository@digest for a referrer
	Body []byte
}

// SignatureManifests reads the manifests that may hold signatures of a manifest in the
// repository of an image: that of cosign's tag, and the referrers that say so of
// themselves. Nothing of what they say is checked.
func (c *Client) SignatureManifests(ctx context.Context, image, subject string) ([]SignatureManifest, error) {
	r, err := c.sourceRef(image)
	if err != nil {
		return nil, err
	}
	repo := repoOf(r)
	names := []attached{{tag: strings.Replace(subject, ":", "-", 1) + ".sig", signature: true}}
	referring, err := c.referrers(ctx, repo.SetDigest(subject), &tagLists{})
	if err != nil {
		return nil, err
	}
	if names = append(names, referring...); len(names) > maxAttached {
		return nil, fmt.Errorf("more than %d manifests refer to it", maxAttached)
	}
	var found []SignatureManifest
	for _, a := range names {
		at := repo.SetTag(a.tag)
		if a.tag == "" {
			at = repo.SetDigest(a.digest)
		}
		if !a.signature {
			continue
		}
		m, err := c.manifest(ctx, at)
		if kind := KindOf(err); kind == NotFound || kind == Denied {
			continue
		}
		if err != nil {
			return nil, err
		}
		body, err := m.RawBody()
		if err != nil {
			return nil, err
		}
		found = append(found, SignatureManifest{show(at), body})
	}
	return found, nil
}

// MaxSmallBlob is the largest blob that SmallBlob reads.
const MaxSmallBlob = maxConfig

// SmallBlob reads a blob of an image's repository, and checks its digest and size.
func (c *Client) SmallBlob(ctx context.Context, image, blob string, size int64) ([]byte, error) {
	r, err := c.sourceRef(image)
	if err != nil {
		return nil, err
	}
	return c.small(ctx, r, descriptor.Descriptor{MediaType: "application/octet-stream", Digest: digest.Digest(blob), Size: size})
}
