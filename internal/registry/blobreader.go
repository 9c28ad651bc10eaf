package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/regclient/regclient/types/errs"
	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/registry/wire"
)

// A blobReader reads a blob from its source while it is written to its
// destination. It gives the last bytes only when size and digest of the whole
// are right. It keeps its own error, so that the error is reported for the
// right side. The mutex is there because an abandoned upload may still be
// reading.
type blobReader struct {
	c      *Client
	from   ref.Ref
	blob   *Blob
	moved  func(int64) // gets the number of bytes read
	ctx    context.Context
	cancel context.CancelFunc

	mu     sync.Mutex
	rd     io.ReadCloser
	n      int64
	err    error
	closed bool
}

// newBlobReader makes a blobReader. Its context ends with Close, so that
// nothing waits for the source after that.
func (c *Client) newBlobReader(ctx context.Context, from ref.Ref, b *Blob) *blobReader {
	in := &blobReader{c: c, from: from, blob: b, moved: func(int64) {}}
	in.ctx, in.cancel = context.WithCancel(ctx)
	return in
}

// Read gives the bytes of the blob.
func (in *blobReader) Read(p []byte) (int, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case in.closed:
		return 0, errors.New("read after close")
	case in.err != nil:
		return 0, in.err
	case in.n == in.blob.Size:
		return 0, io.EOF
	}
	n, err := in.rd.Read(p[:min(int64(len(p)), in.blob.Size-in.n)])
	in.n += int64(n)
	in.moved(int64(n))
	if in.n == in.blob.Size && err == nil {
		err = in.readEnd()
	}
	if err != nil && (err != io.EOF || in.n < in.blob.Size) {
		in.err = in.explain(err)
		return 0, in.err
	}
	return n, nil
}

// Open requests the blob. Reading always takes the view for pulling, also at the
// destination. If both requests waited for the same slots, uploads could hold all
// slots and wait for each other.
func (in *blobReader) Open() error {
	if in.blob.Size == 0 {
		return nil
	}
	ctx := wire.ForBlob(in.ctx, in.blob.Size)
	in.err = in.c.call(ctx, in.from, func(ctx context.Context) error {
		rd, err := in.c.pull(in.from).BlobGet(ctx, in.from, in.blob.desc())
		if err == nil {
			in.rd = rd
		}
		return err
	})
	return in.err
}

// readEnd reads beyond the last byte. Only there regclient compares digests.
func (in *blobReader) readEnd() error {
	var one [1]byte
	for {
		n, err := in.rd.Read(one[:])
		if n > 0 {
			return errs.ErrSizeLimitExceeded
		}
		if err != nil {
			return err
		}
	}
}

func (in *blobReader) explain(err error) error {
	if in.ctx.Err() != nil {
		return in.ctx.Err()
	}
	e := &Error{Host: in.from.Registry, Repository: in.from.Repository, Ref: show(in.from), Kind: Mismatch}
	switch {
	case errors.Is(err, errs.ErrDigestMismatch):
		e.Err = errors.New("what it sent has another digest")
	case errors.Is(err, errs.ErrSizeLimitExceeded):
		e.Err = fmt.Errorf("it sent more than the %d bytes that the manifest says", in.blob.Size)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errs.ErrShortRead):
		e.Kind = Unreachable
		reason := fmt.Sprintf("the connection was cut after %d of %d bytes", in.n, in.blob.Size)
		var cut *wire.CutError
		if errors.As(err, &cut) {
			reason = fmt.Sprintf("%v; %s of %s had come", cut, human.Size(in.n), human.Size(in.blob.Size))
		}
		e.Err = fault.AsConnection(fmt.Errorf("%s: %s", show(in.from), reason))
	default:
		e.Kind, e.Err = Other, err
		if fault.IsConnection(err) {
			e.Kind = Unreachable
		}
	}
	return e
}

// Close ends reading. It waits for a running Read.
func (in *blobReader) Close() error {
	in.cancel()
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	if in.rd == nil {
		return nil
	}
	return in.rd.Close()
}

// Failed gives the error of the source, nil for none.
func (in *blobReader) Failed() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.err
}

// Taken is the number of bytes that were read.
func (in *blobReader) Taken() int64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.n
}
