package registry

import (
	"context"
	"iter"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/ref"
)

// A SignatureManifest is a manifest that may hold signatures of another.
type SignatureManifest struct{ Name, Body string }

// SignatureManifests gives what may hold signatures of a manifest in an image's repository:
// cosign's tag, and referrers that say so of themselves. Each is read when it is asked for:
// they may be large, and one is often enough. An error is the last of them. It checks
// nothing of what they say.
func (c *Client) SignatureManifests(ctx context.Context, image, subject string) iter.Seq2[SignatureManifest, error] {
	return func(yield func(SignatureManifest, error) bool) {
		r, err := c.sourceRef(image)
		if err != nil {
			yield(SignatureManifest{}, err)
			return
		}
		repo := repoOf(r)
		if !c.giveSignatures(ctx, repo.SetTag(strings.Replace(subject, ":", "-", 1)+".sig"), yield) {
			return
		}
		names, err := c.referrers(ctx, repo.SetDigest(subject), &tagLists{})
		if err != nil {
			yield(SignatureManifest{}, err)
			return
		}
		for _, a := range names[:min(len(names), maxAttached)] {
			if a.signature && !c.giveSignatures(ctx, repo.SetDigest(a.digest), yield) {
				return
			}
		}
	}
}

// giveSignatures gives one manifest, unless it is not there, and reports whether more are
// wanted.
func (c *Client) giveSignatures(ctx context.Context, at ref.Ref, yield func(SignatureManifest, error) bool) bool {
	m, err := c.manifest(ctx, at)
	if kind := KindOf(err); kind == NotFound || kind == Denied {
		return true
	}
	var body []byte
	if err == nil {
		body, err = m.RawBody()
	}
	return yield(SignatureManifest{show(at), string(body)}, err) && err == nil
}

// SmallBlob reads a blob of an image's repository, and checks its digest and size.
func (c *Client) SmallBlob(ctx context.Context, image, blob string, size int64) ([]byte, error) {
	r, err := c.sourceRef(image)
	if err != nil {
		return nil, err
	}
	return c.small(ctx, r, descriptor.Descriptor{Digest: digest.Digest(blob), Size: size})
}
