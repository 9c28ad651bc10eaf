package registry

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/registry/spool"
)

// KeepSpool lets blobs that several destinations want lie in files in a directory, each
// until the last of them has it. It removes what a killed run has left there. It is
// called before the client is used, by a run that copies.
func (c *Client) KeepSpool(dir string) { c.spool.Keep(dir) }

// BoundSpool says how many bytes may lie there. It is called before the client is used.
func (c *Client) BoundSpool(n int64) { c.spool.SetRoom(n) }

// Close ends all that is under way. The client is not used after that.
func (c *Client) Close() error {
	c.spool.Close()
	return nil
}

// pullBlob brings a blob to a destination that lacks it. What the run has read from the
// source already is not read there again.
func (c *Client) pullBlob(ctx context.Context, b *Blob, l blobCopy) error {
	defer b.want.Leave()
	err := c.wire.Retry(ctx, func() error { return c.pullOnce(ctx, b, l) })
	if err == nil {
		b.want.Put(l.to)
	}
	return err
}

// pullOnce tries the ways that there are, the cheapest first.
func (c *Client) pullOnce(ctx context.Context, b *Blob, l blobCopy) error {
	for {
		way := b.want.Way(ctx, spool.Source{From: l.from, Digest: b.Digest, Open: func(ctx context.Context) (io.ReadCloser, error) { return c.openBlob(ctx, l.from, b) }}, l.to)
		var err error
		switch {
		case way.Put != nil:
			if err = c.fetchBack(ctx, b, *way.Put, l); isOfSource(err) {
				b.want.Refused(way.Put)
				continue
			}
		case way.Spooled != nil:
			way.Spooled.Moved = l.moved
			err = c.copyFrom(ctx, b, l, way.Spooled)
			var disk *spool.DiskError
			switch {
			case ctx.Err() != nil:
			case errors.As(err, &disk):
				b.want.Lost(disk)
				continue
			case isOfSource(err) && way.From != l.from:
				continue // its own source may have it
			}
		default:
			err = c.copyBlobOnce(ctx, b, l)
		}
		return err
	}
}

// openBlob opens a blob at its source.
func (c *Client) openBlob(ctx context.Context, from ref.Ref, b *Blob) (io.ReadCloser, error) {
	in := c.newBlobReader(ctx, from, b)
	if err := in.Open(); err != nil {
		_ = in.Close()
		return nil, err
	}
	return in, nil
}

// fetchBack brings a blob from where the run has put it. Within a registry it is mounted.
func (c *Client) fetchBack(ctx context.Context, b *Blob, at ref.Ref, l blobCopy) error {
	if destinationOf(at) == destinationOf(l.to) {
		err := c.mount(ctx, b, at, l.to)
		if !errors.Is(err, errRefused) {
			return err
		}
	}
	return c.copyBlobOnce(ctx, b, blobCopy{source, at, l.to, l.moved})
}

// isOfSource says whether an error is one of the side that is read.
func isOfSource(err error) bool {
	var side *SideError
	return errors.As(err, &side) && side.Side == source
}

// Drop says that a plan is not carried out, or was.
func (t *TransferPlan) Drop() { t.wants.End() }

// destinationOf names the registry or layout of a repository.
func destinationOf(r ref.Ref) string { return r.Registry + r.Path }

// ReadAgain says what was read from its source though the run had read it from there
// before, and why; "" for nothing.
func (t *TransferPlan) ReadAgain() string {
	again := t.wants.Again()
	if again.Blobs == 0 {
		return ""
	}
	verb := "were"
	if again.Blobs == 1 {
		verb = "was"
	}
	return fmt.Sprintf("%s (%s) %s read from the source again: %s", human.Count(again.Blobs, "blob", "blobs"), human.Size(again.Bytes), verb, again.Why)
}
