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

// An exchange is one request and its answer, as they passed a proxy.
type exchange struct {
	side     string // which of the tape's proxies it passed
	method   string
	path     string
	digest   string // of the blob or manifest that the request is about, if it says
	status   atomic.Int64
	sent     atomic.Int64 // bytes of the request's body
	received atomic.Int64 // bytes of the answer's body
}

// A tape records what passes its proxies, and can act at one exchange among all
// of them. The lock is there because the proxies serve requests side by side.
type tape struct {
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
	onRequest  phase = iota // before the server has seen anything
	onBody                  // when part of the request's body has passed
	onResponse              // when the server is done and the client does not know it yet
)

func (p phase) String() string {
	return [...]string{"request", "body", "response"}[p]
}

// proxy stands a recording reverse proxy before target and returns its URL. It
// keeps the Host header, so the server names itself as the client does.
func (r *tape) proxy(t *testing.T, side, target string) string {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{
		Rewrite:  func(pr *httputil.ProxyRequest) { pr.SetURL(to); pr.Out.Host = pr.In.Host },
		ErrorLog: log.New(io.Discard, "", 0), // a client that was killed is no news
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.serve(w, req, side, forward)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func (r *tape) serve(w http.ResponseWriter, req *http.Request, side string, forward http.Handler) {
	x, due := r.next(side, req)
	due(onRequest)
	req.Body = &countingBody{ReadCloser: req.Body, n: &x.sent, passed: func() { due(onBody) }}
	forward.ServeHTTP(&countingWriter{ResponseWriter: w, x: x, due: due}, req)
}

// next puts a new exchange on the tape; due acts if this is the exchange and
// the phase that were chosen.
func (r *tape) next(side string, req *http.Request) (x *exchange, due func(phase)) {
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
		// A later phase than the chosen one will do: an exchange may have no body.
		if now >= at {
			once.Do(act)
		}
	}
}

// at makes the tape act once, at the n-th exchange from now.
func (r *tape) at(n int, p phase, act func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen, r.actAt, r.phase, r.act = 0, n, p, act
}

// take returns what was recorded and starts anew.
func (r *tape) take() []*exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.all
	r.all, r.seen, r.act = nil, 0, nil
	return all
}

// digestOf finds the digest in a registry's URL: an upload's or a mount's is in
// the query, any other at the end of the path.
func digestOf(u *url.URL) string {
	for _, s := range []string{u.Query().Get("digest"), u.Query().Get("mount"), path.Base(u.Path)} {
		if strings.HasPrefix(s, "sha256:") {
			return s
		}
	}
	return ""
}

// A countingBody counts what is read of a request's body.
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

// A countingWriter counts what is written of an answer's body.
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
