package wire

import (
	"net/http"
	"time"

	"github.com/bayplan/bayplan/internal/pace"
)

// A requestKind groups requests that take a registry about as long.
type requestKind int

const (
	look    requestKind = iota // manifests, tags, catalogs, and whether something is there
	pull                       // the content of a blob
	change                     // mounts, the begin and the end of uploads, manifests, deletions
	uploads                    // content that is sent, which takes as long as it is large
)

// smallBody is the largest body whose time says more of the registry than of the line.
const smallBody = 64 << 10

func kindOfRequest(req *http.Request) requestKind {
	_, isBlob := req.Context().Value(spanKey{}).(span)
	switch {
	case isRead(req) && isBlob:
		return pull
	case isRead(req):
		return look
	case req.Body != nil && req.Body != http.NoBody && (req.ContentLength < 0 || req.ContentLength > smallBody):
		return uploads
	}
	return change
}

type paceKey struct {
	host string
	kind requestKind
}

// firstRequests is the number of requests of a kind that a registry gets at a time before
// it is known how it answers.
const firstRequests = 16

// limiterOf gives the limiter for a request, nil where there is no limit.
func (t *Transport) limiterOf(req *http.Request) *pace.Limiter {
	most := t.bounds(req.URL.Host).Requests
	if most == 0 {
		return nil
	}
	key := paceKey{req.URL.Host, kindOfRequest(req)}
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.limiters[key]
	if l == nil {
		l = pace.New(firstRequests, most, t.pause)
		t.limiters[key] = l
	}
	return l
}

// sendPaced sends a request when its registry may get one more, and lets the limiter
// know how it was answered.
func (t *Transport) sendPaced(req *http.Request) (*http.Response, error) {
	if resp := t.closed(req); resp != nil {
		closeBody(req)
		return resp, nil
	}
	l := t.limiterOf(req)
	if l == nil {
		return t.sendNow(req)
	}
	began, err := l.Begin(req.Context())
	if err != nil {
		closeBody(req)
		return nil, err
	}
	resp, err := t.sendNow(req)
	switch {
	case err != nil:
		l.Failed()
	case isBusy(resp):
		t.noteClosing(req, resp)
		l.Busy(began, restAfter(resp))
	case kindOfRequest(req) == uploads:
		l.Failed()
	default:
		l.Answered(began)
	}
	return resp, err
}

func (t *Transport) sendNow(req *http.Request) (resp *http.Response, err error) {
	if isPull(req) {
		end, err := t.beginPull(req)
		if err != nil {
			return nil, err
		}
		defer func() { end(resp) }()
	}
	resp, err = t.next.RoundTrip(req)
	if err == nil {
		t.pullsOf(req.URL.Host).noteUncounted(req, resp)
		resp, err = readAhead(req, resp)
	}
	return resp, err
}

// isBusy says whether a registry has too much to do.
func isBusy(resp *http.Response) bool {
	return resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable
}

// restAfter is how long a busy registry wants to be left alone. A wait that is too long
// ends its request, and the others find out by themselves.
func restAfter(resp *http.Response) time.Duration {
	if after := retryAfter(resp.Header); after <= maxRetryAfter {
		return after
	}
	return 0
}
