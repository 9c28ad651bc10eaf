// Package readers holds what readers of bytes are often wrapped in: an end when
// a context ends, and a count. It knows nothing of what is read. A reader that
// checks, resumes or slows down what it reads belongs to the package that wants
// this.
package readers

import (
	"context"
	"io"
)

// WithContext gives a reader that reads from r until ctx ends. A read that has
// begun is not cut short. The error then has the text of the context's cause
// and is also the context's error, so that callers find either.
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
		err = &ended{cause, err}
	}
	return 0, err
}

// ended is why a context ended, and how.
type ended struct{ cause, err error }

func (e *ended) Error() string   { return e.cause.Error() }
func (e *ended) Unwrap() []error { return []error{e.cause, e.err} }

// Counting gives a reader that reads from r and reports how many bytes each
// read gave. A read of nothing is not reported. Read calls add, so add must be
// safe where another goroutine reads.
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
