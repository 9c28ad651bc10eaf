package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

// A way is how requests to one host travel.
type way struct {
	endpoint Endpoint
	base     *http.Transport   // nil where a handler answers
	inner    http.RoundTripper // base or the handler
	requests *meter            // nil: no limit
	bytes    *meter            // nil: no limit
}

const (
	dialTimeout      = 10 * time.Second
	handshakeTimeout = 15 * time.Second
	// idleTimeout is shorter than Stall, so that an idle connection is closed in good order.
	idleTimeout     = 30 * time.Second
	continueTimeout = 5 * time.Second
	// bufferSize: blobs are large, and the default of 4 KiB costs a system call each.
	bufferSize = 64 << 10
)

func newWay(e Endpoint) (*way, error) {
	w := &way{endpoint: e, requests: newMeter(e.Rate), bytes: newMeter(float64(e.Bandwidth))}
	if e.Handler != nil {
		w.inner = &inProcess{handler: e.Handler}
		return w, nil
	}
	conf, err := tlsConfig(e)
	if err != nil {
		return nil, err
	}
	idle := e.Concurrency
	if idle <= 0 {
		idle = 16
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
		// What is hashed must arrive as it was sent.
		DisableCompression: true,
		// One connection a blob: with HTTP/2 all of them would share one window.
		Protocols: new(http.Protocols),
	}
	base.Protocols.SetHTTP1(true)
	if e.Address != "" {
		base.Proxy = nil
	}
	w.base, w.inner = base, base
	return w, nil
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
	if err := showCertificate(conf, e); err != nil {
		return nil, err
	}
	if e.CA == "" {
		return conf, nil
	}
	pem, err := os.ReadFile(e.CA)
	if err != nil {
		return nil, fmt.Errorf("reading the authorities for host %q: %w", e.Host, err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("the authorities for host %q: no certificate in %s", e.Host, e.CA)
	}
	conf.RootCAs = pool
	return conf, nil
}

// showCertificate reads the certificate that a server may ask for.
func showCertificate(conf *tls.Config, e Endpoint) error {
	if e.Cert == "" && e.Key == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(e.Cert, e.Key)
	if err != nil {
		return fmt.Errorf("the certificate to show to host %q: %w", e.Host, err)
	}
	conf.Certificates = []tls.Certificate{pair}
	return nil
}

// dialer dials address, or what it is asked for when there is none.
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
		return watched(c, Stall), nil
	}
}

// RoundTrip refuses to send in the clear what is to be sent over TLS, and
// makes errors speak.
func (w *way) RoundTrip(req *http.Request) (*http.Response, error) {
	err := w.allow(req)
	if err == nil {
		err = w.requests.take(req.Context(), 1)
	}
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	ctx, cancel := context.WithCancel(req.Context())
	resp, err := w.inner.RoundTrip(w.meterRequest(req).WithContext(ctx))
	if err == nil {
		err = w.spokeTLS(resp)
	}
	if err != nil {
		cancel()
		return nil, w.explain(req, err)
	}
	resp.Request = req
	resp.Body = w.receive(req, resp.Body, cancel)
	return resp, nil
}

// receive makes a body that ends when it must, and comes no faster than it may.
func (w *way) receive(req *http.Request, rd io.ReadCloser, cancel context.CancelFunc) io.ReadCloser {
	if rd == nil {
		cancel()
		return nil
	}
	rd = newIdleBody(rd, cancel)
	if w.base != nil {
		rd = &body{ReadCloser: rd, ctx: req.Context()}
	}
	if w.bytes != nil {
		rd = &meteredBody{rd, req.Context(), w.bytes}
	}
	return rd
}

func (w *way) allow(req *http.Request) error {
	known := w.endpoint.Host != "" && w.endpoint.Handler == nil
	if known && req.URL.Scheme == "http" && w.endpoint.TLS != Disabled {
		return fault.WithHint(
			fmt.Errorf("%s is to be reached over TLS, but a plain http address of it was given", req.URL.Host),
			"if it speaks plain HTTP, write tls: disabled into its connection")
	}
	return nil
}

// errSpokeTLS is what a plain request to a TLS server ends in.
var errSpokeTLS = errors.New("it answers plain HTTP with a demand for TLS")
