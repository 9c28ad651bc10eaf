package spool

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/opencontainers/go-digest"
)

// A Reader reads a blob from its file while that grows. It waits for bytes that have not
// come yet. It gives the last bytes only if the digest of the whole is right: the file may
// have been damaged since. The mutex is there because an abandoned upload may still be
// reading.
type Reader struct {
	Moved func(int64) // gets the number of bytes read; nil: nobody wants it

	file   *file
	ctx    context.Context // ends with Close, so that nothing waits after that
	cancel context.CancelFunc

	mu  sync.Mutex
	in  *os.File
	n   int64
	sum digest.Verifier // of the n bytes
	err error
}

func newReader(ctx context.Context, f *file) *Reader {
	r := &Reader{file: f}
	r.ctx, r.cancel = context.WithCancel(ctx)
	return r
}

// Open waits for the first bytes: an upload that waits for its source stalls.
func (r *Reader) Open() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	want := digest.Digest(r.file.source.Digest)
	err := want.Validate() // a manifest may say anything
	if err == nil {
		_, err = r.file.wait(r.ctx, 0)
	}
	if err != nil {
		r.err = err
		return err
	}
	r.sum = want.Verifier()
	in, err := os.Open(r.file.path)
	if err != nil {
		r.err = r.file.whyGone(r.ctx, err)
		return r.err
	}
	r.in = in
	return nil
}

// Read gives the bytes that are there.
func (r *Reader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.in == nil && r.err == nil:
		return 0, errClosed
	case r.err != nil:
		return 0, r.err
	case r.n == r.file.size:
		return 0, io.EOF
	}
	there, err := r.file.wait(r.ctx, r.n)
	if err == nil {
		var n int
		n, err = r.in.ReadAt(p[:min(int64(len(p)), there-r.n)], r.n)
		r.n += int64(n)
		_, _ = r.sum.Write(p[:n])
		if r.Moved != nil {
			r.Moved(int64(n))
		}
		if err == nil && r.n == r.file.size && !r.sum.Verified() {
			err = errDamaged
		}
		if err == nil {
			return n, nil
		}
		err = &DiskError{err}
	}
	r.err = err
	return 0, err
}

// Taken is the number of bytes that were read.
func (r *Reader) Taken() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.n
}

// Again gives bytes that were read before, for an upload that broke.
func (r *Reader) Again(_ context.Context, from, end int64) (io.ReadCloser, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.in == nil {
		return nil, errors.Join(errClosed, r.err)
	}
	return io.NopCloser(io.NewSectionReader(r.in, from, end-from)), nil
}

// Failed gives the error of the source or of the disk, nil for none.
func (r *Reader) Failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	return r.file.failed()
}

// Close ends reading.
func (r *Reader) Close() error {
	r.cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.in == nil {
		return nil
	}
	err := r.in.Close()
	r.in = nil
	return err
}
