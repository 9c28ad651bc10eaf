// Package readers holds common wrappers of an io.Reader: one that stops when a
// context ends, and one that counts. It also has a writer that keeps the beginning
// of what comes. It knows nothing of what is read. A reader
// that checks, resumes or slows down a transfer belongs to the package that needs
// it.
package readers

import (
	"context"
	"io"
)

// WithContext returns a reader that reads from r until ctx ends. It does not
// interrupt a read that has begun. After the end, the error has the text of the
// context's cause, and errors.Is finds both the cause and the context's error.
func WithContext(ctx context.Context, r io.Reader) io.Reader {
	return &contextReader{ctx, r}
}

type contextReader struct {
	ctx context.Context //nolint:containedctx // lives as long as the call that reads
	r   io.Reader
}

func (r *contextReader) Read(p []byte) (int, error) {
	err := r.ctx.Err()
	if err == nil {
		return r.r.Read(p)
	}
	if cause := context.Cause(r.ctx); cause != err {
		err = &endError{cause, err}
	}
	return 0, err
}

// An endError says why a context ended (cause) and how (err).
type endError struct{ cause, err error }

func (e *endError) Error() string   { return e.cause.Error() }
func (e *endError) Unwrap() []error { return []error{e.cause, e.err} }

// Counting returns a reader that reads from r and calls add with the number of
// bytes of each read that returned any. add runs in the goroutine that reads, so
// it must be safe for concurrent use if another goroutine looks at the count.
func Counting(r io.Reader, add func(n int64)) io.Reader {
	return &countingReader{r, add}
}

type countingReader struct {
	r   io.Reader
	add func(int64)
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if n > 0 {
		r.add(int64(n))
	}
	return n, err
}
