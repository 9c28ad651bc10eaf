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

// A Remote is what a server reports about a file without sending it.
type Remote struct {
	Size     int64  // -1: unknown
	ETag     string // as sent, "" for none
	Modified string // Last-Modified as sent, "" for none
	Recent   bool   // a new version may have the same Modified
}

// Version returns a text that changes when the server's file does, as far as the
// server reports it. It is "" if the report is not reliable.
func (r Remote) Version() string {
	if r.ETag == "" && r.Recent {
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

// replacedBy reports whether a server surely has another file now. Servers behind one name may each
// give an ETag of their own, so it counts only where there is no time; and a time of this second may
// be that of the answer.
func (r Remote) replacedBy(now Remote) bool {
	if r == (Remote{}) {
		return false
	}
	tagged := r.Modified == "" && now.Modified == "" && conflict(r.ETag, now.ETag)
	timed := !r.Recent && !now.Recent && conflict(r.Modified, now.Modified)
	return tagged || timed || r.Size >= 0 && now.Size >= 0 && r.Size != now.Size
}

// timeEnds is the first year that some file systems cannot hold.
const timeEnds = 2038

// Time returns when the file was last modified, if that is known. Servers also send
// times that mean nothing, such as the year 1. Only a time that every file system can
// hold is one: it is kept as the time of the file, and compared with that later.
func (r Remote) Time() (time.Time, bool) {
	at, err := http.ParseTime(r.Modified)
	return at, err == nil && at.Year() >= 1980 && at.Year() < timeEnds
}

// HasTime reports whether a file has the time at which the server's file was modified.
// Some file systems keep times in steps of two seconds.
func (r Remote) HasTime(file time.Time) bool {
	at, ok := r.Time()
	return ok && (at.Equal(file) || at.Truncate(2*time.Second).Equal(file))
}

// validator returns the value of If-Range for the rest of the file: a strong ETag
// or a reliable date, "" for neither.
func (r Remote) validator() string {
	if r.ETag != "" && !strings.HasPrefix(r.ETag, "W/") {
		return r.ETag
	}
	if _, ok := r.Time(); r.Recent || !ok {
		return ""
	}
	return r.Modified
}

func remoteOf(resp *http.Response) Remote {
	h := resp.Header
	return Remote{Size: resp.ContentLength, ETag: h.Get("ETag"), Modified: h.Get("Last-Modified"), Recent: recentlyModified(h)}
}

// recentlyModified reports whether a file was modified within the second of the
// answer. Dates have whole seconds, so its next version may have the same date
// (RFC 9110, 8.8.2.2). A time decades ahead is not that of a modification.
func recentlyModified(h http.Header) bool {
	modified, err1 := http.ParseTime(h.Get("Last-Modified"))
	sent, err2 := http.ParseTime(h.Get("Date"))
	return errors.Join(err1, err2) == nil && sent.Sub(modified) < time.Second && modified.Year() < timeEnds
}

// Look asks a server about a file, without requesting its content.
func (c *Client) Look(ctx context.Context, r Request) (Remote, error) {
	if r.Source != nil {
		return Remote{Size: r.Source.Size}, nil
	}
	for retry := c.newRetrier(lookTries); ; {
		found, err := c.look(ctx, r)
		if err == nil {
			return found, nil
		}
		if err := retry.wait(ctx, err, 0); err != nil {
			return Remote{}, err
		}
	}
}

func (c *Client) look(ctx context.Context, r Request) (Remote, error) {
	resp, err := c.do(ctx, http.MethodHead, r, nil)
	if err != nil {
		return Remote{}, withURL(r, err)
	}
	resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		return remoteOf(resp), nil
	case http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusBadRequest:
		// Some servers do not support HEAD, and a URL may be signed for GET only.
		return c.lookByGet(ctx, r)
	}
	return Remote{}, statusError(r, resp)
}

// lookByGet requests one byte.
func (c *Client) lookByGet(ctx context.Context, r Request) (Remote, error) {
	resp, err := c.do(ctx, http.MethodGet, r, http.Header{"Range": {"bytes=0-0"}})
	if err != nil {
		return Remote{}, withURL(r, err)
	}
	resp.Body.Close()
	found := remoteOf(resp)
	switch resp.StatusCode {
	case http.StatusOK:
		return found, nil
	case http.StatusPartialContent:
		_, _, found.Size, err = parseContentRange(resp.Header.Get("Content-Range"))
		return found, withURL(r, err)
	case http.StatusRequestedRangeNotSatisfiable: // an empty file
		if found.Size = unsatisfiedSize(resp.Header); found.Size == 0 {
			return found, nil
		}
	}
	return Remote{}, statusError(r, resp)
}

// parseContentRange reads "bytes 0-9/10". An unknown size is -1.
func parseContentRange(text string) (first, last, size int64, err error) {
	bad := fmt.Errorf("the server sends a part with the Content-Range %q", text)
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

// unsatisfiedSize returns the size in the answer to a refused range, -1 for none.
func unsatisfiedSize(h http.Header) int64 {
	text, ok := strings.CutPrefix(h.Get("Content-Range"), "bytes */")
	size, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil || size < 0 {
		return -1
	}
	return size
}

// maxSmall is the most that Small reads.
const maxSmall = 4 << 20

// Small returns the content of a small file, such as checksums or a signature.
func (c *Client) Small(ctx context.Context, r Request) ([]byte, error) {
	for retry := c.newRetrier(lookTries); ; {
		b, err := c.small(ctx, r)
		if err == nil {
			return b, nil
		}
		if err := retry.wait(ctx, err, 0); err != nil {
			return nil, err
		}
	}
}

func (c *Client) small(ctx context.Context, r Request) ([]byte, error) {
	resp, err := c.do(ctx, http.MethodGet, r, nil)
	if err != nil {
		return nil, withURL(r, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, statusError(r, resp)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxSmall+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fault.AsConnection(withURL(r, errors.New("the connection was cut")))
	case err != nil:
		return nil, withURL(r, err)
	case len(b) > maxSmall:
		return nil, withURL(r, fmt.Errorf("it is larger than %d bytes", maxSmall))
	}
	return b, nil
}

// Open returns the content of a file as a stream. It does not resume: it is for
// files that are read once, such as a list of packages.
func (c *Client) Open(ctx context.Context, r Request) (io.ReadCloser, error) {
	for retry := c.newRetrier(lookTries); ; {
		resp, err := c.do(ctx, http.MethodGet, r, nil)
		if err == nil && resp.StatusCode != http.StatusOK {
			err = statusError(r, resp)
			resp.Body.Close()
		} else if err == nil {
			return resp.Body, nil
		} else {
			err = withURL(r, err)
		}
		if err := retry.wait(ctx, err, 0); err != nil {
			return nil, err
		}
	}
}

// Head returns the first n bytes of a file, or all of it if it is shorter.
func (c *Client) Head(ctx context.Context, r Request, n int64) ([]byte, error) {
	for retry := c.newRetrier(lookTries); ; {
		b, err := c.head(ctx, r, n)
		if err == nil {
			return b, nil
		}
		if err := retry.wait(ctx, err, 0); err != nil {
			return nil, err
		}
	}
}

func (c *Client) head(ctx context.Context, r Request, n int64) ([]byte, error) {
	resp, err := c.do(ctx, http.MethodGet, r, http.Header{"Range": {fmt.Sprintf("bytes=0-%d", n-1)}})
	if err != nil {
		return nil, withURL(r, err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK: // the server ignores ranges; the rest is not read
	case http.StatusPartialContent:
		first, _, _, err := parseContentRange(resp.Header.Get("Content-Range"))
		if err == nil && first != 0 {
			err = errors.New("the server sends another part than the requested one")
		}
		if err != nil {
			return nil, withURL(r, err)
		}
	default:
		return nil, statusError(r, resp)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, n))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fault.AsConnection(errors.New("the connection was cut"))
	}
	return b, withURL(r, err)
}
