// Package counter counts the requests to a registry, as a proxy before it.
package counter

import (
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
)

// Counts are the requests and bytes that passed a counter.
type Counts struct {
	Requests          int
	Methods           map[string]int
	BlobsIn, BlobsOut int64 // bytes of blobs in requests and in responses
}

// A Counter is a reverse proxy that counts the requests to a registry. It needs
// the lock because it serves requests concurrently.
type Counter struct {
	next *httputil.ReverseProxy
	mu   sync.Mutex
	sum  Counts
}

// New makes a Counter of the requests to a host, host:port.
func New(target string) *Counter {
	to := &url.URL{Scheme: "http", Host: target}
	return &Counter{
		next: &httputil.ReverseProxy{
			// With the client's Host, the registry's locations point to the proxy.
			Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host },
			Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
			ErrorLog:  log.New(io.Discard, "", 0),
		},
		sum: Counts{Methods: map[string]int{}},
	}
}

// ServeHTTP counts a request and forwards it.
func (c *Counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ofBlob := strings.Contains(r.URL.Path, "/blobs/")
	c.add(func(s *Counts) { s.Requests++; s.Methods[r.Method]++ })
	if ofBlob {
		r.Body = &countedBody{r.Body, c}
		w = &countedWriter{w, c}
	}
	c.next.ServeHTTP(w, r)
}

func (c *Counter) add(update func(*Counts)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	update(&c.sum)
}

// Take returns the counts and resets them.
func (c *Counter) Take() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := c.sum
	c.sum = Counts{Methods: map[string]int{}}
	return sum
}

type countedBody struct {
	io.ReadCloser
	c *Counter
}

// Read counts what it reads.
func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.c.add(func(s *Counts) { s.BlobsIn += int64(n) })
	return n, err
}

type countedWriter struct {
	http.ResponseWriter
	c *Counter
}

// Write counts what it writes.
func (w *countedWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.c.add(func(s *Counts) { s.BlobsOut += int64(n) })
	return n, err
}

// Unwrap returns the underlying writer, for http.ResponseController.
func (w *countedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
