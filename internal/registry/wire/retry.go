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
		if err == nil || ctx.Err() != nil || !fault.IsConnection(err) {
			return err
		}
		wait, most := backoff(try), tries
		var e *Error
		if errors.As(err, &e) {
			if e.repeated || e.RetryAfter > maxRetryAfter {
				return err
			}
			wait, most = max(wait, e.RetryAfter), triesAt(e.Status)
		}
		if try >= most {
			return err
		}
		if t.pause(ctx, wait) != nil {
			return err
		}
	}
}
