package imagelist

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/bayplan/bayplan/internal/registry"
)

// ResolveSources looks up the digests of images by their sources. It gives the images
// with their digests, and the errors of those whose source cannot be asked. An image
// whose source is its target is not looked up: nothing is copied for it.
func ResolveSources(ctx context.Context, c *registry.Client, images []registry.Image, resolve func(context.Context, string) (string, error)) ([]registry.Image, error) {
	images = slices.Clone(images)
	asked := make([]*registry.Checked, len(images))
	var g errgroup.Group
	g.SetLimit(registry.MaxConcurrency)
	for i := range images {
		im := &images[i]
		asked[i] = &registry.Checked{Image: registry.Image{Target: im.Source}}
		_, _, layout := registry.CutLayout(im.Source)
		if im.Digest != "" || layout || c.SameImage(im.Source, im.Target) {
			continue
		}
		g.Go(func() error {
			im.Digest, asked[i].Err = resolve(ctx, im.Source)
			return nil
		})
	}
	_ = g.Wait() // the errors are kept for each image
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return images, errors.Join(Unchecked(asked)...)
}
