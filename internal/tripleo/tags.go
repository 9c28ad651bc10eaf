package tripleo

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/labels"
)

// A Registry answers for images, by their references with tags. Its errors
// name the image or the host, whichever they are about.
type Registry interface {
	// Labels gives an image's labels.
	Labels(ctx context.Context, ref string) (map[string]string, error)
	// HasTag says whether an image is there.
	HasTag(ctx context.Context, ref string) (bool, error)
}

// lookups is how many images are asked for at once.
const lookups = 8

// DiscoverTags finds the tags of the images that have a TagFromLabel, by
// expanding that with the image's own labels, and gives them by Lookup. What is
// looked up for several images is asked for once. All errors are reported, in
// the order of the images, each once.
//
// A label that is missing is an error, except for an image that has a tag of
// its own to fall back on.
func DiscoverTags(ctx context.Context, images []Image, reg Registry) (map[string]string, error) {
	images = unique(images)
	found := make([]string, len(images))
	errs := make([]error, len(images))
	var group errgroup.Group
	group.SetLimit(lookups)
	for i, image := range images {
		group.Go(func() error {
			found[i], errs[i] = discoverTag(ctx, image, reg)
			return nil // the others go on: all mistakes are told at once
		})
	}
	_ = group.Wait() // every error has its place in errs
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if err := distinct(errs); err != nil {
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

// checkTag holds a tag made of labels against the registry: labels are only
// what somebody wrote into the image.
func checkTag(ctx context.Context, image Image, tag string, reg Registry) error {
	ref := image.Name + ":" + tag
	if !reference.MatchString(ref) {
		return fmt.Errorf("image %s: its labels give the tag %q, which is no tag", image.Ref(), tag)
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

// distinct joins errors, of those that say the same only the first: a registry
// that cannot be reached is one mistake, not one for each of its images.
func distinct(errs []error) error {
	var all []error
	said := map[string]bool{}
	for _, err := range errs {
		if err != nil && !said[err.Error()] {
			said[err.Error()] = true
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// unique gives the images whose tags have to be looked up, each lookup once.
func unique(images []Image) []Image {
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

// Lookup says what is looked up to find the image's tag: "" when nothing is.
func (i Image) Lookup() string {
	if i.TagFromLabel == "" {
		return ""
	}
	return i.Ref() + " " + i.TagFromLabel
}

// WithTags gives the images with the tags that were discovered. They need no
// lookup any more.
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
