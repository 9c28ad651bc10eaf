package transport

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/hostname"
)

// A route is how requests reach one host.
type route struct {
	endpoint Endpoint
	base     *http.Transport          // nil if a handler answers
	inner    http.RoundTripper        // base or the handler
	single   func() http.RoundTripper // like base, with a connection for each request
	requests *rateLimiter             // nil: no limit
	bytes    *rateLimiter             // nil: no limit

	mu  sync.Mutex // hosts of a pattern are met at any time, by several requests at once
	own map[string]*route
}

const (
	dialTimeout      = 10 * time.Second
	handshakeTimeout = 15 * time.Second
	// idleTimeout is shorter than Stall, so that an idle connection is closed
	// before it would count as stalled.
	idleTimeout     = 30 * time.Second
	continueTimeout = 5 * time.Second
	// bufferSize fits requests and answers that are not blobs: there may be hundreds
	// of connections. Blobs are read and sent in larger chunks, beside these buffers.
	bufferSize = 8 << 10
)

func newRoute(e Endpoint) (*route, error) {
	r := &route{endpoint: e, requests: newRateLimiter(e.Rate), bytes: newRateLimiter(float64(e.Bandwidth))}
	if e.Handler != nil {
		r.inner = &inProcess{handler: e.Handler}
		return r, nil
	}
	conf, err := tlsConfig(e)
	if err != nil {
		return nil, err
	}
	idle := e.Concurrency
	if idle <= 0 {
		idle = 64
	}
	base := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer(e.Address),
		TLSClientConfig:       conf,
		TLSHandshakeTimeout:   handshakeTimeout,
		MaxIdleConnsPerHost:   idle,
		IdleConnTimeout:       idleTimeout,
		ExpectContinueTimeout: continueTimeout,
		ReadBufferSize:        bufferSize,
		WriteBufferSize:       bufferSize,
		// Content is hashed, so it must arrive as it was sent.
		DisableCompression: true,
		// HTTP/1 has one connection for each blob. With HTTP/2 all blobs would
		// share the flow control window of one connection.
		Protocols: new(http.Protocols),
	}
	base.Protocols.SetHTTP1(true)
	if e.Address != "" {
		base.Proxy = nil
	}
	r.base, r.inner = base, base
	r.single = sync.OnceValue(func() http.RoundTripper {
		single := base.Clone()
		single.DisableKeepAlives = true
		return single
	})
	return r, nil
}

// to gives the route to one host: of a pattern, each host has its own.
func (r *route) to(host string) *route {
	if !hostname.IsPattern(r.endpoint.Host) {
		return r
	}
	host = hostname.Normal(host)
	r.mu.Lock()
	defer r.mu.Unlock()
	if own := r.own[host]; own != nil {
		return own
	}
	e, err := r.endpoint, error(nil)
	if e.Host = host; e.HandlerFor != nil {
		e.Handler, err = e.HandlerFor(host)
	}
	own := &route{endpoint: e, inner: failingRoute{err}}
	if err == nil {
		if own, err = newRoute(e); err != nil {
			own = &route{endpoint: e, inner: failingRoute{err}}
		}
	}
	if r.own == nil {
		r.own = map[string]*route{}
	}
	r.own[host] = own
	return own
}

// failingRoute is what sends no request.
type failingRoute struct{ err error }

// RoundTrip gives the error.
func (f failingRoute) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
	return nil, f.err
}

func (r *route) closeIdle() {
	if r.base != nil {
		r.base.CloseIdleConnections()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, own := range r.own {
		own.closeIdle()
	}
}

type ownConnectionKey struct{}

// OnOwnConnection marks requests that each get a connection which nothing was sent
// on before and nothing is sent on afterwards.
func OnOwnConnection(ctx context.Context) context.Context {
	return context.WithValue(ctx, ownConnectionKey{}, true)
}

// through gives what sends a request with the context.
func (r *route) through(ctx context.Context) http.RoundTripper {
	if r.single != nil && ctx.Value(ownConnectionKey{}) != nil {
		return r.single()
	}
	return r.inner
}

func tlsConfig(e Endpoint) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	switch e.TLS {
	case "", Verify, Disabled:
	case Insecure:
		conf.InsecureSkipVerify = true
	default:
		return nil, fmt.Errorf("host %q: unknown TLS mode %q; there are verify, insecure and disabled", e.Host, e.TLS)
	}
	if err := loadClientCertificate(conf, e); err != nil {
		return nil, err
	}
	if e.CA == "" {
		return conf, nil
	}
	pem, err := ReadPEM(e.CA)
	if err != nil {
		return nil, fault.WithHint(fmt.Errorf("reading the authorities for host %q: %w", e.Host, err), cmp.Or(fault.Hint(err), filesHint))
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		err := fmt.Errorf("the authorities for host %q: no certificate in %s", e.Host, e.CA)
		return nil, fault.WithHint(err, "ca names a PEM file of the authority's certificate, which has lines of BEGIN CERTIFICATE")
	}
	conf.RootCAs = pool
	return conf, nil
}

// filesHint says what to do about a file of a connection that cannot be read.
const filesHint = "put the file there, or correct ca, cert and key of the connection"

// loadClientCertificate reads the certificate to use if the server asks for one.
func loadClientCertificate(conf *tls.Config, e Endpoint) error {
	if e.Cert == "" && e.Key == "" {
		return nil
	}
	pair, err := LoadKeyPair(e.Cert, e.Key)
	if err != nil {
		return fault.WithHint(fmt.Errorf("the client certificate for host %q: %w", e.Host, err), cmp.Or(fault.Hint(err), filesHint))
	}
	conf.Certificates = []tls.Certificate{pair}
	return nil
}

// dialer returns a dial function. With an address it always dials that one.
func dialer(address string) func(context.Context, string, string) (net.Conn, error) {
	d := &net.Dialer{Timeout: dialTimeout}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if address != "" {
			addr = address
		}
		c, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return newWatchedConn(c, Stall), nil
	}
}

// RoundTrip sends a request within the limits and explains errors. It refuses to
// send a request for a TLS host over plain HTTP.
func (r *route) RoundTrip(req *http.Request) (*http.Response, error) {
	err := r.checkScheme(req)
	if err == nil {
		err = r.requests.wait(req.Context(), 1)
	}
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	ctx, cancel := context.WithCancel(req.Context())
	resp, err := r.through(ctx).RoundTrip(r.limitRequest(req).WithContext(ctx))
	if err == nil {
		err = r.detectTLS(resp)
	}
	if err != nil {
		cancel()
		return nil, r.explain(req, err)
	}
	resp.Request = req
	resp.Body = r.wrapBody(req, resp.Body, cancel)
	return resp, nil
}

// wrapBody applies the idle timeout and the bandwidth limit to the body of an
// answer.
func (r *route) wrapBody(req *http.Request, rd io.ReadCloser, cancel context.CancelFunc) io.ReadCloser {
	if rd == nil {
		cancel()
		return nil
	}
	rd = newIdleBody(rd, cancel)
	if r.base != nil {
		rd = &networkBody{ReadCloser: rd, ctx: req.Context()}
	}
	if r.bytes != nil {
		rd = &limitedBody{rd, req.Context(), r.bytes}
	}
	return rd
}

func (r *route) checkScheme(req *http.Request) error {
	known := r.endpoint.Host != "" && r.endpoint.Handler == nil
	if known && req.URL.Scheme == "http" && r.endpoint.TLS != Disabled {
		return fault.WithHint(
			fmt.Errorf("%s must be reached over TLS, but its URL is plain http", req.URL.Host),
			plainHint)
	}
	return nil
}

// errWantsTLS is the error of a plain HTTP request to a TLS server.
var errWantsTLS = errors.New("it answers plain HTTP with a demand for TLS")
