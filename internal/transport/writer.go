package transport

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// maxHeld is how many bytes of an answer are held back to learn its length, as
// net/http's server does.
const maxHeld = 2048

// A responseWriter takes the answer of the handler. Until ready is closed, only
// the handler's goroutine uses it. After that, other goroutines read only sent,
// length, status and err, which no longer change.
type responseWriter struct {
	req    *http.Request
	header http.Header // the handler's
	pipe   *io.PipeWriter
	ready  chan struct{} // closed when the head is sent
	once   sync.Once

	status  int
	sent    http.Header // as sent
	length  int64       // declared; -1: unknown
	written int64       // by the handler
	held    []byte
	err     error // the handler's panic before the head was sent
}

var _ http.Flusher = (*responseWriter)(nil)

func (w *responseWriter) Header() http.Header { return w.header }

// WriteHeader sets status and header, which are sent with the first bytes of the
// body. It ignores informational statuses.
func (w *responseWriter) WriteHeader(status int) {
	if w.status != 0 || (status >= 100 && status < 200 && status != http.StatusSwitchingProtocols) {
		return
	}
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %v", status))
	}
	w.status = status
	w.sent = w.header.Clone()
	w.length = -1
	if n, err := strconv.ParseInt(w.sent.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		w.length = n
	} else {
		w.sent.Del("Content-Length")
	}
}

func (w *responseWriter) bodyAllowed() bool {
	return w.status >= 200 && w.status != http.StatusNoContent && w.status != http.StatusNotModified
}

func (w *responseWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if len(p) == 0 {
		return 0, nil
	}
	if !w.bodyAllowed() {
		return 0, http.ErrBodyNotAllowed
	}
	w.written += int64(len(p))
	if w.length >= 0 && w.written > w.length {
		return 0, http.ErrContentLength
	}
	if !w.headSent() && len(w.held)+len(p) <= maxHeld {
		w.held = append(w.held, p...)
		return len(p), nil
	}
	if len(w.held) == 0 {
		w.sendHead(p)
		return w.writeBody(p)
	}
	if err := w.flushHeld(); err != nil {
		return 0, err
	}
	return w.writeBody(p)
}

// Flush sends the head and the bytes held back.
func (w *responseWriter) Flush() {
	w.WriteHeader(http.StatusOK)
	_ = w.flushHeld()
}

func (w *responseWriter) headSent() bool {
	select {
	case <-w.ready:
		return true
	default:
		return false
	}
}

// flushHeld sends the head, unless it was sent, and the bytes held back.
func (w *responseWriter) flushHeld() error {
	w.sendHead(w.held)
	held := w.held
	w.held = nil
	_, err := w.writeBody(held)
	return err
}

func (w *responseWriter) writeBody(p []byte) (int, error) {
	if len(p) == 0 || w.req.Method == http.MethodHead {
		return len(p), nil
	}
	return w.pipe.Write(p)
}

// sendHead makes the head available to the caller. The first bytes of the body
// decide its content type if the handler has set none.
func (w *responseWriter) sendHead(first []byte) {
	w.once.Do(func() {
		if w.bodyAllowed() && w.sent.Get("Content-Type") == "" && len(first) > 0 {
			w.sent.Set("Content-Type", http.DetectContentType(first))
		}
		if w.sent.Get("Date") == "" {
			w.sent.Set("Date", time.Now().UTC().Format(http.TimeFormat))
		}
		close(w.ready)
	})
}

// finish ends the answer after the handler has returned, or panicked with err.
func (w *responseWriter) finish(err error) {
	if err != nil && !w.headSent() {
		w.err = err
		w.once.Do(func() { close(w.ready) })
	}
	if err != nil {
		_ = w.pipe.CloseWithError(err)
		return
	}
	w.WriteHeader(http.StatusOK)
	head := w.req.Method == http.MethodHead
	if !w.headSent() && w.bodyAllowed() && w.length < 0 && (!head || len(w.held) > 0) {
		w.length = int64(len(w.held))
		w.sent.Set("Content-Length", strconv.FormatInt(w.length, 10))
	}
	_ = w.flushHeld()
	if !head && w.length > w.written {
		err = &lostError{io.ErrUnexpectedEOF}
	}
	_ = w.pipe.CloseWithError(err)
}

func (w *responseWriter) panicked() error { return w.err }

// response returns the answer as a client sees it. Call it after ready is closed.
func (w *responseWriter) response(body io.ReadCloser) *http.Response {
	resp := &http.Response{
		Status:        strconv.Itoa(w.status) + " " + http.StatusText(w.status),
		StatusCode:    w.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        w.sent,
		Body:          body,
		ContentLength: w.length,
		Request:       w.req,
	}
	if !w.bodyAllowed() {
		resp.ContentLength = 0
	}
	return resp
}
