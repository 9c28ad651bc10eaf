package registry

import "context"

// Rotten reads all that a layout's index needs, and gives the digests of what
// has other bytes now. What is missing is for others to tell.
func (c *Client) Rotten(ctx context.Context, path string) ([]string, error) {
	l, _ := c.layouts.at(path)
	corrupt, err := l.Corrupt(ctx)
	return corrupt, on(destination, err)
}
