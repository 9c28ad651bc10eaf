package wire

import (
	"context"
	"net/http"
	"strings"
)

// A account is what is known of an account: whether it was ever accepted, and
// else why it was refused. A wrong password is not tried for every image, or
// the account could be locked.
type account struct {
	sem      chan struct{} // held by who tries it first
	accepted bool
	refused  error
}

// sendOnceProven sends a request that shows a pass. A password is shown by one
// request at a time until a first answer tells what it is worth: several at
// once are several failures on the account.
func (a *auth) sendOnceProven(sent *http.Request, p *Target, pass string) (*http.Response, error) {
	s := a.account(accountKey{p.Origin, p.Cred})
	if !strings.HasPrefix(pass, "Basic ") || a.isAccepted(s) {
		return a.sendNoting(sent, p, pass)
	}
	if err := acquire(sent.Context(), s.sem); err != nil {
		closeBody(sent)
		return nil, err
	}
	if a.isAccepted(s) { // by the one that was waited for: no more need to wait
		<-s.sem
		return a.sendNoting(sent, p, pass)
	}
	defer func() { <-s.sem }()
	return a.sendFirst(sent, p, pass)
}

// sendNoting sends a request with a pass, and notes what came of it.
func (a *auth) sendNoting(sent *http.Request, p *Target, pass string) (*http.Response, error) {
	resp, err := a.transport(sent)
	a.accepted(p, pass, resp)
	return resp, err
}

// sendFirst shows a password of which nothing good is known yet.
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
		return resp, nil // it wants something else
	}
	_ = resp.Body.Close()
	return nil, a.denial(sent.Context(), p, pass)
}

func (a *auth) isAccepted(s *account) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return s.accepted
}

// accepted notes that a pass has opened the door.
func (a *auth) accepted(p *Target, pass string, resp *http.Response) {
	if resp == nil || resp.StatusCode == http.StatusUnauthorized || resp.StatusCode >= 500 || p.Cred.IsZero() || pass == "" {
		return
	}
	s := a.account(accountKey{p.Origin, p.Cred})
	a.mu.Lock()
	defer a.mu.Unlock()
	s.accepted = true
}

// denial says what a 401 means after a pass was shown.
func (a *auth) denial(ctx context.Context, p *Target, pass string) error {
	e := p.deniedError()
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
		// Where it is closed to others the front door tells whether the pass is
		// good: some registries answer 401 also for what is not there. One that is
		// open to all tells only by closing.
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

// ping gives the status with which a registry's front door answers a pass, 0
// when it does not answer.
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

// deniedError is the error of a party that has no right to its repository.
func (p *Target) deniedError() *Error {
	return &Error{Kind: Denied, Host: p.Host, Repository: p.Repository, Ref: p.Ref, Status: http.StatusUnauthorized, cred: p.Cred}
}

func (a *auth) account(who accountKey) *account {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.accounts[who] == nil {
		a.accounts[who] = &account{sem: make(chan struct{}, 1)}
	}
	return a.accounts[who]
}
