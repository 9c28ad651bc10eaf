package tripleo

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/labels"
)

// A Registry answers questions about images by NAME:TAG. Its errors name the image
// or the host that they are about.
type Registry interface {
	// Labels returns an image's labels.
	Labels(ctx context.Context, ref string) (map[string]string, error)
	// HasTag reports whether an image exists.
	HasTag(ctx context.Context, ref string) (bool, error)
}

// maxLookups is the number of parallel lookups.
const maxLookups = 8

// DiscoverTags finds the tags of the images that have a TagFromLabel: it expands
// that with the image's labels. The result maps Image.Lookup to tags. Images with
// the same lookup share one. DiscoverTags returns all errors in the order of the
// images, each text once.
//
// A missing label is an error, unless the image has its own tag (OwnTag): then
// that is its tag.
func DiscoverTags(ctx context.Context, images []Image, reg Registry) (map[string]string, error) {
	images = uniqueLookups(images)
	found := make([]string, len(images))
	errs := make([]error, len(images))
	var group errgroup.Group
	group.SetLimit(maxLookups)
	for i, image := range images {
		group.Go(func() error {
			found[i], errs[i] = discoverTag(ctx, image, reg)
			return nil // go on with the others, to report all mistakes at once
		})
	}
	_ = group.Wait() // the errors are in errs
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if err := joinDistinct(errs); err != nil {
		return nil, err
	}
	tags := make(map[string]string, len(images))
	for i, image := range images {
		tags[image.Lookup()] = found[i]
	}
	return tags, nil
}

func discoverTag(ctx context.Context, image Image, reg Registry) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	have, err := reg.Labels(ctx, image.Ref())
	if err != nil {
		return "", err
	}
	tag, err := labels.Expand(image.TagFromLabel, have)
	var missing *labels.MissingError
	switch {
	case errors.As(err, &missing) && image.OwnTag:
		return image.Tag, nil
	case errors.As(err, &missing):
		return "", fault.WithHint(fmt.Errorf("image %s: %w", image.Ref(), err),
			"a tag_from_label must name labels that all images have; an image without them can be left out with excludes")
	case err != nil:
		return "", fmt.Errorf("image %s: %w", image.Ref(), err)
	}
	return tag, checkTag(ctx, image, tag, reg)
}

// checkTag checks that the registry has a tag made from labels. Labels may be
// wrong: they are what a build wrote into the image.
func checkTag(ctx context.Context, image Image, tag string, reg Registry) error {
	ref := image.Name + ":" + tag
	if !imageRef.MatchString(ref) {
		return fmt.Errorf("image %s: its labels give the tag %q, which is not a valid tag", image.Ref(), tag)
	}
	if tag == image.Tag {
		return nil
	}
	there, err := reg.HasTag(ctx, ref)
	if err == nil && !there {
		err = fmt.Errorf("image %s: its labels give the tag %q, but %s is not in the registry", image.Ref(), tag, ref)
	}
	return err
}

// joinDistinct joins errors, and each text only once: an unreachable registry is one
// mistake, not one per image.
func joinDistinct(errs []error) error {
	var all []error
	seen := map[string]bool{}
	for _, err := range errs {
		if err != nil && !seen[err.Error()] {
			seen[err.Error()] = true
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// uniqueLookups returns the images that need a lookup, one image per lookup.
func uniqueLookups(images []Image) []Image {
	var all []Image
	seen := map[string]bool{}
	for _, image := range images {
		if what := image.Lookup(); what != "" && !seen[what] {
			seen[what] = true
			all = append(all, image)
		}
	}
	return all
}

// Lookup returns a key for the lookup that finds the image's tag, or "" if the
// image needs no lookup.
func (i Image) Lookup() string {
	if i.TagFromLabel == "" {
		return ""
	}
	return i.Ref() + " " + i.TagFromLabel
}

// WithTags returns the images with the discovered tags. They need no further
// lookup.
func WithTags(images []Image, tags map[string]string) []Image {
	tagged := make([]Image, len(images))
	for i, image := range images {
		if tag, ok := tags[image.Lookup()]; ok {
			image.Tag, image.TagFromLabel, image.Found = tag, "", true
		}
		tagged[i] = image
	}
	return tagged
}
