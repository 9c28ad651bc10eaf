// Package transport sends HTTP requests to their hosts. Each configured host has
// its own route, with its own TLS settings and address, or a handler inside the
// process that answers for it. All other hosts are reached in the usual way. The
// package does not know what the requests mean.
package transport

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/redact"
)

// A Mode is how TLS is used with a host.
type Mode string

// The modes. The empty mode means Verify.
const (
	Verify   Mode = "verify"   // TLS, with the certificate verified
	Insecure Mode = "insecure" // TLS, with any certificate
	Disabled Mode = "disabled" // plain HTTP
)

// Stall is how long no byte may move on a connection, in either direction, while
// a request is running.
const Stall = 60 * time.Second

// An Endpoint is how one host is reached.
type Endpoint struct {
	Host        string                                  // host[:port] as URLs name it, or a pattern for many
	Address     string                                  // dial this host:port instead, without a proxy
	TLS         Mode                                    // how TLS is used
	CA          string                                  // PEM file of further authorities to trust
	Cert, Key   string                                  // PEM files of the client certificate and its key
	Handler     http.Handler                            // answers instead of a server
	HandlerFor  func(host string) (http.Handler, error) // the Handler of each host that a pattern stands for
	Concurrency int                                     // idle connections kept open; 0: 64
	Rate        float64                                 // requests per second; 0: unlimited
	Bandwidth   int64                                   // bytes of bodies per second, both directions together; 0: unlimited
}

// A Transport is an http.RoundTripper that chooses the route by the URL's host.
type Transport struct {
	// Secrets learns what requests and answers carry, and masks it in the bodies of
	// answers with an error. It may be nil.
	Secrets *redact.Redactor

	routes   map[string]*route
	fallback *route
	refuse   func(host string) error        // of hosts without an endpoint; nil: none is refused
	inside   func(host string) http.Handler // answers for hosts without an endpoint; nil: none does
}

// AnswerInside makes handlers answer for hosts without an endpoint. A host that answer
// gives nil for is reached as before. It must be called before the first request.
func (t *Transport) AnswerInside(answer func(host string) http.Handler) { t.inside = answer }

// Restrict refuses requests to hosts without an endpoint with the error that refuse
// gives, if it gives one. It must be called before the first request.
func (t *Transport) Restrict(refuse func(host string) error) { t.refuse = refuse }

// New makes a transport for the endpoints. For all other hosts it verifies
// certificates and uses the proxies of the environment.
func New(endpoints []Endpoint) (*Transport, error) {
	rest, err := newRoute(Endpoint{})
	if err != nil {
		return nil, err
	}
	t := &Transport{routes: map[string]*route{}, fallback: rest}
	var errs []error
	for _, e := range endpoints {
		key := hostname.Normal(e.Host)
		r, err := newRoute(e)
		switch {
		case e.Host == "":
			err = errors.New("an endpoint without a host")
		case err == nil && t.routes[key] != nil:
			err = fmt.Errorf("host %q has two endpoints", e.Host)
		}
		errs = append(errs, err)
		t.routes[key] = r
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return t, nil
}

// RoundTrip sends the request over the route of its URL's host.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	t.learnRequest(req)
	if err := t.Refused(req.URL); err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	resp, err := t.routeFor(req.URL).RoundTrip(req)
	if err == nil {
		t.learnAnswer(req, resp)
	}
	return resp, err
}

// Refused gives the error of requests to a URL whose host is refused, and nil for others.
func (t *Transport) Refused(u *url.URL) error {
	if t.refuse == nil || t.routeFor(u) != t.fallback {
		return nil
	}
	return t.refuse(u.Host)
}

// routeFor returns the route for a URL. The endpoint and the URL may each omit
// the default port of the scheme.
func (t *Transport) routeFor(u *url.URL) *route {
	if r, ok := hostname.Find(t.routes, u); ok {
		return r.to(u.Host)
	}
	if t.inside != nil {
		if h := t.inside(u.Host); h != nil {
			return &route{inner: &inProcess{handler: h}}
		}
	}
	return t.fallback
}

// CloseIdleConnections closes the connections that no request uses.
func (t *Transport) CloseIdleConnections() {
	t.fallback.base.CloseIdleConnections()
	for _, r := range t.routes {
		r.closeIdle()
	}
}

// Client returns an HTTP client over the transport. The client refuses redirects
// from https to http, and does not send credentials to another scheme, host or
// port.
func (t *Transport) Client() *http.Client {
	return &http.Client{Transport: t, CheckRedirect: checkRedirect}
}

// maxRedirects is the same number as in net/http.
const maxRedirects = 10

func checkRedirect(req *http.Request, via []*http.Request) error {
	// net/http names the first URL there, with its query.
	req.Header.Del("Referer")
	if len(via) >= maxRedirects {
		return fmt.Errorf("%s redirects more than %d times", via[0].URL.Host, maxRedirects)
	}
	for _, before := range via {
		if before.URL.Scheme == "https" && req.URL.Scheme != "https" {
			return fmt.Errorf("%s redirects from https to %s://%s, which is refused", before.URL.Host, req.URL.Scheme, req.URL.Host)
		}
	}
	if req.URL.Scheme != "http" && req.URL.Scheme != "https" {
		return fmt.Errorf("%s redirects to %s://%s, which is not a web server", via[len(via)-1].URL.Host, req.URL.Scheme, req.URL.Host)
	}
	if hostname.Origin(req.URL) != hostname.Origin(via[0].URL) {
		if req.Method != http.MethodGet && req.Method != http.MethodHead { // the body may hold a password
			return fmt.Errorf("%s redirects a request with a body to %s://%s, which is refused", via[0].URL.Host, req.URL.Scheme, req.URL.Host)
		}
		for _, h := range []string{"Authorization", "Proxy-Authorization", "Cookie", "X-Auth-Token", "X-Subject-Token"} {
			req.Header.Del(h)
		}
	}
	return nil
}
