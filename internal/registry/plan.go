package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/ref"
	"golang.org/x/sync/errgroup"
)

// planners is how many images are looked at at a time.
const planners = 8

// Plan finds out what there is to do to have the images, or what is selected of
// them, where they are to be. It moves nothing. What is wrong with one image
// stands in its plan; the error is for what concerns all of them.
func (c *Client) Plan(ctx context.Context, images []Image, want Selection) (*TransferPlan, error) {
	want.scratch = &scratch{}
	t := &TransferPlan{Images: c.imagePlans(images, &want)}
	if err := each(ctx, t.Images, func(ctx context.Context, e *ImagePlan) { c.planImage(ctx, e) }); err != nil {
		return nil, err
	}
	t.Blobs = collect(t.Images)
	t.trusting = slices.ContainsFunc(t.Images, func(e *ImagePlan) bool { return e.isConfirmed() && len(e.held) > 0 })
	if err := c.findBlobs(ctx, t); err != nil {
		return nil, err
	}
	if err := c.findMountSources(ctx, t); err != nil {
		return nil, err
	}
	t.dropScratch()
	return t, nil
}

// dropScratch lets go of what was only needed to make the table.
func (t *TransferPlan) dropScratch() {
	for _, e := range t.Images {
		e.held, e.want.scratch = nil, nil
	}
}

// each runs do for every item, some at a time. Its only error is ctx's.
func each[T any](ctx context.Context, items []T, do func(context.Context, T)) error {
	var g errgroup.Group
	g.SetLimit(planners)
	for _, it := range items {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error { do(ctx, it); return nil })
	}
	_ = g.Wait()
	return ctx.Err()
}

// imagePlans makes the table's entries: an image named twice counts once, and
// two images cannot be at one place.
func (c *Client) imagePlans(images []Image, want *Selection) []*ImagePlan {
	var all []*ImagePlan
	seen := map[Image]bool{}
	byTarget := map[string]*ImagePlan{}
	for _, im := range images {
		if seen[im] {
			continue
		}
		seen[im] = true
		e := &ImagePlan{Image: im, State: Copy, want: want}
		all = append(all, e)
		var serr, terr error
		e.source, serr = c.imageRef(im.Source)
		e.target, terr = c.imageRef(im.Target)
		if err := errors.Join(on(source, serr), on(destination, terr)); err != nil {
			e.fail(err)
			continue
		}
		if other := byTarget[im.Target]; other != nil {
			err := fmt.Errorf("both %s and %s are to be there", other.Source, im.Source)
			e.fail(err)
			other.fail(err)
		}
		byTarget[im.Target] = e
	}
	return all
}

func (e *ImagePlan) fail(err error) {
	e.State, e.Err = Failed, err
}

// planImage asks both sides what the tags stand for, and reads the manifests when
// there is something to copy.
func (c *Client) planImage(ctx context.Context, e *ImagePlan) {
	if e.State != Copy {
		return
	}
	err := c.compare(ctx, e, true)
	if err == nil && e.State == Unchanged {
		err = c.recheck(ctx, e)
	}
	if err == nil && e.State == Copy {
		c.readOlderImage(ctx, e)
		err = on(source, c.readTree(ctx, e))
	}
	e.top = nil // there may be very many
	if err != nil {
		e.fail(err)
	}
}

// compare fills in what both tags stand for. The destination is asked first: of
// an image that is to be copied, and is not there at all, the manifest itself
// is read at once, as it will be needed.
func (c *Client) compare(ctx context.Context, e *ImagePlan, copying bool) error {
	var have string
	var derr error
	if e.target.Tag != "" {
		have, derr = c.tagged(ctx, e.target)
		copying = copying && have == "" && derr == nil
	}
	want, serr := c.wanted(ctx, e, copying)
	if serr == nil {
		e.Digest = want // whatever the destination says
	}
	if e.target.Tag == "" && serr == nil {
		have, derr = c.tagged(ctx, repoOf(e.target).SetDigest(want))
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case serr != nil && derr != nil:
		return fmt.Errorf("%w; %w", on(source, serr), on(destination, derr))
	case serr != nil:
		return on(source, serr)
	case derr != nil:
		return on(destination, derr)
	}
	e.Have = have
	if want == have {
		e.State = Unchanged
	}
	return nil
}

// wanted gives the digest of the source's image, and reads its manifest where
// that is wanted too or the digest follows from it. A HEAD, unlike that, does
// not count as a pull.
func (c *Client) wanted(ctx context.Context, e *ImagePlan, reading bool) (string, error) {
	if e.Digest != "" {
		if err := digest.Digest(e.Digest).Validate(); err != nil {
			return "", fmt.Errorf("%s: the digest %q: %w", show(e.source), e.Digest, err)
		}
	}
	switch {
	case len(e.want.Platforms) > 0:
		return c.narrowed(ctx, e)
	case e.Digest != "":
		return e.Digest, nil
	case !reading:
		d, err := c.head(ctx, c.pull, e.source)
		return d.Digest, err
	}
	m, err := c.manifest(ctx, e.source)
	if err != nil {
		return "", err
	}
	e.top = m
	return describe(m).Digest, nil
}

// tagged gives the digest that a destination's tag stands for, "" when there is no such tag.
func (c *Client) tagged(ctx context.Context, r ref.Ref) (string, error) {
	d, err := c.head(ctx, c.push, r)
	if KindOf(err) == NotFound {
		return "", nil
	}
	return d.Digest, err
}

// findBlobs finds out which of the other blobs the destinations have: an
// aborted run leaves them in repositories that have no tag yet. Each is looked
// for in one place, where such a run would have brought it first. A repository
// that the catalog does not name is not asked; where there is no catalog, all are.
func (c *Client) findBlobs(ctx context.Context, t *TransferPlan) error {
	known := map[string]map[string]bool{}
	for _, b := range t.Blobs {
		host := b.places[0].repo.Registry
		if _, asked := known[host]; asked || b.isPresent() {
			continue
		}
		names, err := c.Catalog(ctx, host)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, ErrNoRegistry) {
			return on(destination, err)
		}
		known[host] = nil // a registry that does not tell is no error
		if err == nil {
			known[host] = map[string]bool{}
			for _, n := range names {
				known[host][n] = true
			}
		}
	}
	return each(ctx, t.Blobs, func(ctx context.Context, b *Blob) { c.findBlob(ctx, b, known[b.places[0].repo.Registry]) })
}

// findBlob looks for a blob in the first of its places that the catalog names.
func (c *Client) findBlob(ctx context.Context, b *Blob, catalog map[string]bool) {
	if b.isPresent() {
		return
	}
	for _, p := range b.places {
		if catalog == nil || catalog[p.repo.Repository] {
			p.present, _ = c.hasBlob(ctx, *p.repo, part{b.Digest, b.Size})
			return
		}
	}
}

// hasBlob asks for a blob at the destination.
func (c *Client) hasBlob(ctx context.Context, repo ref.Ref, d part) (bool, error) {
	err := c.call(ctx, repo, func(ctx context.Context) error {
		rd, err := c.push.BlobHead(ctx, repo, descriptor.Descriptor{Digest: digest.Digest(d.digest), Size: d.size})
		if err == nil {
			err = rd.Close()
		}
		return err
	})
	if KindOf(err) == NotFound {
		return false, nil
	}
	return err == nil, err
}
