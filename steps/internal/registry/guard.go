package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A trace is what one call saw of its requests: the errors that come back
// through regclient no longer tell.
type trace struct {
	mu         sync.Mutex // requests of one call may still end when it has been cancelled
	status     int
	authorized bool // the last request carried credentials or a token
	basic      bool // and it was name and password
	retryAfter time.Duration
	digest     string // Docker-Content-Digest of the last answer
	detail     string // what the last answer said was wrong
	err        error  // the last request got no answer
	pages      map[string]bool
}

type traceKey struct{}

func withTrace(ctx context.Context) (context.Context, *trace) {
	t := &trace{pages: map[string]bool{}}
	return context.WithValue(ctx, traceKey{}, t), t
}

// A guard stands between regclient and the network: it notes in the call's
// trace what is seen, bounds what a registry can ask for, and repeats
// requests that regclient would not.
type guard struct {
	next  http.RoundTripper
	pause func(context.Context, time.Duration) error
}

const (
	// maxRetryAfter is how long a registry may make us wait.
	maxRetryAfter = 120 * time.Second
	guardTries    = 3
)

// RoundTrip sends a request on.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	t, _ := req.Context().Value(traceKey{}).(*trace)
	if err := t.page(req); err != nil {
		t.note(req, nil, err)
		return nil, err
	}
	resp, err := g.send(req)
	t.note(req, resp, err)
	if err != nil {
		return nil, err
	}
	capRetryAfter(resp)
	capBody(req, resp)
	plainRefusal(resp)
	return resp, nil
}

// plainRefusal gives a refusal to regclient as the one that it takes without
// slowing down all that follows; the trace knows better.
func plainRefusal(resp *http.Response) {
	switch s := resp.StatusCode; s {
	case http.StatusUnauthorized, http.StatusRequestTimeout, http.StatusRequestedRangeNotSatisfiable,
		http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
	default:
		if s >= 400 {
			resp.StatusCode = http.StatusNotFound
		}
	}
}

// detail reads what an answer says is wrong, in the words of the distribution
// specification, and leaves the body as it was.
func detail(resp *http.Response) string {
	if resp.StatusCode < 400 || resp.Body == nil {
		return ""
	}
	head, err := io.ReadAll(io.LimitReader(resp.Body, 2048))
	if err != nil || len(head) == 0 {
		return ""
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), resp.Body), resp.Body}
	var said struct {
		Errors []struct{ Code, Message string }
	}
	if json.Unmarshal(head, &said) != nil || len(said.Errors) == 0 {
		return ""
	}
	return said.Errors[0].Code + ": " + said.Errors[0].Message
}

// send repeats a request without a body that was answered with 503, which
// regclient takes for an answer for good.
func (g *guard) send(req *http.Request) (*http.Response, error) {
	for try := 1; ; try++ {
		resp, err := g.next.RoundTrip(req)
		if err != nil || resp.StatusCode != http.StatusServiceUnavailable || try == guardTries ||
			(req.Method != http.MethodGet && req.Method != http.MethodHead) {
			return resp, err
		}
		wait := retryAfter(resp.Header)
		if wait > maxRetryAfter {
			return resp, nil
		}
		_, _ = io.CopyN(io.Discard, resp.Body, 4096)
		_ = resp.Body.Close()
		if err := g.pause(req.Context(), max(wait, backoff(try))); err != nil {
			return nil, err
		}
	}
}

// maxAnswer bounds every answer that is not a blob's content.
const maxAnswer = 16 << 20

type blobKey struct{}

// forBlob marks a call's answers as content of any length.
func forBlob(ctx context.Context) context.Context {
	return context.WithValue(ctx, blobKey{}, true)
}

func capBody(req *http.Request, resp *http.Response) {
	if resp.Body == nil || req.Context().Value(blobKey{}) != nil {
		return
	}
	resp.Body = &cappedBody{resp.Body, maxAnswer}
}

// A cappedBody fails when there is more in it than is left.
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

// capRetryAfter hides from regclient a wish to wait for longer than is sensible.
func capRetryAfter(resp *http.Response) {
	if resp.Header.Get("Retry-After") != "" && retryAfter(resp.Header) > maxRetryAfter {
		resp.Header.Del("Retry-After")
	}
}

// retryAfter reads the header in both of its forms; 0 is none.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if s, err := strconv.Atoi(v); err == nil && s > 0 {
		return time.Duration(min(s, 1<<20)) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// backoff is how long to wait after try number n: 0.5 s, 1 s, 2 s ...
func backoff(n int) time.Duration {
	return min(500*time.Millisecond<<(n-1), 10*time.Second)
}

func (t *trace) note(req *http.Request, resp *http.Response, err error) {
	// An upload that failed is deleted: that it could be is not the news.
	if t == nil || req.Method == http.MethodDelete {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	auth := req.Header.Get("Authorization")
	t.authorized, t.basic = auth != "", strings.HasPrefix(auth, "Basic ")
	t.status, t.retryAfter, t.digest, t.detail, t.err = 0, 0, "", "", err
	if err == nil {
		t.status, t.retryAfter, t.digest = resp.StatusCode, retryAfter(resp.Header), resp.Header.Get("Docker-Content-Digest")
		t.detail = detail(resp)
		if isPage(req) && resp.StatusCode == http.StatusOK {
			t.pages[req.URL.String()] = true
		}
	}
}

var errPages = errors.New("a list without an end")

// page refuses to read a list's page that has been read before, and a list
// that is longer than any list can be: regclient follows every link.
func (t *trace) page(req *http.Request) error {
	if t == nil || !isPage(req) {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pages[req.URL.String()] {
		return fmt.Errorf("%w: the page after %s is that page again", errPages, req.URL.Redacted())
	}
	if len(t.pages) >= maxPages {
		return fmt.Errorf("%w: more than %d pages", errPages, maxPages)
	}
	for seen := range t.pages {
		if !strings.HasPrefix(seen, req.URL.Scheme+"://"+req.URL.Host+"/") {
			return fmt.Errorf("%w: the next page is said to be on %s", errPages, req.URL.Host)
		}
		break
	}
	return nil
}

func isPage(req *http.Request) bool {
	return req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, "/tags/list")
}

// A seen is a copy of a trace's findings.
type seen struct {
	status            int
	authorized, basic bool
	retryAfter        time.Duration
	digest, detail    string
	err               error
}

func (t *trace) seen() seen {
	t.mu.Lock()
	defer t.mu.Unlock()
	return seen{t.status, t.authorized, t.basic, t.retryAfter, t.digest, t.detail, t.err}
}
