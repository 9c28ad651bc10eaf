package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/registry/manifests"
	"github.com/bayplan/bayplan/internal/registry/wire"
)

// Plan finds out what is to be moved so that the images, or what is selected of
// them, are at their destinations. It moves nothing. The error of one image is
// in its ImagePlan. The error that is returned concerns all images.
func (c *Client) Plan(ctx context.Context, images []Image, want Selection) (*TransferPlan, error) {
	wants := c.spool.Plan(want.Owner)
	defer wants.Planned()
	want.scratch = &scratch{}
	t := &TransferPlan{Images: c.imagePlans(images, &want)}
	alike := groups(t.Images, func(e *ImagePlan) string { return show(e.source) + " " + e.Digest })
	if err := wire.Each(ctx, alike, c.planAlike); err != nil {
		return nil, err
	}
	t.Blobs = collect(t.Images)
	t.trusting = slices.ContainsFunc(t.Images, func(e *ImagePlan) bool { return e.isConfirmed() && len(e.held) > 0 })
	if err := c.findBlobs(ctx, t, &want.scratch.catalogs); err != nil {
		return nil, err
	}
	if err := c.findMountSources(ctx, t); err != nil {
		return nil, err
	}
	if err := c.findLeftOut(ctx, t); err != nil {
		return nil, err
	}
	t.want(wants)
	t.dropScratch()
	return t, nil
}

// dropScratch drops what was needed only to make the plan.
func (t *TransferPlan) dropScratch() {
	for _, e := range t.Images {
		e.held, e.like, e.top, e.want.scratch = nil, nil, nil, nil
	}
}

// groups gives the items of one name together.
func groups[T any](items []T, name func(T) string) [][]T {
	var all [][]T
	at := map[string]int{}
	for _, it := range items {
		n := name(it)
		i, seen := at[n]
		if !seen {
			i = len(all)
			at[n] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], it)
	}
	return all
}

// planAlike plans images of one source, one after the other: its registry is asked once,
// and all targets get the same image.
func (c *Client) planAlike(ctx context.Context, es []*ImagePlan) {
	for i, e := range es {
		if i > 0 {
			e.like = es[i-1]
		}
		c.planImage(ctx, e)
	}
	for _, e := range es {
		e.top = nil // there may be very many plans
	}
}

// imagePlans makes the plans of images. An image that is named twice counts
// once, and two images cannot have one target.
func (c *Client) imagePlans(images []Image, want *Selection) []*ImagePlan {
	var all []*ImagePlan
	seen := map[Image]bool{}
	byTarget := map[string]*ImagePlan{}
	for _, im := range images {
		e := &ImagePlan{Image: im, State: Copy, want: want}
		var serr, terr error
		e.source, serr = c.sourceRef(im.Source)
		e.target, terr = c.imageRef(im.Target)
		err := errors.Join(on(source, serr), on(destination, terr))
		if err == nil {
			im.Source, im.Target = show(e.source), show(e.target) // each in one spelling
		}
		im.Refused = nil // each image has its own error
		if seen[im] {
			continue
		}
		seen[im] = true
		all = append(all, e)
		if err = cmp.Or(err, e.Refused); err != nil {
			e.fail(err)
			continue
		}
		if other := byTarget[im.Target]; other != nil {
			err := fmt.Errorf("both %s and %s are to be there", other.Source, e.Source)
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

// planImage asks both sides for the digests of the tags, and reads the
// manifests of an image to copy.
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
	if err != nil {
		e.fail(err)
	}
}

// compare fills in the digests of both tags. It asks the destination first: of
// an image that is not there, it reads the manifest at once, because that is
// needed.
func (c *Client) compare(ctx context.Context, e *ImagePlan, copies bool) error {
	copying := copies
	var have string
	var derr error
	target := func(r ref.Ref) (string, error) {
		if copies {
			return c.taggedBefore(ctx, r, &e.want.scratch.catalogs)
		}
		return c.tagged(ctx, r, confirm)
	}
	if e.target.Tag != "" {
		have, derr = target(e.target)
		copying = copying && have == "" && derr == nil
	}
	want, serr := c.wanted(ctx, e, copying)
	if serr == nil {
		e.Digest, e.found = want, true // also if the destination fails
	}
	if e.target.Tag == "" && serr == nil {
		have, derr = target(repoOf(e.target).SetDigest(want))
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
	if e.want.Trust == nil {
		return nil
	}
	return on(source, e.want.Trust(ctx, show(e.source), cmp.Or(e.Original, e.Digest)))
}

// wanted gives the digest of the source's image. It reads the manifest where
// that is wanted, too, or where the digest follows from it. A HEAD does not
// count as a pull, but a GET does.
func (c *Client) wanted(ctx context.Context, e *ImagePlan, reading bool) (string, error) {
	if e.Digest != "" {
		if err := wire.CheckDigest(e.Digest); err != nil {
			return "", fmt.Errorf("%s: %w", show(e.source), err)
		}
	}
	if l := e.like; l != nil && l.found {
		e.found, e.top, e.rewritten = true, l.top, l.rewritten
		e.Original, e.Kept, e.Of = l.Original, l.Kept, l.Of
		return l.Digest, nil
	}
	switch {
	case len(e.want.Platforms) > 0:
		return c.narrowed(ctx, e)
	case e.Digest != "":
		return e.Digest, nil
	case !reading:
		d, err := c.head(ctx, c.pull(e.source), e.source, confirm)
		return d.Digest, err
	}
	m, err := c.manifest(ctx, e.source)
	if err != nil {
		return "", err
	}
	e.top = m
	return manifests.Describe(m).Digest, nil
}

// narrowed finds out what an image is when only some platforms are taken.
func (c *Client) narrowed(ctx context.Context, e *ImagePlan) (string, error) {
	at := e.source
	if e.Digest != "" {
		at = repoOf(e.source).SetDigest(e.Digest)
	}
	m, err := c.manifest(ctx, at)
	if err != nil {
		return "", err
	}
	n, err := manifests.Narrow(m, e.want.Platforms, show(e.source))
	if err != nil {
		return "", err
	}
	whole := manifests.Describe(m).Digest
	if n.Digest == whole {
		e.top = m
		return whole, nil
	}
	if n.Index != nil {
		e.top, e.rewritten = n.Index, true
	}
	e.Original, e.Kept, e.Of = whole, n.Kept, n.Of
	return n.Digest, nil
}

// findBlobs finds out which of the other blobs the destinations have: an
// interrupted run leaves blobs in repositories without a tag. Each blob is
// looked for in one place, where such a run would have put it first. Only
// repositories in the catalog are asked, or all where there is no catalog.
func (c *Client) findBlobs(ctx context.Context, t *TransferPlan, lists *catalogs) error {
	known := map[string]map[string]bool{}
	for _, b := range t.Blobs {
		host := b.places[0].repo.Registry
		if _, asked := known[host]; asked || b.isPresent() {
			continue
		}
		names, err := lists.of(ctx, c, host)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, ErrNoRegistry) {
			return on(destination, err)
		}
		known[host] = nil // a registry without a catalog is no error
		if err == nil {
			known[host] = map[string]bool{}
			for _, n := range names {
				known[host][n] = true
			}
		}
	}
	return wire.Each(ctx, t.Blobs, func(ctx context.Context, b *Blob) { c.findBlob(ctx, b, known[b.places[0].repo.Registry]) })
}

// findBlob looks for a blob in the first of its places that the catalog names.
func (c *Client) findBlob(ctx context.Context, b *Blob, catalog map[string]bool) {
	if b.isPresent() {
		return
	}
	for _, p := range b.places {
		if catalog == nil || catalog[p.repo.Repository] {
			p.present, _ = c.hasBlob(ctx, *p.repo, part{b.Digest, b.Size}, believe)
			return
		}
	}
}
