package registry

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/regclient/regclient/types/errs"
	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry/manifests"
	"github.com/bayplan/bayplan/internal/registry/upload"
	"github.com/bayplan/bayplan/internal/registry/wire"
)

// A blobCopy says how a blob is copied: from a repository of either side to one
// of the destination.
type blobCopy struct {
	side     string // of from
	from, to ref.Ref
	moved    func(int64)
}

// copyBlob copies a blob from one repository to another. A try that fails after its
// upload broke has tried all that may help.
func (c *Client) copyBlob(ctx context.Context, b *Blob, l blobCopy) error {
	return c.wire.Retry(ctx, func() error { return c.copyBlobOnce(ctx, b, l) })
}

func (c *Client) copyBlobOnce(ctx context.Context, b *Blob, l blobCopy) error {
	in := c.newBlobReader(ctx, l.from, b)
	in.moved = l.moved
	return c.copyFrom(ctx, b, l, in)
}

// A blobSource gives the bytes of a blob to an upload.
type blobSource interface {
	upload.Source
	// Open makes sure, before the upload begins, that there is something to read: an
	// upload that waits for its source stalls.
	Open() error
	io.Closer
}

func (c *Client) copyFrom(ctx context.Context, b *Blob, l blobCopy, in blobSource) error {
	defer func() { _ = in.Close() }()
	err := in.Open()
	if err == nil {
		err = c.call(upload.From(ctx, in), l.to, func(ctx context.Context) error {
			_, err := c.push(l.to).BlobPut(ctx, l.to, b.desc(), in)
			return err
		})
	}
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	side := destination
	if failed := in.Failed(); failed != nil {
		side, err = l.side, failed
	}
	return on(side, fmt.Errorf("blob %s: %w", b.Digest, err))
}

// errRefused says that a registry does not mount blobs.
var errRefused = errors.New("the registry does not mount blobs")

// mount gives a repository a blob of another repository of its registry.
func (c *Client) mount(ctx context.Context, b *Blob, from, to ref.Ref) error {
	err := c.wire.Retry(ctx, func() error {
		return c.call(ctx, to, func(ctx context.Context) error { return c.push(to).BlobMount(ctx, from, to, b.desc()) })
	})
	var e *Error
	switch {
	case err == nil || fault.IsCancelled(err):
		return err
	case errors.Is(err, errs.ErrMountReturnedLocation),
		errors.As(err, &e) && e.Status >= 400 && e.Status < 500 && e.Kind != Busy,
		errors.As(err, &e) && e.Kind == Other:
		return errRefused
	}
	return on(destination, fmt.Errorf("mounting blob %s: %w", b.Digest, err))
}

// publish puts the manifests of an image, the one with the tag last, and makes
// sure that the tag stands for this image.
func (c *Client) publish(ctx context.Context, e *ImagePlan, others *manifests.Puts) error {
	repo := repoOf(e.target)
	for _, p := range e.puts {
		to := repo.SetDigest(p.Digest)
		if p.tag != "" {
			to = repo.SetTag(p.tag)
		}
		if err := others.Put(repo, p.Digest, p.tag, func() error { return c.put(ctx, to, p.Packed) }); err != nil {
			return on(destination, err)
		}
	}
	return nil
}

// put puts one manifest. The registry gives its digest in the answer, or else
// is asked for it.
func (c *Client) put(ctx context.Context, to ref.Ref, b manifests.Packed) error {
	m, err := b.Manifest()
	if err != nil {
		return err
	}
	var result wire.Result
	err = c.wire.Retry(ctx, func() (err error) {
		result, err = c.callResult(ctx, to, func(ctx context.Context) error { return c.push(to).ManifestPut(ctx, to, m) })
		return err
	})
	if err != nil || result.Digest != "" {
		return err
	}
	got, err := c.head(ctx, c.push(to), to, confirm)
	if err == nil && got.Digest != b.Digest {
		err = fmt.Errorf("%s: it is %s after %s was put there", show(to), got.Digest, b.Digest)
	}
	return err
}
