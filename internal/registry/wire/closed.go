package wire

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"time"
)

// A closing is a registry's answer that it wants no more requests of a kind for a time
// that is too long to wait. The next requests get the same answer without being sent.
type closing struct {
	until  time.Time
	status int
	header http.Header
	body   []byte
}

// maxClosingBody is how much of the answer is kept, for the registry's own words.
const maxClosingBody = 8 << 10

// closed gives the answer that a request would get, nil if it may be sent.
func (t *Transport) closed(req *http.Request) *http.Response {
	key := paceKey{req.URL.Host, kindOfRequest(req)}
	t.mu.Lock()
	c, known := t.closings[key]
	t.mu.Unlock()
	left := time.Until(c.until)
	if !known || left <= 0 {
		return nil
	}
	header := c.header.Clone()
	header.Set("Retry-After", strconv.Itoa(int(left.Seconds())+1))
	return &http.Response{
		Status: http.StatusText(c.status), StatusCode: c.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(c.body)), ContentLength: int64(len(c.body)), Request: req,
	}
}

// noteClosing keeps the answer of a registry that wants to be left alone for longer than
// a request may wait.
func (t *Transport) noteClosing(req *http.Request, resp *http.Response) {
	after := retryAfter(resp.Header)
	if after <= maxRetryAfter {
		return
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxClosingBody)) // what was read is all there is
	resp.Body = &partlyRead{io.MultiReader(bytes.NewReader(body), resp.Body), resp.Body}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closings[paceKey{req.URL.Host, kindOfRequest(req)}] = closing{time.Now().Add(after), resp.StatusCode, resp.Header.Clone(), body}
}
