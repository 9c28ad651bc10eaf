package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/transport"
)

type spanKey struct{}

// A span is the bytes of a blob that a call asks for: from one to before another.
type span struct {
	from, end int64
	whole     bool // they are the whole blob
}

// ForBlob marks a call as one for a blob of that size.
func ForBlob(ctx context.Context, size int64) context.Context {
	return context.WithValue(ctx, spanKey{}, span{0, size, true})
}

// ForPart marks a call as one for the bytes of a blob from one to before another, and
// gives the header that asks for them.
func ForPart(ctx context.Context, from, end int64) (inner context.Context, rangeHeader string) {
	s := span{from: from, end: end}
	return context.WithValue(ctx, spanKey{}, s), s.header()
}

// header gives the header Range for the bytes. A blob is asked for to its end.
func (s span) header() string {
	if s.whole {
		return fmt.Sprintf("bytes=%d-", s.from)
	}
	return fmt.Sprintf("bytes=%d-%d", s.from, s.end-1)
}

// body makes the body of an answer give the bytes of the span, also when its
// connection is cut.
func (s span) body(t *Transport, req *http.Request, resp *http.Response) error {
	r := &resumed{transport: t, req: req, body: resp.Body, want: s, n: s.from}
	want := s.end - s.from
	switch {
	case s.whole:
	case resp.StatusCode != http.StatusPartialContent: // the whole blob, whatever its size
		r.n, want = 0, resp.ContentLength
	case !r.continues(resp.Header.Get("Content-Range")):
		return fmt.Errorf("%w: %s sends other bytes than it was asked for", errLength, req.URL.Host)
	}
	if resp.ContentLength >= 0 && resp.ContentLength != want {
		return fmt.Errorf("%w: %s would send %d bytes, the manifest says %d", errLength, req.URL.Host, resp.ContentLength, want)
	}
	resp.Body = r
	return nil
}

// A resumed body asks for the rest when its connection is cut. It gives up
// after several answers in a row without a byte.
type resumed struct {
	transport *Transport
	req       *http.Request
	body      io.ReadCloser
	want      span
	n         int64 // the place of the next byte
	passed    int64 // bytes of this answer
	idle      int   // answers in a row without a byte
	breaks    Breaks
}

// Read gives the bytes of the blob. It does not check the digest.
func (r *resumed) Read(p []byte) (int, error) {
	for {
		n, err := r.body.Read(p)
		r.n += int64(n)
		r.passed += int64(n)
		if n > 0 {
			r.idle = 0
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) || r.n >= r.want.end {
			return n, err
		}
		r.breaks.Note(err, r.passed)
		if err := r.resume(); err != nil {
			return n, err
		}
		if n > 0 {
			return n, nil
		}
	}
}

// resume asks for the rest. Where that fails, its error is a CutError, and the blob
// is tried from its beginning.
func (r *resumed) resume() error {
	r.idle++
	if r.idle > tries || r.n == 0 {
		return &CutError{r.breaks}
	}
	if err := r.transport.pause(r.req.Context(), backoff(r.idle)); err != nil {
		return err
	}
	req := r.req.Clone(r.req.Context())
	rest := r.want
	rest.from = r.n
	req.Header.Set("Range", rest.header())
	// The token may have expired since.
	log, _ := req.Context().Value(callLogKey{}).(*callLog)
	_, resp, err := r.transport.auth.send(req, log.targetOf())
	if err != nil {
		if fault.IsConnection(err) {
			r.breaks.Note(err, 0)
		}
		return &CutError{r.breaks}
	}
	if resp.StatusCode != http.StatusPartialContent || !r.continues(resp.Header.Get("Content-Range")) {
		_ = resp.Body.Close()
		return &CutError{r.breaks}
	}
	_ = r.body.Close()
	r.body, r.passed = resp.Body, 0
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

// Breaks are the times that connections broke while one blob moved.
type Breaks struct{ kinds []breaks }

// breaks are those for one reason.
type breaks struct {
	reason      string
	times       int
	least, most int64 // bytes that had passed
}

// Note notes that a connection broke after some bytes had passed on it.
func (b *Breaks) Note(err error, passed int64) {
	reason := transport.Reason(err)
	if reason == "" {
		reason = Words(err)
	}
	for i := range b.kinds {
		if k := &b.kinds[i]; k.reason == reason {
			k.times++
			k.least, k.most = min(k.least, passed), max(k.most, passed)
			return
		}
	}
	b.kinds = append(b.kinds, breaks{reason, 1, passed, passed})
}

// String says why connections broke and how often: "connection reset after 30.0 MiB,
// 5 times".
func (b *Breaks) String() string {
	texts := make([]string, 0, len(b.kinds))
	for _, k := range b.kinds {
		text := k.reason
		switch least, most := human.Size(k.least), human.Size(k.most); {
		case k.most == 0:
		case k.least == 0:
			text += " after up to " + most
		case least == most:
			text += " after " + most
		default:
			text += " after " + least + " to " + most
		}
		if k.times > 1 {
			text += fmt.Sprintf(", %d times", k.times)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "; ")
}

// A CutError says that a blob could not be read to its end: its connections broke,
// and the rest could not be had.
type CutError struct{ breaks Breaks }

// Error says why the connections broke.
func (e *CutError) Error() string { return e.breaks.String() }

// Unwrap gives io.ErrUnexpectedEOF.
func (e *CutError) Unwrap() error { return io.ErrUnexpectedEOF }
