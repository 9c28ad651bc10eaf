// Package transport gets HTTP requests to where they belong: every host that
// is named to it has a way of its own, with its own TLS settings and address,
// or is answered inside the process; all others are reached as usual. It knows
// nothing of what stands in the requests.
package transport

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A Mode says how TLS is used with a host.
type Mode string

// The modes there are; the empty one is Verify.
const (
	Verify   Mode = "verify"   // TLS, with the certificate verified
	Insecure Mode = "insecure" // TLS, whatever certificate there is
	Disabled Mode = "disabled" // plain HTTP
)

// Stall is how long a connection may carry no byte in either direction while
// a request is under way.
const Stall = 60 * time.Second

// An Endpoint says how one host is reached.
type Endpoint struct {
	Host        string       // host[:port] as URLs name it
	Address     string       // dial this host:port instead; no proxy is used then
	TLS         Mode         // how TLS is used
	CA          string       // PEM file of further authorities to trust
	Cert, Key   string       // PEM files of the certificate to show, and of its key
	Handler     http.Handler // answers in place of any server
	Concurrency int          // connections kept open for the next request; 0: 16
	Rate        float64      // requests in a second; 0: any
	Bandwidth   int64        // bytes of bodies in a second, both ways together; 0: any
}

// A Transport is an http.RoundTripper that chooses the way by the URL's host.
type Transport struct {
	ways map[string]*way
	rest *way
}

// New makes a transport for the endpoints. A host that is not among them is
// reached with certificates verified and the proxies of the environment.
func New(endpoints []Endpoint) (*Transport, error) {
	rest, err := newWay(Endpoint{})
	if err != nil {
		return nil, err
	}
	t := &Transport{ways: map[string]*way{}, rest: rest}
	var errs []error
	for _, e := range endpoints {
		key := strings.ToLower(e.Host)
		w, err := newWay(e)
		switch {
		case e.Host == "":
			err = errors.New("an endpoint without a host")
		case err == nil && t.ways[key] != nil:
			err = fmt.Errorf("host %q has two endpoints", e.Host)
		}
		errs = append(errs, err)
		t.ways[key] = w
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return t, nil
}

// RoundTrip sends the request the way its URL's host asks for.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	return t.way(req.URL).RoundTrip(req)
}

// way finds the endpoint of a URL; a scheme's own port may be left out.
func (t *Transport) way(u *url.URL) *way {
	host := strings.ToLower(u.Host)
	if w := t.ways[host]; w != nil {
		return w
	}
	port := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]
	if bare, ok := strings.CutSuffix(host, port); ok && port != "" {
		host = bare
	} else {
		host += port
	}
	if w := t.ways[host]; w != nil {
		return w
	}
	return t.rest
}

// CloseIdleConnections closes what no request is using.
func (t *Transport) CloseIdleConnections() {
	t.rest.base.CloseIdleConnections()
	for _, w := range t.ways {
		if w.base != nil {
			w.base.CloseIdleConnections()
		}
	}
}

// Client gives an HTTP client over the transport that follows redirects with
// care: none from https to http, and no credentials to another scheme, host or port.
func (t *Transport) Client() *http.Client {
	return &http.Client{Transport: t, CheckRedirect: checkRedirect}
}

// maxRedirects is what net/http follows, too.
const maxRedirects = 10

func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return fmt.Errorf("%s redirects more than %d times", via[0].URL.Host, maxRedirects)
	}
	for _, before := range via {
		if before.URL.Scheme == "https" && req.URL.Scheme != "https" {
			return fmt.Errorf("%s redirects from https to %s://%s, which is refused", before.URL.Host, req.URL.Scheme, req.URL.Host)
		}
	}
	if origin(req.URL) != origin(via[0].URL) {
		for _, h := range []string{"Authorization", "Proxy-Authorization", "Cookie", "X-Auth-Token", "X-Subject-Token"} {
			req.Header.Del(h)
		}
	}
	return nil
}

// origin is what credentials belong to: scheme, host and port.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}
