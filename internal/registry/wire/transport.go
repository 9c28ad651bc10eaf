package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/pace"
)

// A Transport stands between regclient and the network. It logs each request of
// a call, adds credentials, bounds answers, repeats requests that change
// nothing, and asks for the rest of a blob that was cut off.
//
// regclient repeats nothing itself: it slows down the whole host after each
// error, and 45 images without access would take minutes to report. So
// regclient sees every error status as a plain 404. The call log knows the real
// one.
type Transport struct {
	next   http.RoundTripper
	auth   *auth
	pause  func(context.Context, time.Duration) error
	bounds func(host string) Bounds
	pulls  sync.Map // *pullCount by host

	mu       sync.Mutex // requests of all calls share what follows
	down     map[string]outage
	limiters map[paceKey]*pace.Limiter
	closings map[paceKey]closing
}

// An outage is a host that did not answer several tries. The next requests fail
// at once, so that 45 images do not wait one after another.
type outage struct {
	until time.Time
	err   error
}

// outageTime is how long an outage is remembered. It ends before a step is
// tried again.
const outageTime = 500 * time.Millisecond

const (
	// maxRetryAfter is the longest wait that a registry may ask for.
	maxRetryAfter = 120 * time.Second
	// tries is the number of tries for a request, a blob or a manifest.
	tries = 3
	// busyTries is the same for a registry that has had too many requests: fewer at a time
	// reach it with each try.
	busyTries = 8
)

// triesAt gives the number of tries after an answer with this status. 0 is no answer.
func triesAt(status int) int {
	if status == http.StatusTooManyRequests {
		return busyTries
	}
	return tries
}

// Bounds say what a registry is asked for at most.
type Bounds struct {
	Requests  int // of a kind at a time; 0: any number
	KeepPulls int // manifests that are left of its quota; 0: none
}

// New makes a Transport that sends requests through next. It calls pause to wait before
// it repeats one. bounds gives the bounds of a host, as URLs name it.
func New(next http.RoundTripper, pause func(context.Context, time.Duration) error, bounds func(host string) Bounds) *Transport {
	t := &Transport{
		next: next, pause: pause, bounds: bounds,
		down: map[string]outage{}, limiters: map[paceKey]*pace.Limiter{}, closings: map[paceKey]closing{},
	}
	t.auth = newAuth(t.send)
	if r, ok := next.(interface{ Refused(*url.URL) error }); ok {
		t.auth.refused = r.Refused
	}
	return t
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = forPage(req)
	log, _ := req.Context().Value(callLogKey{}).(*callLog)
	if err := errors.Join(log.checkPage(req), checkRedirect(req)); err != nil {
		closeBody(req)
		log.note(req, nil, err)
		return nil, err
	}
	sent, resp, err := t.auth.send(req, log.targetOf())
	if err == nil {
		err = errors.Join(checkLocation(req, resp), t.content(sent, resp))
	}
	log.note(req, resp, err)
	if err != nil {
		return nil, err
	}
	ownLinks(req, resp)
	resp.Header.Del("Retry-After")
	if resp.StatusCode >= 400 {
		resp.StatusCode = http.StatusNotFound
	}
	return resp, nil
}

// send sends a request, and repeats it while that may help and changes nothing.
func (t *Transport) send(req *http.Request) (*http.Response, error) {
	if req.GetBody != nil && !isRead(req) {
		// regclient promises a body that can be read again, but a blob cannot.
		// Without this, net/http would report that and hide the real error.
		once := *req
		once.GetBody = nil
		req = &once
	}
	for try := 1; ; try++ {
		if err := t.outage(req); err != nil { // another request has used up its tries
			return nil, err
		}
		resp, err := t.sendPaced(req)
		last := try >= tries && (err != nil || try >= triesAt(resp.StatusCode)) || unreachable(err)
		if err == nil || last {
			t.learn(req, err)
		}
		if !isRead(req) || last || err == nil && !isTransient(resp.StatusCode) || err != nil && !fault.IsConnection(err) {
			return resp, err
		}
		wait := backoff(try)
		if err == nil {
			after := retryAfter(resp.Header)
			if after > maxRetryAfter {
				return resp, nil
			}
			wait = max(wait, after)
			_, _ = io.CopyN(io.Discard, resp.Body, 4096)
			_ = resp.Body.Close()
		}
		if err := t.pause(req.Context(), wait); err != nil {
			return nil, err
		}
	}
}

// unreachable says whether a host did not answer within the time for a
// connection. Another try would take as long again.
func unreachable(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" && op.Timeout()
}

// outage gives the error of a host that is known not to answer.
func (t *Transport) outage(req *http.Request) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o, known := t.down[req.URL.Host]; known && isRead(req) && time.Now().Before(o.until) {
		return o.err
	}
	return nil
}

// learn notes whether a host answers. The error is that of the last try.
func (t *Transport) learn(req *http.Request, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil:
		delete(t.down, req.URL.Host)
	case fault.IsConnection(err):
		t.down[req.URL.Host] = outage{time.Now().Add(outageTime), err}
	}
}

// isRead says whether a request changes nothing, and so may be repeated.
func isRead(req *http.Request) bool {
	return req.Method == http.MethodGet || req.Method == http.MethodHead
}

// errOtherHost says that a registry wants a blob to be sent to another host.
var errOtherHost = errors.New("it sends uploads to another host")

// checkLocation rejects the location of an upload on another host. bayplan
// would send data there, and the host may be any server inside the network.
func checkLocation(req *http.Request, resp *http.Response) error {
	status := resp.StatusCode == http.StatusNoContent && isRead(req)
	if resp.StatusCode != http.StatusAccepted && !status {
		return nil
	}
	to, err := req.URL.Parse(resp.Header.Get("Location"))
	if err != nil || hostname.Origin(to) == hostname.Origin(req.URL) {
		return nil // regclient reports a location that it cannot read
	}
	_ = resp.Body.Close()
	if hostname.Normal(to.Host) == hostname.Normal(req.URL.Host) {
		return fault.WithHint(fmt.Errorf("%w: %s names an address with %s", errOtherHost, req.URL.Host, to.Scheme),
			"a proxy in front of the registry may have to tell it the scheme, with X-Forwarded-Proto")
	}
	return fmt.Errorf("%w: %s names %s", errOtherHost, req.URL.Host, to.Host)
}

// checkRedirect rejects a redirect of a request with a body to another host.
func checkRedirect(req *http.Request) error {
	if req.Response == nil || req.Response.Request == nil || isRead(req) {
		return nil
	}
	if from := req.Response.Request.URL; hostname.Origin(from) != hostname.Origin(req.URL) {
		return fmt.Errorf("%w: %s redirects to %s", errOtherHost, from.Host, req.URL.Host)
	}
	return nil
}

// errLength says that an answer has the wrong length.
var errLength = errors.New("the length is wrong")

// content bounds the body of an answer. The body of a blob it makes complete.
func (t *Transport) content(req *http.Request, resp *http.Response) error {
	want, isBlob := req.Context().Value(spanKey{}).(span)
	switch {
	case resp.Body == nil:
	case isManifest(req, resp):
		if err := checkManifest(req, resp); err != nil {
			_ = resp.Body.Close()
			return err
		}
	case !isBlob || req.Method != http.MethodGet || resp.StatusCode >= 300:
		resp.Body = &cappedBody{resp.Body, maxAnswer}
	default:
		if err := want.body(t, req, resp); err != nil {
			_ = resp.Body.Close()
			return err
		}
	}
	return nil
}

// maxAnswer is the largest answer that is not a blob.
const maxAnswer = 16 << 20

// A cappedBody fails after so many bytes.
type cappedBody struct {
	io.ReadCloser
	left int64
}

func (b *cappedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		n, err := b.ReadCloser.Read(make([]byte, 1))
		if n > 0 {
			err = fmt.Errorf("an answer of more than %d bytes", int64(maxAnswer))
		}
		return 0, err
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// retryAfter reads the header in both of its forms. Without it the wait is 0.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if v == "" {
		return 0 // the usual case; to parse it would only make an error
	}
	if s, err := strconv.Atoi(v); err == nil && s > 0 {
		return time.Duration(min(s, 1<<20)) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// backoff is the wait after try number n: 0.5 s, 1 s, 2 s ...
func backoff(n int) time.Duration {
	return min(500*time.Millisecond<<(n-1), 10*time.Second)
}
