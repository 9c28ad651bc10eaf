package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/regclient/regclient/types/errs"
	"github.com/regclient/regclient/types/ref"
)

// A Kind says what went wrong with a registry, for those who must tell apart.
type Kind int

// The kinds there are.
const (
	Other       Kind = iota
	NotFound         // no such repository, tag, manifest or blob
	NoLogin          // credentials are asked for and there are none
	BadLogin         // the credentials are refused
	Denied           // the credentials are good, but not for this; or it is not there
	Unreachable      // there was no answer
	Busy             // it says: try later
	Mismatch         // what it sent is not what it should be
)

// An Error is what came of a request to a registry. Its text names the host
// and, where it is about one, the repository.
type Error struct {
	Kind       Kind
	Host       string
	Repository string
	Ref        string        // as far as it is about one: host/repository:tag
	Status     int           // of the answer, 0 without one
	RetryAfter time.Duration // as the registry asked for
	cred       Credential
	tried      bool   // it has been tried again already
	detail     string // what the registry said, "" when nothing
	away       string // host that answered after a redirect, "" without one
	err        error
}

// Error gives one line. What concerns a host as a whole names no repository,
// so that it is told once for all images.
func (e *Error) Error() string {
	switch e.Kind {
	case NotFound:
		return e.Ref + ": not found"
	case NoLogin:
		return e.Host + " asks for credentials, and it is given none"
	case BadLogin:
		return fmt.Sprintf("%s refuses the credentials of %s", e.Host, e.cred.who())
	case Denied:
		return fmt.Sprintf("%s: there is no such repository, or %s has no right to it", e.Ref, e.cred.who())
	case Unreachable:
		return e.err.Error()
	case Busy:
		return e.answer()
	}
	switch {
	case e.Status >= 400:
		return e.answer()
	case errors.Is(e.err, errRealm):
		return e.err.Error() // it is so for all of the host
	}
	return fmt.Sprintf("%s: %v", e.Ref, e.err)
}

func (e *Error) answer() string {
	host := e.Host
	if e.away != "" {
		host += " redirects to " + e.away + ", which"
	}
	s := fmt.Sprintf("%s: %s answers %d %s", e.Ref, host, e.Status, http.StatusText(e.Status))
	if e.detail != "" {
		s += fmt.Sprintf(" (%q)", e.detail)
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.err }

// Connection says whether another try may help.
func (e *Error) Connection() bool {
	if e.Kind == Busy {
		return true
	}
	var c interface{ Connection() bool }
	return errors.As(e.err, &c) && c.Connection()
}

// Hint says what to do about it.
func (e *Error) Hint() string {
	switch {
	case e.Kind == NoLogin:
		return fmt.Sprintf("give the connection with host: %s a user and a password, or login: config", e.Host)
	case e.Kind == Denied && e.cred.zero():
		return fmt.Sprintf("if it needs credentials, give the connection with host: %s a user and a password, or login: config", e.Host)
	case e.Kind == BadLogin && e.cred.Bearer != "":
		return fmt.Sprintf("check the token of the connection with host: %s", e.Host)
	case e.Kind == BadLogin:
		return fmt.Sprintf("check user and password of the connection with host: %s", e.Host)
	}
	var h interface{ Hint() string }
	if errors.As(e.err, &h) {
		return h.Hint()
	}
	return ""
}

// KindOf gives the kind of the Error in err, Other where there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Other
}

// call prepares a request to r's host, runs it and makes its error speak.
func (c *Client) call(ctx context.Context, r ref.Ref, do func(context.Context) error) error {
	_, err := c.traced(ctx, r, do)
	return err
}

// traced is call for those who also want to know what was seen.
func (c *Client) traced(ctx context.Context, r ref.Ref, do func(context.Context) error) (seen, error) {
	p, err := c.party(ctx, r)
	if err != nil {
		return seen{}, err
	}
	inner, t := withTrace(ctx, p)
	err = do(inner)
	s := t.seen()
	if err == nil {
		return s, nil
	}
	if ctx.Err() != nil {
		return s, ctx.Err()
	}
	return s, explain(p, s, err)
}

// explain makes an Error of what regclient gave and the trace saw.
func explain(p *party, s seen, err error) error {
	var own *Error
	if errors.As(err, &own) || errors.As(s.err, &own) {
		return own
	}
	e := &Error{
		Host: p.host, Repository: p.repository, Ref: p.ref, Status: s.status, RetryAfter: s.retryAfter,
		Kind: kind(s, err), cred: p.cred, detail: s.detail, away: s.away, tried: s.asked, err: err,
	}
	switch {
	case (e.Kind == Unreachable || e.Kind == Mismatch) && s.err != nil:
		e.err = s.err
	case e.Kind == Other:
		e.err = tidy(err)
	}
	return e
}

// lies are the errors of registries that send what they should not.
var lies = []error{
	errs.ErrDigestMismatch, errs.ErrMismatch, errs.ErrSizeLimitExceeded,
	errPages, errLength, errElsewhere, errRealm, errManifest,
}

func kind(s seen, err error) Kind {
	for _, lie := range lies {
		if errors.Is(err, lie) || errors.Is(s.err, lie) {
			return Mismatch
		}
	}
	switch {
	case s.err != nil:
		return Unreachable
	case s.away != "" && (s.status == http.StatusUnauthorized || s.status == http.StatusForbidden):
		return Other // no credentials of ours were asked for there
	case s.status == http.StatusForbidden:
		return Denied
	case s.status == http.StatusNotFound:
		return NotFound
	case transient(s.status):
		return Busy
	}
	return Other
}

// transient says whether a status means: try later.
func transient(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// tidy shortens what regclient says: it may hold the whole body of an answer.
func tidy(err error) error {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) <= maxErrorText {
		return err
	}
	return &short{text[:maxErrorText] + "...", err}
}

const maxErrorText = 400

type short struct {
	text string
	err  error
}

func (s *short) Error() string { return s.text }
func (s *short) Unwrap() error { return s.err }
