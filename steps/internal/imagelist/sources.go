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
// whose source is its target is not looked up: nothing is copied for it. A source of
// several targets is looked up once.
func ResolveSources(ctx context.Context, c *registry.Client, images []registry.Image, resolve func(context.Context, string) (string, error)) ([]registry.Image, error) {
	images = slices.Clone(images)
	var asked []*registry.Checked
	targets := map[string][]*registry.Image{} // by source
	var g errgroup.Group
	g.SetLimit(registry.MaxConcurrency)
	for i := range images {
		im := &images[i]
		_, _, layout := registry.CutLayout(im.Source)
		if im.Digest != "" || layout || c.SameImage(im.Source, im.Target) {
			continue
		}
		targets[im.Source] = append(targets[im.Source], im)
		if len(targets[im.Source]) > 1 {
			continue
		}
		k := &registry.Checked{Image: registry.Image{Target: im.Source}}
		asked = append(asked, k)
		g.Go(func() error {
			k.Want, k.Err = resolve(ctx, k.Target)
			return nil
		})
	}
	_ = g.Wait() // the errors are kept for each source
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, k := range asked {
		for _, im := range targets[k.Target] {
			im.Digest = k.Want
		}
	}
	return images, errors.Join(Unchecked(asked)...)
}
