package wire

import (
	"context"
	"errors"

	"github.com/bayplan/bayplan/internal/fault"
)

// Retry repeats do while it fails for a reason that may pass. It does not
// repeat what the Transport has repeated.
func (t *Transport) Retry(ctx context.Context, do func() error) error {
	for try := 1; ; try++ {
		err := do()
		if err == nil || ctx.Err() != nil || try == tries || !fault.IsConnection(err) {
			return err
		}
		wait := backoff(try)
		var e *Error
		if errors.As(err, &e) {
			if e.repeated || e.RetryAfter > maxRetryAfter {
				return err
			}
			wait = max(wait, e.RetryAfter)
		}
		if t.pause(ctx, wait) != nil {
			return err
		}
	}
}
