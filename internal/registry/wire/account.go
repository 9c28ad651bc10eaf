package wire

import (
	"context"
	"net/http"
	"strings"

	"github.com/bayplan/bayplan/internal/ownwords"
)

// An account is what is known about a credential at a registry: whether it was
// ever accepted, or why it was refused. A wrong password is not tried for every
// image, because the registry might lock the account.
type account struct {
	sem      chan struct{} // held by the first request that shows the credential
	accepted bool
	refused  error
}

// sendOnceProven sends a request with a credential. Until a password has been
// accepted, one request at a time shows it: several at once would be several
// failures on the account.
func (a *auth) sendOnceProven(sent *http.Request, p *Target, pass string) (*http.Response, error) {
	s := a.account(accountKey{p.Origin, p.Cred})
	if !strings.HasPrefix(pass, "Basic ") || a.isAccepted(s) {
		return a.sendNoting(sent, p, pass)
	}
	if err := acquire(sent.Context(), s.sem); err != nil {
		closeBody(sent)
		return nil, err
	}
	if a.isAccepted(s) { // by the request that held the semaphore
		<-s.sem
		return a.sendNoting(sent, p, pass)
	}
	defer func() { <-s.sem }()
	return a.sendFirst(sent, p, pass)
}

// sendNoting sends a request with a credential and notes the result.
func (a *auth) sendNoting(sent *http.Request, p *Target, pass string) (*http.Response, error) {
	resp, err := a.transport(sent)
	a.accepted(p, pass, resp)
	return resp, err
}

// sendFirst shows a password that has not been accepted yet.
func (a *auth) sendFirst(sent *http.Request, p *Target, pass string) (*http.Response, error) {
	s := a.account(accountKey{p.Origin, p.Cred})
	a.mu.Lock()
	refused := s.refused
	a.mu.Unlock()
	if refused != nil {
		closeBody(sent)
		return nil, refused
	}
	resp, err := a.sendNoting(sent, p, pass)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	if c, _ := bestChallenge(challenges(resp.Header)); c.scheme != "basic" {
		return resp, nil // it wants another scheme
	}
	answer := ownwords.Read(resp)
	_ = resp.Body.Close()
	return nil, a.denial(sent, p, pass, answer)
}

func (a *auth) isAccepted(s *account) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return s.accepted
}

// accepted notes that a registry has accepted a credential.
func (a *auth) accepted(p *Target, pass string, resp *http.Response) {
	if resp == nil || resp.StatusCode == http.StatusUnauthorized || resp.StatusCode >= 500 || p.Cred.IsZero() || pass == "" {
		return
	}
	s := a.account(accountKey{p.Origin, p.Cred})
	a.mu.Lock()
	defer a.mu.Unlock()
	s.accepted = true
}

// denial explains a 401 to a request with a credential.
func (a *auth) denial(req *http.Request, p *Target, pass string, answer ownwords.Words) error {
	ctx := req.Context()
	e := p.deniedError()
	e.said, e.method = answer, req.Method
	if p.Cred.IsZero() {
		if pass == "" {
			e.Kind = NoLogin
		}
		return e
	}
	s := a.account(accountKey{p.Origin, p.Cred})
	accepted := a.isAccepted(s)
	sure := accepted
	if !accepted && pass != "" {
		// If /v2/ is closed to anonymous requests, it shows whether the
		// credential is good: some registries answer 401 for a missing
		// repository, too. If /v2/ is open, only a 401 there says something.
		closed, answer := a.ping(ctx, p, "") == http.StatusUnauthorized, a.ping(ctx, p, pass)
		accepted = closed && answer == http.StatusOK
		sure = accepted || answer == http.StatusUnauthorized
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s.accepted = accepted
	if !accepted {
		e.Kind = BadLogin
		if sure {
			s.refused = e
		}
	}
	return e
}

// ping gives the status with which /v2/ answers a credential, 0 where it does
// not answer.
func (a *auth) ping(ctx context.Context, p *Target, pass string) int {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Origin+"/v2/", nil)
	if err != nil {
		return 0
	}
	req.Header.Set("User-Agent", UserAgent)
	resp, err := a.transport(withAuthorization(req, pass))
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// deniedError is the error of a target without the right to its repository.
func (p *Target) deniedError() *Error {
	return &Error{Kind: Denied, Host: p.Host, Repository: p.Repository, Ref: p.Ref, Status: http.StatusUnauthorized, cred: p.Cred, loginHint: p.LoginHint}
}

func (a *auth) account(who accountKey) *account {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.accounts[who] == nil {
		a.accounts[who] = &account{sem: make(chan struct{}, 1)}
	}
	return a.accounts[who]
}
