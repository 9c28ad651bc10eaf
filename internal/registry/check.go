package registry

import "context"

// A Checked is what came of looking at one image at its destination.
type Checked struct {
	Image
	Want  string   // digest that the source's tag stands for, or what is selected of it
	Have  string   // digest that the target's tag stands for; "": there is no such tag
	Lost  []string // blobs and manifests that the target should have and has not, when looked at deeply
	Blobs int      // looked at
	Err   error    // that kept it from being looked at, with its side

	Original string // digest that the source's tag stands for, where Want is another one
}

// OK says that the image is there, and the very one.
func (k *Checked) OK() bool { return k.Err == nil && k.Want == k.Have && len(k.Lost) == 0 }

// Check compares images, or what is selected of them, with their sources; deep
// also asks for each of their blobs at the destination. The error is ctx's.
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
