// Package download brings files from web servers that nobody vouches for, whole
// or not at all: what was begun is continued by range, and only while it is
// the same file; what comes is held against its digests before it gets its
// name; and credentials go to the host that they were given for and to no
// other. It knows nothing of steps and plans.
package download

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/transport"
)

// A Host is a server that is not reached as an unknown one is: anonymously and
// with its certificate verified.
type Host struct {
	Name      string // host[:port] as URLs name it
	Address   string // dial this host:port instead
	TLS       transport.Mode
	CA        string       // PEM file of further authorities to trust
	Cert, Key string       // PEM files of the certificate to show, and of its key
	Bandwidth int64        // bytes in a second; 0: any
	Handler   http.Handler // answers in place of any server

	User     string
	Password func(context.Context) (string, error) // of User
	Token    func(context.Context) (string, error) // shown in place of User and Password
}

// A Client speaks with servers. It is for use by many goroutines at once.
type Client struct {
	hosts     map[string]Host // by origin's host:port, lower case
	transport *transport.Transport
	pause     func(ctx context.Context, d time.Duration) error
}

// New makes a client. Only the files of authorities and certificates are read.
func New(hosts []Host) (*Client, error) {
	c := &Client{hosts: map[string]Host{}, pause: sleep}
	endpoints := make([]transport.Endpoint, len(hosts))
	for i, h := range hosts {
		c.hosts[strings.ToLower(h.Name)] = h
		endpoints[i] = transport.Endpoint{
			Host: h.Name, Address: h.Address, TLS: h.TLS, CA: h.CA, Cert: h.Cert, Key: h.Key, Bandwidth: h.Bandwidth,
			Handler: h.Handler,
		}
	}
	t, err := transport.New(endpoints)
	if err != nil {
		return nil, err
	}
	c.transport = t
	return c, nil
}

// A Request says what is asked for.
type Request struct {
	URL string
	// Downgrade lets a server lead from https to plain http.
	Downgrade bool
}

// do sends one request. The answer to it may have any status.
func (c *Client) do(ctx context.Context, method string, r Request, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.URL, http.NoBody)
	if err != nil {
		return nil, err
	}
	for key, values := range header {
		req.Header[key] = values
	}
	req.Header.Set("User-Agent", "bayplan")
	req.Header.Set("Accept", "*/*")
	// What is hashed must come as it lies there.
	req.Header.Set("Accept-Encoding", "identity")
	if err := c.authorize(req); err != nil {
		return nil, err
	}
	hc := c.transport.Client()
	hc.CheckRedirect = r.redirects(hc.CheckRedirect)
	resp, err := hc.Do(req)
	if err != nil {
		return nil, unwrapURL(err)
	}
	return resp, nil
}

// unwrapURL takes off what net/http puts before its errors: the address, with
// all that is in it.
func unwrapURL(err error) error {
	if u, ok := err.(*url.Error); ok {
		return u.Err
	}
	return err
}

// authorize shows the credentials of the request's own host. Redirects that
// lead away take them off again.
func (c *Client) authorize(req *http.Request) error {
	h, ok := c.host(req.URL)
	if !ok {
		return nil
	}
	switch {
	case h.Token != nil:
		token, err := h.Token(req.Context())
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	case h.User != "":
		password, err := h.Password(req.Context())
		if err != nil {
			return err
		}
		req.SetBasicAuth(h.User, password)
	}
	return nil
}

// host finds the settings of a URL's host; a scheme's own port may be left out.
func (c *Client) host(u *url.URL) (Host, bool) {
	name := strings.ToLower(u.Host)
	if h, ok := c.hosts[name]; ok {
		return h, true
	}
	port := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]
	if bare, cut := strings.CutSuffix(name, port); cut {
		name = bare
	} else {
		name += port
	}
	h, ok := c.hosts[name]
	return h, ok
}

// maxRedirects is what net/http follows, too.
const maxRedirects = 10

// redirects follows redirects as the transport's client does, and from https to
// http where the request allows it: then without credentials, since that is
// another origin.
func (r Request) redirects(careful func(*http.Request, []*http.Request) error) func(*http.Request, []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		overTLS := slices.ContainsFunc(via, func(before *http.Request) bool { return before.URL.Scheme == "https" })
		switch down := overTLS && req.URL.Scheme != "https"; {
		case !down:
			return careful(req, via)
		case !r.Downgrade:
			return fault.WithHint(careful(req, via), "name an address that is served over https all the way, or allow it with http_redirects: true where a digest is given")
		case len(via) >= maxRedirects:
			return fmt.Errorf("%s redirects more than %d times", via[0].URL.Host, maxRedirects)
		}
		req.Header.Del("Authorization")
		req.Header.Del("Cookie")
		return nil
	}
}

// Shown gives a URL as it may be shown: what is signed or secret stands in its
// query, or before its host.
func Shown(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(an address that makes no sense)"
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	if u.RawQuery != "" {
		u.RawQuery = "..."
	}
	return u.String()
}

// A StatusError is an answer that is none of those hoped for.
type StatusError struct {
	URL    string // as it may be shown
	Status int
}

// Error names the address and the status.
func (e *StatusError) Error() string {
	return fmt.Sprintf("%s: the server answers %d %s", e.URL, e.Status, http.StatusText(e.Status))
}

// Hint says what to do about it.
func (e *StatusError) Hint() string {
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "give the host's credentials under connections.hosts, or correct them"
	case http.StatusNotFound, http.StatusGone:
		return "the file is not there; correct the URL"
	case http.StatusProxyAuthRequired:
		return "give the proxy's user and password in HTTPS_PROXY or HTTP_PROXY"
	}
	return ""
}

// Connection says whether it may be better later.
func (e *StatusError) Connection() bool {
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return e.Status >= 500 && e.Status != http.StatusNotImplemented
}

func statusError(r Request, resp *http.Response) error {
	return &waitError{error: &StatusError{URL: Shown(r.URL), Status: resp.StatusCode}, wait: retryAfter(resp.Header)}
}

// A waitError carries how long the server asks to be left alone.
type waitError struct {
	error
	wait time.Duration
}

func (e *waitError) Unwrap() error { return e.error }

// sleep waits, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// about says which address an error is about.
func about(r Request, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", Shown(r.URL), err)
}
