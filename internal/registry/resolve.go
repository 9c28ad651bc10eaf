package registry

import (
	"context"
	"fmt"

	"github.com/regclient/regclient/scheme"
)

// Resolve gives what a tag stands for. It costs one HEAD, which registries do
// not count as a pull, and a GET where that fails.
func (c *Client) Resolve(ctx context.Context, image string) (Descriptor, error) {
	r, err := c.parseTagged(image)
	if err != nil {
		return Descriptor{}, err
	}
	return c.head(ctx, c.pull(r), r, confirm)
}

// HasTag says whether a tag is there.
func (c *Client) HasTag(ctx context.Context, image string) (bool, error) {
	_, err := c.Resolve(ctx, image)
	if KindOf(err) == NotFound {
		return false, nil
	}
	return err == nil, err
}

// maxTags is the largest number of tags that Tags gives.
const maxTags = 1000

// Tags lists the tags of an image's repository, at most 1000, in the order of
// the registry.
func (c *Client) Tags(ctx context.Context, image string) ([]string, error) {
	r, err := c.parse(image)
	if err != nil {
		return nil, err
	}
	r = repoOf(r)
	var tags []string
	err = c.call(ctx, r, func(ctx context.Context) error {
		list, err := c.pull(r).TagList(ctx, r, scheme.WithTagLimit(maxTags))
		if err != nil {
			return err
		}
		tags, err = list.GetTags()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing tags: %w", err)
	}
	return tags[:min(len(tags), maxTags)], nil
}

// AllTags lists all tags of an image's repository, in the order of the
// registry.
func (c *Client) AllTags(ctx context.Context, image string) ([]string, error) {
	r, err := c.parse(image)
	if err != nil {
		return nil, err
	}
	tags, err := c.allTags(ctx, repoOf(r))
	if err != nil {
		return nil, fmt.Errorf("listing tags: %w", err)
	}
	return tags, nil
}
