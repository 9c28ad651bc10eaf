package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/bayplan/bayplan/internal/registry/wire"
)

// Again gives bytes that were read before, for an upload that broke. The answer that is
// being read stays open, and its digest is the one that is compared here. That of the
// bytes which arrive is compared by the destination.
func (in *blobReader) Again(ctx context.Context, from, end int64) (io.ReadCloser, error) {
	rd, err := in.request(ctx, from, end)
	if err != nil {
		return nil, in.fail(err)
	}
	return &againReader{in, rd, end - from}, nil
}

// request asks for the bytes of the blob from one to before another. Nobody compares their
// digest.
func (in *blobReader) request(ctx context.Context, from, end int64) (rd io.ReadCloser, err error) {
	header := ""
	if from == 0 && end == in.blob.Size {
		ctx = wire.ForBlob(ctx, end)
	} else {
		ctx, header = wire.ForPart(ctx, from, end)
	}
	err = in.c.call(ctx, in.from, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, wire.RepositoryOf(ctx)+"/blobs/"+in.blob.Digest, nil)
		if err != nil {
			return err
		}
		req.Header.Set("User-Agent", wire.UserAgent)
		if header != "" {
			req.Header.Set("Range", header)
		}
		resp, err := in.c.http.Do(req)
		if err != nil {
			return err
		}
		rd = resp.Body
		switch resp.StatusCode {
		case http.StatusPartialContent:
			return nil
		case http.StatusOK: // all of the blob, from its first byte
			_, err = io.CopyN(io.Discard, rd, from)
			return err
		}
		return fmt.Errorf("it answers %s to a request for a part of the blob", resp.Status)
	})
	if err != nil && rd != nil {
		_ = rd.Close()
	}
	return rd, err
}

// fail notes an error of the source.
func (in *blobReader) fail(err error) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	var own *Error
	if !errors.As(err, &own) {
		err = in.explain(err)
	}
	in.err = err
	return err
}

// An againReader gives bytes of a blob again, and notes the error of the source.
type againReader struct {
	in   *blobReader
	rd   io.ReadCloser
	left int64
}

// Read gives the bytes that are left.
func (r *againReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.rd.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	switch {
	case err == nil || r.left == 0:
		return n, nil
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return n, r.in.fail(err)
}

// Close ends the request.
func (r *againReader) Close() error { return r.rd.Close() }
