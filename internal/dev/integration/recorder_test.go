//go:build integration

package integration

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// An exchange is one request through a proxy, with its response.
type exchange struct {
	side     string // names the proxy
	method   string
	path     string
	digest   string // of the blob or manifest, if the request names it
	status   atomic.Int64
	sent     atomic.Int64 // bytes of the request's body
	received atomic.Int64 // bytes of the response's body
}

// A recorder records the exchanges of its proxies, and can act once during one
// of them. It needs the lock because the proxies serve requests concurrently.
type recorder struct {
	mu    sync.Mutex
	all   []*exchange
	seen  int
	act   func()
	actAt int
	phase phase
}

// A phase is a moment of an exchange.
type phase int

const (
	onRequest  phase = iota // before the server sees the request
	onBody                  // after part of the request's body
	onResponse              // after the server is done, before the client knows
)

func (p phase) String() string {
	return [...]string{"request", "body", "response"}[p]
}

// proxy starts a recording reverse proxy to target and returns its URL. It keeps
// the Host header, so that the server's locations point to the proxy.
func (r *recorder) proxy(t *testing.T, side, target string) string {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{
		Rewrite:  func(pr *httputil.ProxyRequest) { pr.SetURL(to); pr.Out.Host = pr.In.Host },
		ErrorLog: log.New(io.Discard, "", 0), // killed clients are expected
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.serve(w, req, side, forward)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func (r *recorder) serve(w http.ResponseWriter, req *http.Request, side string, forward http.Handler) {
	x, due := r.next(side, req)
	due(onRequest)
	req.Body = &countingBody{ReadCloser: req.Body, n: &x.sent, passed: func() { due(onBody) }}
	forward.ServeHTTP(&countingWriter{ResponseWriter: w, x: x, due: due}, req)
}

// next records a new exchange. due acts if it is called for the chosen exchange in
// the chosen phase.
func (r *recorder) next(side string, req *http.Request) (x *exchange, due func(phase)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x = &exchange{side: side, method: req.Method, path: req.URL.Path, digest: digestOf(req.URL)}
	r.all = append(r.all, x)
	r.seen++
	if r.act == nil || r.seen < r.actAt {
		return x, func(phase) {}
	}
	act, at := r.act, r.phase
	r.act = nil
	var once sync.Once
	return x, func(now phase) {
		// A later phase counts as well: an exchange may have no body.
		if now >= at {
			once.Do(act)
		}
	}
}

// onExchange makes the recorder act once, in the n-th exchange from now.
func (r *recorder) onExchange(n int, p phase, act func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen, r.actAt, r.phase, r.act = 0, n, p, act
}

// take returns the recorded exchanges and clears the recorder.
func (r *recorder) take() []*exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.all
	r.all, r.seen, r.act = nil, 0, nil
	return all
}

// digestOf returns the digest in a registry's URL. Uploads and mounts have it in
// the query, other requests at the end of the path.
func digestOf(u *url.URL) string {
	for _, s := range []string{u.Query().Get("digest"), u.Query().Get("mount"), path.Base(u.Path)} {
		if strings.HasPrefix(s, "sha256:") {
			return s
		}
	}
	return ""
}

// A countingBody counts the bytes of a request's body.
type countingBody struct {
	io.ReadCloser
	n      *atomic.Int64
	passed func()
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.n.Add(int64(n)); n > 0 {
		b.passed()
	}
	return n, err
}

// A countingWriter counts the bytes of a response's body.
type countingWriter struct {
	http.ResponseWriter
	x   *exchange
	due func(phase)
}

func (w *countingWriter) WriteHeader(status int) {
	if status >= http.StatusOK { // not the interim 100
		w.x.status.Store(int64(status))
		w.due(onResponse)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.x.received.Add(int64(n))
	return n, err
}

func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
