package wire

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/regclient/regclient/types/errs"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/ownwords"
	"github.com/bayplan/bayplan/internal/paging"
)

// A Kind says what went wrong with a registry.
type Kind int

// The kinds of errors.
const (
	Other       Kind = iota
	NotFound         // no such repository, tag, manifest or blob
	NoLogin          // the registry asks for credentials and there are none
	BadLogin         // the registry refuses the credentials
	Denied           // the credentials are good, but not for this; or it is not there
	Unreachable      // there was no answer
	Busy             // the registry says: try later
	Mismatch         // the registry sent something else than it should
)

// An Error is the result of a failed request to a registry. Its text names the
// host and, where it is about one repository, that.
type Error struct {
	Kind       Kind
	Host       string
	Repository string
	Ref        string        // host/repository:tag, where the error is about one
	Status     int           // of the answer, 0 without one
	RetryAfter time.Duration // the wait that the registry asked for
	comeBack   time.Time     // when a wait ends that is too long for a run; zero: there is none
	cred       Credential
	loginHint  func(Kind) string
	repeated   bool           // the Transport has repeated the request already
	said       ownwords.Words // what the registry said
	method     string         // of the request, "" where it does not matter
	opened     bool           // the request was to open an upload
	away       string         // host that answered after a redirect, "" without one
	Err        error          // the cause
}

// Names reports whether the text of the error begins with the name of an image. That of an error of
// a whole host does not.
func (e *Error) Names(image string) bool {
	return e.Ref == image && strings.HasPrefix(e.Error(), image+":")
}

// Error gives one line, with the registry's own words at its end. An error of the
// whole host names no repository, so that it is reported once for all images.
func (e *Error) Error() string {
	switch e.Kind {
	case NotFound:
		if e.lacksRepository() {
			return fmt.Sprintf("%s: %s has no such repository, and a push does not make it%s", e.Ref, e.Host, e.said.Quoted())
		}
		return e.Ref + ": not found" + e.said.Quoted()
	case NoLogin:
		return e.Host + " asks for credentials, and it is given none" + e.said.OfHost(e.Repository).Quoted()
	case BadLogin:
		return fmt.Sprintf("%s refuses the credentials of %s%s", e.Host, e.cred.describe(), e.said.OfHost(e.Repository).Quoted())
	case Denied:
		if e.isPush() && e.said.Text != "" {
			return fmt.Sprintf("%s: %s refuses the push of %s%s", e.Ref, e.Host, e.cred.describe(), e.said.Quoted())
		}
		if e.Repository == "" {
			return fmt.Sprintf("%s refuses %s%s", e.Host, e.cred.describe(), e.said.Quoted())
		}
		return fmt.Sprintf("%s: there is no such repository, or %s has no right to it%s", e.Ref, e.cred.describe(), e.said.Quoted())
	case Unreachable:
		return e.Err.Error()
	case Busy:
		return e.answerText()
	}
	switch {
	case e.Status >= 400:
		return e.answerText()
	case errors.Is(e.Err, errRealm):
		return e.Err.Error() // an error of the whole host
	}
	return e.Ref + ": " + Words(e.Err)
}

// isPush says whether the request was to write something.
func (e *Error) isPush() bool {
	return e.method == http.MethodPost || e.method == http.MethodPut || e.method == http.MethodPatch
}

// lacksRepository says whether a push failed since its repository, or the project of that,
// does not exist. Some registries make them only when they are told to. An upload needs
// nothing else, so whatever code they give for one means this.
func (e *Error) lacksRepository() bool {
	return e.Kind == NotFound && e.isPush() && (e.opened || e.said.Code == "NAME_UNKNOWN")
}

// LacksUpload says whether a registry has looked for an upload that does not exist: it would
// have refused before, had the user no right to push.
func (e *Error) LacksUpload() bool {
	return e.Kind == NotFound && !e.lacksRepository() || e.Status == http.StatusBadRequest && strings.HasPrefix(e.said.Code, "BLOB_UPLOAD_")
}

// mayLackRepository says whether a refused push may have failed for the same reason: many
// registries do not tell what is missing from what is forbidden. One that says more knows.
func (e *Error) mayLackRepository() bool {
	return e.Kind == Denied && e.isPush() && (e.said.Text == "" || aboutAccess.MatchString(e.said.Text))
}

var aboutAccess = lazyregexp.New(`(?i)^(denied: |unauthorized: |forbidden: )*(requested access to the resource is denied|access to the requested resource is not authorized|unauthorized to access repository.*)$`)

// toCreate says what has to be at the registry before a push.
func (e *Error) toCreate() string {
	project, _, nested := strings.Cut(e.Repository, "/")
	if !nested {
		return fmt.Sprintf("the repository %s (if the registry wants PROJECT/NAME, rename gives such a name)", e.Repository)
	}
	return fmt.Sprintf("the repository %s, or its project %s", e.Repository, project)
}

func (e *Error) answerText() string {
	host := e.Host
	if e.away != "" {
		host += " redirects to " + e.away + ", which"
	}
	text := fmt.Sprintf("%s: %s answers %d %s%s", e.Ref, host, e.Status, http.StatusText(e.Status), e.said.Quoted())
	if !e.comeBack.IsZero() {
		text += "; it wants no more requests before " + e.comeBack.UTC().Format("2006-01-02 15:04 UTC")
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports that what is not found does not exist.
func (e *Error) Is(target error) bool { return target == fs.ErrNotExist && e.Kind == NotFound }

// Connection says whether another try may help.
func (e *Error) Connection() bool {
	if e.Kind == Busy {
		return true
	}
	var c interface{ Connection() bool }
	return errors.As(e.Err, &c) && c.Connection()
}

// Hint says what to do about it.
func (e *Error) Hint() string {
	switch {
	case e.lacksRepository():
		return "create first " + e.toCreate()
	case e.isPush() && e.said.Code == "NAME_INVALID":
		return "the registry does not take this name, perhaps since it wants PROJECT/NAME: rename gives images other names there"
	case e.mayLackRepository() && !e.cred.IsZero():
		return "if it does not exist, create first " + e.toCreate()
	}
	if e.loginHint != nil {
		switch {
		case e.Kind == NoLogin, e.Kind == BadLogin:
			return e.loginHint(e.Kind)
		case e.Kind == Denied && e.cred.IsZero():
			if hint := e.loginHint(e.Kind); hint != "" {
				return "if it needs credentials: " + hint
			}
			return ""
		}
	}
	return fault.Hint(e.Err)
}

// KindOf gives the kind of the Error in err, Other where there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Other
}

// Call runs do, which sends requests to the target, and explains its error.
func Call(ctx context.Context, target *Target, do func(context.Context) error) (Result, error) {
	inner, log := withCallLog(ctx, target)
	err := do(inner)
	result := log.result()
	switch {
	case err == nil:
		return result, nil
	case ctx.Err() != nil:
		return result, ctx.Err()
	}
	return result, explain(target, result, err)
}

// explain makes an Error from regclient's error and the call log.
func explain(p *Target, s Result, err error) error {
	var own *Error
	if errors.As(err, &own) || errors.As(s.err, &own) {
		return own
	}
	e := &Error{
		Host: p.Host, Repository: p.Repository, Ref: p.Ref, Status: s.Status, RetryAfter: s.retryAfter,
		Kind: kind(s, err), cred: p.Cred, loginHint: p.LoginHint, said: s.said, method: s.method, opened: s.opened, away: s.away, repeated: s.repeated, Err: err,
	}
	if e.RetryAfter > maxRetryAfter {
		e.comeBack = time.Now().Add(e.RetryAfter + time.Minute).Truncate(time.Minute)
	}
	if (e.Kind == Unreachable || e.Kind == Mismatch) && s.err != nil {
		e.Err = s.err
	}
	return e
}

// mismatches are the errors about registries that send something wrong.
var mismatches = []error{
	errs.ErrDigestMismatch, errs.ErrMismatch, errs.ErrSizeLimitExceeded,
	paging.ErrEndless, errLength, errOtherHost, errRealm, errManifest,
}

func kind(s Result, err error) Kind {
	for _, lie := range mismatches {
		if errors.Is(err, lie) || errors.Is(s.err, lie) {
			return Mismatch
		}
	}
	switch {
	case s.err != nil:
		return Unreachable
	case s.away != "" && (s.Status == http.StatusUnauthorized || s.Status == http.StatusForbidden):
		return Other // the host behind the redirect did not see the credential
	case s.Status == http.StatusForbidden:
		return Denied
	case s.Status == http.StatusNotFound:
		return NotFound
	case isTransient(s.Status):
		return Busy
	}
	return Other
}

// isTransient says whether a status means: try later.
func isTransient(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// shorten writes an error in one line of bounded length. regclient puts the
// whole body of an answer into its errors.
func shorten(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > maxErrorText {
		text = text[:maxErrorText] + "..."
	}
	return text
}

const maxErrorText = 400
