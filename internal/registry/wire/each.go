package wire

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// MaxConcurrency is the number of requests that a registry gets at a time at most, if it
// answers so many as fast as few.
const MaxConcurrency = 64

// Each runs do for every item, several at a time. Its only error is that of ctx.
func Each[T any](ctx context.Context, items []T, do func(context.Context, T)) error {
	var g errgroup.Group
	g.SetLimit(MaxConcurrency)
	for _, it := range items {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error { do(ctx, it); return nil })
	}
	_ = g.Wait()
	return ctx.Err()
}
