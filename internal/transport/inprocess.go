package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
)

// inProcess lets a handler answer requests without a connection. It behaves like
// net/http's server: bodies stream in both directions at once.
type inProcess struct{ handler http.Handler }

// RoundTrip serves one request in its own goroutine, which ends when the handler
// returns. The response's body does not end earlier, and neither does a request without a
// response: what its handler changes is changed before the caller goes on.
func (p *inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	in := newRequestBody(req)
	pr, pw := io.Pipe()
	w := &responseWriter{req: req, header: http.Header{}, pipe: pw, ready: make(chan struct{})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer cancel()
		err := p.serve(w, serverRequest(ctx, req, in))
		in.closeSource()
		w.finish(err)
	}()
	select {
	case <-w.ready:
	case <-req.Context().Done():
	}
	// Both may have happened, and then the context decides.
	if err := req.Context().Err(); err != nil {
		cancel()
		in.closeSource()
		_ = pr.CloseWithError(err)
		<-ended
		return nil, err
	}
	if err := errors.Join(in.sourceErr(), w.panicked()); err != nil {
		cancel()
		_ = pr.CloseWithError(err)
		<-ended
		return nil, err
	}
	return w.response(&responseBody{PipeReader: pr, cancel: cancel, ctx: req.Context()}), nil
}

// serve runs the handler and turns a panic into an error.
func (p *inProcess) serve(w *responseWriter, req *http.Request) (err error) {
	defer func() {
		switch v := recover(); {
		case v == nil:
		case v == http.ErrAbortHandler:
			err = &lostError{io.ErrUnexpectedEOF}
		default:
			err = fmt.Errorf("the handler of %s panicked: %v", req.Host, v)
		}
	}()
	p.handler.ServeHTTP(w, req)
	return nil
}

// serverRequest returns req as a server sees it.
func serverRequest(ctx context.Context, req *http.Request, in *requestBody) *http.Request {
	out := req.Clone(ctx)
	out.Body = in
	out.GetBody = nil
	out.Proto, out.ProtoMajor, out.ProtoMinor = "HTTP/1.1", 1, 1
	out.RequestURI = req.URL.RequestURI()
	if out.Host == "" {
		out.Host = req.URL.Host
	}
	if req.URL.Scheme == "https" {
		out.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true, ServerName: req.URL.Hostname()}
	}
	// The URL of a server's request has only a path and a query.
	if u, err := url.ParseRequestURI(out.RequestURI); err == nil {
		out.URL = u
	}
	out.RemoteAddr = "127.0.0.1:0"
	if out.Header == nil {
		out.Header = http.Header{}
	}
	if _, set := out.Header["User-Agent"]; !set {
		out.Header.Set("User-Agent", "Go-http-client/1.1")
	}
	if in.length == 0 {
		out.Body = http.NoBody
	}
	return out
}

// A bodyError is an error of reading the body that the caller sends, not an error
// of the network.
type bodyError struct{ error }

func (e *bodyError) Unwrap() error { return e.error }

// A requestBody is the caller's body as the handler reads it. The fields that the
// caller uses while the handler may still be reading are atomic.
type requestBody struct {
	source io.ReadCloser
	length int64 // as declared; -1: unknown
	read   int64
	err    atomic.Pointer[bodyError] // of the caller's body
	closed atomic.Bool
}

func newRequestBody(req *http.Request) *requestBody {
	b := &requestBody{source: req.Body, length: req.ContentLength}
	switch {
	case req.Body == nil || req.Body == http.NoBody:
		b.length = 0
	case req.ContentLength == 0:
		b.length = -1
	}
	return b
}

func (b *requestBody) Read(p []byte) (int, error) {
	switch {
	case b.closed.Load() || b.source == nil:
		return 0, http.ErrBodyReadAfterClose
	case b.err.Load() != nil:
		return 0, io.ErrUnexpectedEOF
	case b.length >= 0 && b.read == b.length:
		return 0, io.EOF
	}
	if left := b.length - b.read; b.length >= 0 && int64(len(p)) > left {
		p = p[:left]
	}
	n, err := b.source.Read(p)
	b.read += int64(n)
	switch {
	case err == io.EOF && b.read < b.length:
		err = fmt.Errorf("the request's body is %d bytes long, not %d as declared", b.read, b.length)
	case err == nil || err == io.EOF:
		return n, err
	}
	b.err.Store(&bodyError{err})
	return n, io.ErrUnexpectedEOF
}

// Close does nothing: the caller's body is closed when the handler returns.
func (b *requestBody) Close() error { return nil }

// closeSource closes the caller's body.
func (b *requestBody) closeSource() {
	if !b.closed.Swap(true) && b.source != nil {
		_ = b.source.Close()
	}
}

// sourceErr returns the error of the caller's body.
func (b *requestBody) sourceErr() error {
	if err := b.err.Load(); err != nil {
		return err
	}
	return nil
}

// A responseBody cancels the handler when the caller closes it.
type responseBody struct {
	*io.PipeReader
	cancel context.CancelFunc
	ctx    context.Context
}

func (b *responseBody) Read(p []byte) (int, error) {
	n, err := b.PipeReader.Read(p)
	if err != nil && err != io.EOF && b.ctx.Err() != nil {
		err = b.ctx.Err()
	}
	return n, err
}

func (b *responseBody) Close() error {
	err := b.PipeReader.Close()
	b.cancel()
	return err
}
