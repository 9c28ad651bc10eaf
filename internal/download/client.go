// Package download downloads files from untrusted web servers, completely or not
// at all. It resumes a partial download with a range request, and only if the
// server still has the same file. It checks the digests before the file gets its
// name. It sends credentials only to the host they are for. It does not know
// steps or plans.
package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/ownwords"
	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/internal/transport"
)

// A Host is a server with its own settings. All other servers are reached
// anonymously, with their certificates verified.
type Host struct {
	Name      string // host[:port] as URLs name it
	Address   string // dial this host:port instead
	TLS       transport.Mode
	CA        string       // PEM file of further authorities to trust
	Cert, Key string       // PEM files of the client certificate and its key
	Bandwidth int64        // bytes per second; 0: unlimited
	Handler   http.Handler // answers instead of a server

	User     string
	Password func(context.Context) (string, error) // of User
	Token    func(context.Context) (string, error) // used instead of User and Password
}

// A Client sends requests to servers. Many goroutines may use it at once.
type Client struct {
	hosts     map[string]Host // by the lower-case Name
	transport *transport.Transport
	pause     func(ctx context.Context, d time.Duration) error
}

// New makes a client. It reads the files of authorities and certificates, but
// connects to no server.
func New(hosts []Host) (*Client, error) {
	c := &Client{hosts: map[string]Host{}, pause: sleep}
	endpoints := make([]transport.Endpoint, len(hosts))
	for i, h := range hosts {
		c.hosts[hostname.Normal(h.Name)] = h
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

// Restrict refuses requests to hosts that the client has no settings for, as
// transport.Transport.Restrict does.
func (c *Client) Restrict(refuse func(host string) error) { c.transport.Restrict(refuse) }

// AnswerInside makes handlers answer for hosts that the client has no settings for, as
// transport.Transport.AnswerInside does.
func (c *Client) AnswerInside(answer func(host string) http.Handler) {
	c.transport.AnswerInside(answer)
}

// UseRedactor makes the client give it the secrets that requests and answers carry.
// It is called before the client is used.
func (c *Client) UseRedactor(r *redact.Redactor) { c.transport.Secrets = r }

// A Request is the file to request.
type Request struct {
	URL string
	// Downgrade allows redirects from https to plain http.
	Downgrade bool
	// SameHost refuses redirects to another host.
	SameHost bool
	// Source gives the bytes in place of a web server; nil: the URL is requested. The URL
	// then identifies them: it is another one for other bytes.
	Source *Source
}

// do sends one request. The answer may have any status.
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
	// The content is hashed, so it must arrive as it is stored.
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

// unwrapURL removes the URL that net/http adds to its errors, since it may have
// secrets in it.
func unwrapURL(err error) error {
	u, ok := err.(*url.Error)
	switch {
	case !ok:
		return err
	case strings.HasPrefix(u.Err.Error(), "failed to parse Location header"): // it quotes the address
		return errors.New("the server redirects to an address that cannot be read")
	}
	return u.Err
}

// authorize adds the credentials of the request's host. A redirect to another
// origin removes them.
func (c *Client) authorize(req *http.Request) error {
	h, ok := hostname.Find(c.hosts, req.URL)
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

// maxRedirects is the same number as in net/http.
const maxRedirects = 10

// redirects returns a policy for redirects: that of the transport's client, which
// is base, but from https to http if the request allows it. Such a redirect
// removes the credentials, since it leads to another origin.
func (r Request) redirects(base func(*http.Request, []*http.Request) error) func(*http.Request, []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		if r.SameHost && !strings.EqualFold(req.URL.Hostname(), via[0].URL.Hostname()) {
			return fmt.Errorf("%s redirects to another host, %s, which is refused", via[0].URL.Host, req.URL.Host)
		}
		overTLS := slices.ContainsFunc(via, func(before *http.Request) bool { return before.URL.Scheme == "https" })
		switch down := overTLS && req.URL.Scheme != "https"; {
		case !down:
			return base(req, via)
		case !r.Downgrade:
			return fault.WithHint(base(req, via), "use a URL that is served over https only, or set http_redirects: true together with a digest")
		case len(via) >= maxRedirects:
			return fmt.Errorf("%s redirects more than %d times", via[0].URL.Host, maxRedirects)
		}
		for _, h := range []string{"Authorization", "Cookie", "Referer"} {
			req.Header.Del(h)
		}
		return nil
	}
}

// RedactURL returns a URL without the parts that may be secret: its user and
// password, its query and its fragment.
func RedactURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(an invalid address)"
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	if u.RawQuery != "" {
		u.RawQuery = "..."
	}
	return u.String()
}

// A StatusError is an answer with an unexpected status.
type StatusError struct {
	URL    string // redacted
	Status int
	Away   string // the host that answers, after redirects; "": the URL's own
	Said   string // what the answer says is wrong, in brackets; "": nothing
}

// Error names the address and the status, and gives the server's own words.
func (e *StatusError) Error() string {
	who := "the server"
	if e.Away != "" {
		who = "it redirects to " + e.Away + ", which"
	}
	status := strings.TrimSuffix(fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status)), " ")
	return fmt.Sprintf("%s: %s answers %s%s", e.URL, who, status, e.Said)
}

// Hint says what the reader can do about the status.
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

// Connection reports whether a later attempt may succeed.
func (e *StatusError) Connection() bool {
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return e.Status >= 500 && e.Status != http.StatusNotImplemented
}

// statusError makes the error for an answer. It reads the beginning of its body.
func statusError(r Request, resp *http.Response) error {
	resp.Body = struct {
		io.Reader
		io.Closer
	}{newSlowGuard(resp.Body), resp.Body}
	e := &StatusError{URL: RedactURL(r.URL), Status: resp.StatusCode, Said: ownwords.Read(resp).Quoted()}
	if u, err := url.Parse(r.URL); err == nil && resp.Request.URL.Host != u.Host {
		e.Away = resp.Request.URL.Host
	}
	return &waitError{error: e, wait: retryAfter(resp.Header)}
}

// A waitError is an error with the time that the server asks to wait.
type waitError struct {
	error
	wait time.Duration
}

func (e *waitError) Unwrap() error { return e.error }

// sleep waits for d or until ctx ends.
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

// withURL adds the redacted URL to an error.
func withURL(r Request, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", RedactURL(r.URL), err)
}
