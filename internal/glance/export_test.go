package glance

import (
	"context"
	"net/url"
)

// All lists every image that the client may see.
func (c *Client) All(ctx context.Context) ([]Image, error) {
	return c.pages(ctx, url.Values{})
}
