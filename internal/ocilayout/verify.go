package ocilayout

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/bayplan/bayplan/internal/readers"
)

// Corrupt reads all blobs that the index needs, and gives the digests of those
// whose bytes have changed. It does not report missing blobs.
func (l *Layout) Corrupt(ctx context.Context) ([]string, error) {
	r, _, err := l.mark(nil)
	if err != nil {
		return nil, err
	}
	digests := slices.Sorted(maps.Keys(r.needed))
	errs := make([]error, len(digests))
	var g errgroup.Group
	g.SetLimit(parallelReads)
	for i, d := range digests {
		g.Go(func() error {
			errs[i] = l.reread(ctx, d)
			return nil
		})
	}
	_ = g.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var corrupt []string
	for i, d := range digests {
		switch err := errs[i]; {
		case errors.Is(err, ErrDigest):
			corrupt = append(corrupt, d.String())
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	return corrupt, nil
}

// parallelReads is the number of blobs that are read at a time.
const parallelReads = 8

// reread reads a blob and checks its digest.
func (l *Layout) reread(ctx context.Context, d digest.Digest) error {
	f, err := l.Open(d)
	if err != nil {
		return err
	}
	defer f.Close()
	return copyBlob(io.Discard, d, readers.WithContext(ctx, f))
}
