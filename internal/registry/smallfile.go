package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/manifest"
	"github.com/regclient/regclient/types/mediatype"
	v1 "github.com/regclient/regclient/types/oci/v1"
	"github.com/regclient/regclient/types/ref"
)

// A SmallFile is an artifact of one file that fits into memory.
type SmallFile struct {
	Type      string // of the artifact
	MediaType string // of its file
	Bytes     []byte // of its file
}

// Errors of SmallFile about what was read, in place of an answer of the registry.
var (
	// ErrForeign says that an image is not a small file of the wanted type.
	ErrForeign = errors.New("it is something else")
	// ErrDamaged says that the bytes of a small file are not there, are others or too many.
	ErrDamaged = errors.New("it is damaged")
)

// PutSmallFile makes a tag stand for a small file. The tag is put last. It repeats nothing.
func (c *Client) PutSmallFile(ctx context.Context, image string, f SmallFile) error {
	r, err := c.parseTagged(image)
	if err != nil {
		return err
	}
	empty := descriptor.Descriptor{MediaType: mediatype.OCI1Empty, Digest: descriptor.EmptyDigest, Size: int64(len(descriptor.EmptyData))}
	file := descriptor.Descriptor{MediaType: f.MediaType, Digest: digest.FromBytes(f.Bytes), Size: int64(len(f.Bytes))}
	m, err := manifest.New(manifest.WithOrig(v1.Manifest{
		Versioned: v1.ManifestSchemaVersion, MediaType: mediatype.OCI1Manifest,
		ArtifactType: f.Type, Config: empty, Layers: []descriptor.Descriptor{file},
	}))
	if err != nil {
		return err
	}
	if err := c.putBytes(ctx, r, empty, descriptor.EmptyData); err != nil {
		return err
	}
	if err := c.putBytes(ctx, r, file, f.Bytes); err != nil {
		return err
	}
	return c.call(ctx, r, func(ctx context.Context) error { return c.push(r).ManifestPut(ctx, r, m) })
}

func (c *Client) putBytes(ctx context.Context, r ref.Ref, d descriptor.Descriptor, b []byte) error {
	return c.call(ctx, r, func(ctx context.Context) error {
		_, err := c.push(r).BlobPut(ctx, repoOf(r), d, bytes.NewReader(b))
		return err
	})
}

// SmallFile reads a small file of at most so many bytes, by one request for its manifest and
// one for its bytes, which it compares with their digest. The error for an image of another
// type is ErrForeign. The time is that of the registry's answer about the manifest, also if
// there is no such tag; zero: it gave none.
func (c *Client) SmallFile(ctx context.Context, image, artifactType string, most int64) ([]byte, time.Time, error) {
	r, err := c.parseTagged(image)
	if err != nil {
		return nil, time.Time{}, err
	}
	var m manifest.Manifest
	result, err := c.callResult(ctx, r, func(ctx context.Context) (err error) {
		m, err = c.pull(r).ManifestGet(ctx, r)
		return err
	})
	at := result.Date()
	if err != nil {
		return nil, at, err
	}
	one, ok := m.GetOrig().(v1.Manifest)
	if !ok || one.ArtifactType != artifactType || len(one.Layers) != 1 {
		return nil, at, fmt.Errorf("%s: %w", show(r), ErrForeign)
	}
	d := one.Layers[0]
	if d.Size <= 0 || d.Size > most {
		return nil, at, fmt.Errorf("%s: its file is said to have %d bytes; at most %d are read: %w", show(r), d.Size, most, ErrDamaged)
	}
	b, err := c.small(ctx, r, d)
	if kind := KindOf(err); kind == NotFound || kind == Mismatch {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return b, at, err
}
