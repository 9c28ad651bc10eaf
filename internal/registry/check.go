package registry

import "context"

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
	err := each(ctx, all, func(ctx context.Context, k *Checked) { k.Err = c.check(ctx, k, &want, deep) })
	return all, err
}

func (c *Client) check(ctx context.Context, k *Checked, want *Selection, deep bool) error {
	e := c.imagePlans([]Image{k.Image}, want)[0]
	if e.State == Failed {
		return e.Err
	}
	if err := c.compare(ctx, e, false); err != nil {
		return err
	}
	k.Want, k.Have, k.Original = e.Digest, e.Have, e.Original
	if !deep || k.Have != k.Want {
		return nil
	}
	if want.Signatures == RequireSignatures {
		lost, err := c.missingAttachments(ctx, e)
		if err != nil {
			return err
		}
		k.Lost = append(k.Lost, lost...)
	}
	found, err := c.takeInventory(ctx, &want.scratch.answers, repoOf(e.target), k.Have)
	k.Lost = append(k.Lost, found.lost...)
	k.Blobs = found.blobs
	return on(destination, err)
}
