package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

// A Remote is what a server tells of a file without sending it.
type Remote struct {
	Size     int64  // -1: it does not say
	ETag     string // as sent, "" for none
	Modified string // Last-Modified as sent, "" for none
	Young    bool   // it may be modified again without a later Modified
}

// Version gives a text that differs when the server's file does, as far as the
// server tells; "" when it tells nothing that can be relied on.
func (r Remote) Version() string {
	if r.ETag == "" && r.Young {
		return ""
	}
	var parts []string
	if r.ETag != "" {
		parts = append(parts, "etag "+r.ETag)
	}
	if r.Modified != "" {
		parts = append(parts, "modified "+r.Modified)
	}
	if r.Size >= 0 {
		parts = append(parts, fmt.Sprintf("%d bytes", r.Size))
	}
	return strings.Join(parts, ", ")
}

// Time gives when the file was last modified, and whether that is known.
func (r Remote) Time() (time.Time, bool) {
	at, err := http.ParseTime(r.Modified)
	return at, err == nil
}

// validator gives what the rest of the file may be asked for with: a strong
// ETag or a date that is one, "" for neither.
func (r Remote) validator() string {
	if r.ETag != "" && !strings.HasPrefix(r.ETag, "W/") {
		return r.ETag
	}
	if r.Young {
		return ""
	}
	return r.Modified
}

func remoteOf(resp *http.Response) Remote {
	h := resp.Header
	return Remote{Size: resp.ContentLength, ETag: h.Get("ETag"), Modified: h.Get("Last-Modified"), Young: young(h)}
}

// young says that a file was modified within the second of the answer: as dates
// have whole seconds, its next version may have the same one (RFC 9110, 8.8.2.2).
func young(h http.Header) bool {
	modified, err1 := http.ParseTime(h.Get("Last-Modified"))
	sent, err2 := http.ParseTime(h.Get("Date"))
	return errors.Join(err1, err2) == nil && sent.Sub(modified) < time.Second
}

// Look asks a server for all that it tells of a file without sending it.
func (c *Client) Look(ctx context.Context, r Request) (Remote, error) {
	for p := c.patient(lookTries); ; {
		found, err := c.look(ctx, r)
		if err == nil {
			return found, nil
		}
		if err := p.again(ctx, err, 0); err != nil {
			return Remote{}, err
		}
	}
}

func (c *Client) look(ctx context.Context, r Request) (Remote, error) {
	resp, err := c.do(ctx, http.MethodHead, r, nil)
	if err != nil {
		return Remote{}, about(r, err)
	}
	resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		return remoteOf(resp), nil
	case http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusBadRequest:
		// Some know no HEAD, and addresses may be signed for GET alone.
		return c.lookByGet(ctx, r)
	}
	return Remote{}, statusError(r, resp)
}

// lookByGet asks for one byte.
func (c *Client) lookByGet(ctx context.Context, r Request) (Remote, error) {
	resp, err := c.do(ctx, http.MethodGet, r, http.Header{"Range": {"bytes=0-0"}})
	if err != nil {
		return Remote{}, about(r, err)
	}
	resp.Body.Close()
	found := remoteOf(resp)
	switch resp.StatusCode {
	case http.StatusOK:
		return found, nil
	case http.StatusPartialContent:
		_, _, found.Size, err = contentRange(resp.Header.Get("Content-Range"))
		return found, about(r, err)
	case http.StatusRequestedRangeNotSatisfiable: // an empty file
		if found.Size = unsatisfied(resp.Header); found.Size == 0 {
			return found, nil
		}
	}
	return Remote{}, statusError(r, resp)
}

// contentRange reads "bytes 0-9/10"; a size that is not told is -1.
func contentRange(text string) (first, last, size int64, err error) {
	bad := fmt.Errorf("the server sends a part and says %q of which", text)
	span, ok := strings.CutPrefix(text, "bytes ")
	span, whole, cut := strings.Cut(span, "/")
	from, to, dashed := strings.Cut(span, "-")
	if !ok || !cut || !dashed {
		return 0, 0, 0, bad
	}
	first, err1 := strconv.ParseInt(from, 10, 64)
	last, err2 := strconv.ParseInt(to, 10, 64)
	if errors.Join(err1, err2) != nil || first < 0 || last < first {
		return 0, 0, 0, bad
	}
	if whole == "*" {
		return first, last, -1, nil
	}
	if size, err = strconv.ParseInt(whole, 10, 64); err != nil || last >= size {
		return 0, 0, 0, bad
	}
	return first, last, size, nil
}

// unsatisfied gives the size that comes with a refused range, -1 for none.
func unsatisfied(h http.Header) int64 {
	text, ok := strings.CutPrefix(h.Get("Content-Range"), "bytes */")
	size, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil || size < 0 {
		return -1
	}
	return size
}

// maxSmall bounds what Small reads.
const maxSmall = 4 << 20

// Small gives a file that fits into memory: checksums, or a signature.
func (c *Client) Small(ctx context.Context, r Request) ([]byte, error) {
	for p := c.patient(lookTries); ; {
		b, err := c.small(ctx, r)
		if err == nil {
			return b, nil
		}
		if err := p.again(ctx, err, 0); err != nil {
			return nil, err
		}
	}
}

func (c *Client) small(ctx context.Context, r Request) ([]byte, error) {
	resp, err := c.do(ctx, http.MethodGet, r, nil)
	if err != nil {
		return nil, about(r, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, statusError(r, resp)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxSmall+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fault.AsConnection(about(r, errors.New("the connection was cut")))
	case err != nil:
		return nil, about(r, err)
	case len(b) > maxSmall:
		return nil, about(r, fmt.Errorf("it is larger than %d bytes", maxSmall))
	}
	return b, nil
}

// Open gives the body of a file as it comes, for what is read once and is of
// no use in part: a list of packages.
func (c *Client) Open(ctx context.Context, r Request) (io.ReadCloser, error) {
	for p := c.patient(lookTries); ; {
		resp, err := c.do(ctx, http.MethodGet, r, nil)
		if err == nil && resp.StatusCode != http.StatusOK {
			resp.Body.Close()
			err = statusError(r, resp)
		} else if err == nil {
			return resp.Body, nil
		} else {
			err = about(r, err)
		}
		if err := p.again(ctx, err, 0); err != nil {
			return nil, err
		}
	}
}

// Head gives the first n bytes of a file, or all of it when it has fewer.
func (c *Client) Head(ctx context.Context, r Request, n int64) ([]byte, error) {
	for p := c.patient(lookTries); ; {
		b, err := c.head(ctx, r, n)
		if err == nil {
			return b, nil
		}
		if err := p.again(ctx, err, 0); err != nil {
			return nil, err
		}
	}
}

func (c *Client) head(ctx context.Context, r Request, n int64) ([]byte, error) {
	resp, err := c.do(ctx, http.MethodGet, r, http.Header{"Range": {fmt.Sprintf("bytes=0-%d", n-1)}})
	if err != nil {
		return nil, about(r, err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK: // it knows no ranges: the rest is not read
	case http.StatusPartialContent:
		first, _, _, err := contentRange(resp.Header.Get("Content-Range"))
		if err == nil && first != 0 {
			err = errors.New("the server sends another part than it was asked for")
		}
		if err != nil {
			return nil, about(r, err)
		}
	default:
		return nil, statusError(r, resp)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, n))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fault.AsConnection(errors.New("the connection was cut"))
	}
	return b, about(r, err)
}
