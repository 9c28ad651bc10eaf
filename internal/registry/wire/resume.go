package wire

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

type sizeKey struct{}

// ForBlob marks a call as one for a blob of that size.
func ForBlob(ctx context.Context, size int64) context.Context {
	return context.WithValue(ctx, sizeKey{}, size)
}

// A resumed body asks for the rest when its connection is cut. It gives up
// after several answers in a row without a byte.
type resumed struct {
	transport *Transport
	req       *http.Request
	body      io.ReadCloser
	size      int64
	n         int64 // bytes read
	idle      int   // answers in a row without a byte
}

// Read gives the bytes of the blob. It does not check the digest.
func (r *resumed) Read(p []byte) (int, error) {
	for {
		n, err := r.body.Read(p)
		r.n += int64(n)
		if n > 0 {
			r.idle = 0
		}
		if err != io.ErrUnexpectedEOF || r.n >= r.size {
			return n, err
		}
		if err := r.resume(); err != nil {
			return n, err
		}
		if n > 0 {
			return n, nil
		}
	}
}

// resume asks for the rest. Where that fails, its error is io.ErrUnexpectedEOF
// again, and the blob is tried from its beginning.
func (r *resumed) resume() error {
	r.idle++
	if r.idle > tries || r.n == 0 {
		return io.ErrUnexpectedEOF
	}
	if err := r.transport.pause(r.req.Context(), backoff(r.idle)); err != nil {
		return err
	}
	req := r.req.Clone(r.req.Context())
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-", r.n))
	// The token may have expired since.
	log, _ := req.Context().Value(callLogKey{}).(*callLog)
	_, resp, err := r.transport.auth.send(req, log.targetOf())
	if err != nil {
		return io.ErrUnexpectedEOF
	}
	if resp.StatusCode != http.StatusPartialContent || !r.continues(resp.Header.Get("Content-Range")) {
		_ = resp.Body.Close()
		return io.ErrUnexpectedEOF
	}
	_ = r.body.Close()
	r.body = resp.Body
	return nil
}

// continues says whether an answer begins where the last one ended.
func (r *resumed) continues(contentRange string) bool {
	start, _, ok := strings.Cut(strings.TrimPrefix(contentRange, "bytes "), "-")
	n, err := strconv.ParseInt(start, 10, 64)
	return ok && err == nil && n == r.n
}

// Close closes the current answer.
func (r *resumed) Close() error { return r.body.Close() }
