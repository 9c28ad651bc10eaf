package wire

import (
	"context"
	"net/http"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

// LastOf gives what the call of a context saw of its last request.
func LastOf(ctx context.Context) Result {
	log, _ := ctx.Value(callLogKey{}).(*callLog)
	if log == nil {
		return Result{}
	}
	return log.result()
}

// RepositoryOf gives the URL of the repository that the call of a context is about, ""
// outside a call.
func RepositoryOf(ctx context.Context) string {
	log, _ := ctx.Value(callLogKey{}).(*callLog)
	if p := log.targetOf(); p != nil {
		return p.URL()
	}
	return ""
}

// URL gives the URL of the repository.
func (p *Target) URL() string { return p.Origin + "/v2/" + p.Repository }

// IsBusy says whether the answer means: try later.
func (r Result) IsBusy() bool { return isTransient(r.Status) }

// RetryAfter gives the wait that the registry asked for, and says whether it is one
// that bayplan waits.
func (r Result) RetryAfter() (wait time.Duration, patient bool) {
	return r.retryAfter, r.retryAfter <= maxRetryAfter
}

// GiveUp makes an error the result of the call of a context. It is of the connection
// class, and Retry does not repeat the call.
func GiveUp(ctx context.Context, cause error) error {
	log, _ := ctx.Value(callLogKey{}).(*callLog)
	if log == nil {
		return fault.AsConnection(cause)
	}
	p := log.target
	e := &Error{
		Kind: Unreachable, Host: p.Host, Repository: p.Repository, Ref: p.Ref, cred: p.Cred, loginHint: p.LoginHint,
		method: http.MethodPut, repeated: true, Err: fault.AsConnection(cause),
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	log.last = Result{method: http.MethodPut, repeated: true, err: e}
	return e
}

// Backoff is the wait after so many tries in a row that failed.
func Backoff(failures int) time.Duration { return backoff(failures) }
