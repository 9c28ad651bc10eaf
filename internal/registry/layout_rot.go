package registry

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/readers"
)

// Rotten reads all that a layout's index needs, and gives the digests of what
// has other bytes now. What is missing is for others to tell.
func (c *Client) Rotten(ctx context.Context, path string) ([]string, error) {
	l, _ := c.layouts.at(path)
	r, _, err := l.survey(nil)
	if err != nil {
		return nil, on(destination, err)
	}
	all := make([]*reading, 0, len(r.needed))
	for _, d := range slices.Sorted(maps.Keys(r.needed)) {
		all = append(all, &reading{digest: d})
	}
	if err := each(ctx, all, func(ctx context.Context, one *reading) { one.err = l.reread(ctx, one.digest) }); err != nil {
		return nil, err
	}
	var rotten []string
	for _, one := range all {
		switch {
		case errors.Is(one.err, errNotItsDigest):
			rotten = append(rotten, one.digest.String())
		case one.err != nil && !errors.Is(one.err, fs.ErrNotExist):
			return nil, on(destination, one.err)
		}
	}
	return rotten, nil
}

// A reading is what came of reading a blob.
type reading struct {
	digest digest.Digest
	err    error
}

// reread reads a blob, and says whether it is what its digest says.
func (l *layout) reread(ctx context.Context, d digest.Digest) error {
	f, err := l.blob(d)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = copyBlob(io.Discard, d, readers.WithContext(ctx, f))
	return err
}
