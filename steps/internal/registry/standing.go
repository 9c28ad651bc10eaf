package registry

import (
	"context"
	"net/http"
)

// A standing is what is known of an account: whether it was ever accepted, and
// else why it was refused. A wrong password is not tried for every image, or
// the account could be locked.
type standing struct {
	turn     chan struct{} // held by who tries it first
	accepted bool
	refused  error
}

// accepted notes that a pass has opened the door.
func (a *auth) accepted(p *party, pass string, resp *http.Response) {
	if resp == nil || resp.StatusCode >= 500 || p.cred.zero() || pass == "" {
		return
	}
	s := a.standing(account{p.origin, p.cred})
	a.mu.Lock()
	defer a.mu.Unlock()
	s.accepted = true
}

// denial says what a 401 means after a pass was shown.
func (a *auth) denial(ctx context.Context, p *party, pass string) error {
	e := p.denied()
	if p.cred.zero() {
		if pass == "" {
			e.Kind = NoLogin
		}
		return e
	}
	s := a.standing(account{p.origin, p.cred})
	a.mu.Lock()
	accepted := s.accepted
	a.mu.Unlock()
	sure := accepted
	if !accepted && pass != "" && !a.opens(ctx, p, "") {
		accepted, sure = a.opens(ctx, p, pass), true
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

// opens says whether a pass opens a registry's front door. Where it is closed
// to others, that tells whether the pass is good: some registries answer 401
// also for what is not there.
func (a *auth) opens(ctx context.Context, p *party, pass string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.origin+"/v2/", nil)
	if err != nil {
		return false
	}
	req.Header.Set("User-Agent", userAgent)
	resp, err := a.send(shown(req, pass))
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// denied is the error of a party that has no right to its repository.
func (p *party) denied() *Error {
	return &Error{Kind: Denied, Host: p.host, Repository: p.repository, Ref: p.ref, Status: http.StatusUnauthorized, cred: p.cred}
}

func (a *auth) standing(who account) *standing {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.accounts[who] == nil {
		a.accounts[who] = &standing{turn: make(chan struct{}, 1)}
	}
	return a.accounts[who]
}
