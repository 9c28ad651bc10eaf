package registry

import (
	"context"

	"github.com/bayplan/bayplan/internal/registry/wire"
)

// A Checked is the result of checking one image at its destination.
type Checked struct {
	Image
	Want  string   // digest of the source's tag, or of what is selected of it
	Have  string   // digest of the target's tag, "" where there is no such tag
	Lost  []string // missing blobs and manifests, in a deep check
	Blobs int      // number of blobs that were checked
	Err   error    // why it could not be checked, with its side

	Original string // digest of the source's tag, where Want is another one
}

// OK says that the destination has this very image.
func (k *Checked) OK() bool { return k.Err == nil && k.Want == k.Have && len(k.Lost) == 0 }

// Check compares images, or what is selected of them, with their sources. A
// deep check also asks the destination for each of their blobs. The error is
// that of ctx.
func (c *Client) Check(ctx context.Context, images []Image, want Selection, deep bool) ([]*Checked, error) {
	want.scratch = &scratch{}
	all := make([]*Checked, len(images))
	for i, im := range images {
		all[i] = &Checked{Image: im}
	}
	ch := &checker{c, &want, deep}
	alike := groups(all, func(k *Checked) string { return k.Source + " " + k.Digest })
	return all, wire.Each(ctx, alike, ch.checkAlike)
}

// A checker checks images.
type checker struct {
	*Client
	want *Selection
	deep bool
}

// checkAlike checks images of one source, which is asked once.
func (ch *checker) checkAlike(ctx context.Context, ks []*Checked) {
	var like *ImagePlan
	for _, k := range ks {
		e := ch.imagePlans([]Image{k.Image}, ch.want)[0]
		e.like = like
		k.Err = ch.check(ctx, k, e)
		like = e
	}
}

func (ch *checker) check(ctx context.Context, k *Checked, e *ImagePlan) error {
	if e.State == Failed {
		return e.Err
	}
	if err := ch.compare(ctx, e, false); err != nil {
		return err
	}
	k.Want, k.Have, k.Original = e.Digest, e.Have, e.Original
	if !ch.deep || k.Have != k.Want {
		return nil
	}
	if ch.want.Signatures == RequireSignatures {
		lost, err := ch.missingAttachments(ctx, e)
		if err != nil {
			return err
		}
		k.Lost = append(k.Lost, lost...)
	}
	found, err := ch.takeInventory(ctx, &ch.want.scratch.answers, repoOf(e.target), k.Have)
	k.Lost = append(k.Lost, found.lost...)
	k.Blobs = found.blobs
	return on(destination, err)
}
