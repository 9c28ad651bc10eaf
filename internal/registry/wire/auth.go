package wire

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/ownwords"
)

// A Credential is what bayplan shows to a registry. The zero value is no
// credential.
type Credential struct {
	User, Password string
	Identity       string // a refresh token, which is exchanged for tokens
	Bearer         string // a token that is shown as it is
}

// IsZero says that there is no credential.
func (c Credential) IsZero() bool { return c == Credential{} }

// describe names the owner of a credential in messages.
func (c Credential) describe() string {
	switch {
	case c.IsZero():
		return "an anonymous user"
	case c.User == "":
		return "the holder of the token"
	}
	return fmt.Sprintf("user %q", c.User)
}

// A Target is the registry of a call and the credential for it. Only this
// registry and its trusted realm see the credential.
type Target struct {
	Host       string // as references name it
	Origin     string // scheme, host and port that requests go to
	Repository string
	Ref        string // for messages
	Cred       Credential
	Realms     []string // hosts that tokens may come from even if they are private
	// LoginHint says what to do about a login that is missing or refused, nil: nothing.
	LoginHint func(Kind) string
}

// auth answers the challenges of registries. regclient does not know the
// credentials, so no redirect, link or location can make it show them.
type auth struct {
	transport func(*http.Request) (*http.Response, error)
	lookup    func(ctx context.Context, network, host string) ([]netip.Addr, error)
	refused   func(*url.URL) error // gives the error for a URL that must not be asked; nil: all may be

	// All calls share what one of them learns about a registry.
	mu       sync.Mutex
	asked    map[string]challenge // the last challenge of an origin
	accounts map[accountKey]*account
	grants   map[grantKey]*grant
}

type accountKey struct {
	origin string
	cred   Credential
}

type grantKey struct {
	accountKey
	scopes string
}

// A grant is a token for some scopes. One call at a time renews it.
type grant struct {
	sem   chan struct{}
	extra []string // further scopes that the registry has asked for
	token token
}

func newAuth(send func(*http.Request) (*http.Response, error)) *auth {
	return &auth{
		transport: send, lookup: net.DefaultResolver.LookupNetIP,
		asked: map[string]challenge{}, accounts: map[accountKey]*account{}, grants: map[grantKey]*grant{},
	}
}

// send sends a request with the authorization that its registry is known to
// want. If the registry then wants another one, send sends it once more. It
// returns the request of the last try, too.
func (a *auth) send(req *http.Request, p *Target) (*http.Request, *http.Response, error) {
	if p == nil || hostname.Origin(req.URL) != p.Origin {
		resp, err := a.transport(req)
		return req, resp, err
	}
	next, err := copier(req)
	if err != nil {
		return req, nil, err
	}
	pass, err := a.credentials(req, p)
	if err != nil {
		closeBody(req)
		return req, nil, err
	}
	sent := withAuthorization(next(), pass)
	resp, err := a.sendOnceProven(sent, p, pass)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || req.Context().Value(withoutRetryKey{}) != nil {
		return sent, resp, err
	}
	answer := ownwords.Read(resp)
	_, _ = io.CopyN(io.Discard, resp.Body, maxDrained)
	_ = resp.Body.Close()
	if pass, err = a.answerChallenge(req, p, pass, refusal{resp.Header, answer}); err != nil {
		return sent, nil, err
	}
	again := next()
	if again == nil {
		return sent, nil, fault.AsConnection(fmt.Errorf("%s: %s does not accept its token any more", p.Ref, p.Host))
	}
	sent = withAuthorization(again, pass)
	resp, err = a.sendOnceProven(sent, p, pass)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		answer := ownwords.Read(resp)
		_ = resp.Body.Close()
		return sent, nil, a.denial(req, p, pass, answer)
	}
	return sent, resp, err
}

// copier returns a function that copies a request. The function gives nil where
// the body has been read and cannot be read again.
func copier(req *http.Request) (func() *http.Request, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return func() *http.Request { return req.Clone(req.Context()) }, nil
	}
	if strings.Contains(req.URL.Path, "/manifests/") && req.ContentLength <= MaxManifest {
		b, err := io.ReadAll(io.LimitReader(req.Body, MaxManifest))
		closeBody(req)
		return func() *http.Request {
			r := req.Clone(req.Context())
			r.Body = io.NopCloser(bytes.NewReader(b))
			return r
		}, err
	}
	used := false
	return func() *http.Request {
		if used {
			return nil
		}
		used = true
		return req.Clone(req.Context())
	}, nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// withAuthorization sets the Authorization header of a request.
func withAuthorization(req *http.Request, pass string) *http.Request {
	if pass != "" {
		req.Header.Set("Authorization", pass)
	}
	return req
}

// credentials gives the Authorization header for a request before any
// challenge, "" for none.
func (a *auth) credentials(req *http.Request, p *Target) (string, error) {
	if p.Cred.Bearer != "" {
		return "Bearer " + p.Cred.Bearer, nil
	}
	a.mu.Lock()
	c, known := a.asked[p.Origin]
	a.mu.Unlock()
	if !known {
		return "", nil
	}
	return a.authorizationFor(req, p, c, "")
}

// A refusal is the answer 401: what the registry asks for, and what it says.
type refusal struct {
	header http.Header
	said   ownwords.Words
}

// answerChallenge gives the Authorization header after a 401. The error says
// that nothing is left to try.
func (a *auth) answerChallenge(req *http.Request, p *Target, pass string, r refusal) (string, error) {
	c, ok := bestChallenge(challenges(r.header))
	if !ok || p.Cred.Bearer != "" {
		return "", a.denial(req, p, pass, r.said)
	}
	a.mu.Lock()
	a.asked[p.Origin] = c
	a.mu.Unlock()
	next, err := a.authorizationFor(req, p, c, pass)
	if err == nil && (next == "" || next == pass) {
		err = a.denial(req, p, pass, r.said)
	}
	return next, err
}

// bestChallenge picks the strongest scheme that a registry accepts.
func bestChallenge(all []challenge) (challenge, bool) {
	for _, scheme := range []string{"bearer", "basic"} {
		for _, c := range all {
			if c.scheme == scheme {
				return c, true
			}
		}
	}
	return challenge{}, false
}

// authorizationFor gives the Authorization header for a challenge, "" where the
// credential does not fit.
func (a *auth) authorizationFor(req *http.Request, p *Target, c challenge, stale string) (string, error) {
	if c.scheme == "bearer" {
		text, err := a.token(req.Context(), p, c, tokenNeed{scopesOf(req, p.Repository), strings.TrimPrefix(stale, "Bearer ")})
		return "Bearer " + text, err
	}
	if p.Cred.Password == "" {
		return "", nil
	}
	s := a.account(accountKey{p.Origin, p.Cred})
	a.mu.Lock()
	defer a.mu.Unlock()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(p.Cred.User+":"+p.Cred.Password)), s.refused
}

// A tokenNeed is the scopes that a request needs, and the token that was
// refused.
type tokenNeed struct {
	scopes []string
	stale  string
}

// token gives a token for a need: one that is known, or a new one.
func (a *auth) token(ctx context.Context, p *Target, c challenge, n tokenNeed) (string, error) {
	who := accountKey{p.Origin, p.Cred}
	g := a.grant(grantKey{who, strings.Join(n.scopes, " ")})
	if err := acquire(ctx, g.sem); err != nil {
		return "", err
	}
	defer func() { <-g.sem }()
	extra := union(n.scopes, union(g.extra, c.scopes()))[len(n.scopes):]
	more := n.stale != "" && len(extra) > len(g.extra)
	if g.token.isValid() && !more && (g.token.text != n.stale || g.token.isNew()) {
		return g.token.text, nil
	}
	if n.stale != "" {
		g.extra = extra
	}
	var err error
	g.token, err = a.login(ctx, p, c, append(slices.Clone(n.scopes), g.extra...))
	return g.token.text, err
}

// login asks for a token. Until the first one has come, one call at a time
// asks.
func (a *auth) login(ctx context.Context, p *Target, c challenge, scopes []string) (token, error) {
	s := a.account(accountKey{p.Origin, p.Cred})
	if err := acquire(ctx, s.sem); err != nil {
		return token{}, err
	}
	a.mu.Lock()
	accepted, refused := s.accepted, s.refused
	a.mu.Unlock()
	if refused != nil {
		<-s.sem
		return token{}, refused
	}
	if accepted {
		<-s.sem
		t, err := a.fetch(ctx, p, c, scopes)
		if KindOf(err) == BadLogin {
			err = p.deniedError()
		}
		return t, err
	}
	defer func() { <-s.sem }()
	t, err := a.fetch(ctx, p, c, scopes)
	if KindOf(err) == BadLogin {
		// Some token servers answer 401 for a scope as they do for a password.
		// A request without scopes tells the two apart.
		if _, again := a.fetch(ctx, p, c, nil); again == nil {
			accepted, err = true, p.deniedError()
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s.accepted = accepted || err == nil
	if KindOf(err) == BadLogin {
		s.refused = err
	}
	return t, err
}

// acquire waits for a semaphore, but not longer than ctx lasts.
func acquire(ctx context.Context, turn chan struct{}) error {
	select {
	case turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *auth) grant(key grantKey) *grant {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.grants[key] == nil {
		a.grants[key] = &grant{sem: make(chan struct{}, 1)}
	}
	return a.grants[key]
}

// AsksForLogin says whether the registry at an origin has asked for a login.
func (t *Transport) AsksForLogin(origin string) bool {
	t.auth.mu.Lock()
	defer t.auth.mu.Unlock()
	_, asked := t.auth.asked[origin]
	return asked
}

type withoutRetryKey struct{}

// WithoutRetry marks requests that are not sent again with another login after
// they were refused.
func WithoutRetry(ctx context.Context) context.Context {
	return context.WithValue(ctx, withoutRetryKey{}, true)
}

// client is the HTTP client for tokens. It follows redirects within one server
// only.
func (a *auth) client() *http.Client {
	return &http.Client{Transport: roundTripper(a.transport), CheckRedirect: func(req *http.Request, via []*http.Request) error {
		if from := via[0].URL; hostname.Origin(req.URL) != hostname.Origin(from) || len(via) > 3 {
			return fmt.Errorf("%w: %s redirects to %s", errRealm, from.Host, req.URL.Host)
		}
		return nil
	}}
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// withoutURL removes the address from an HTTP client's error: the address has a
// query.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
