package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/readers"
)

// A callLog is what one call saw of its requests. The errors that regclient
// returns do not say it.
type callLog struct {
	mu      sync.Mutex // requests of one call may still end after the call was cancelled
	target  *Target
	last    Result
	pages   map[string]bool
	listing string       // origin of the pages
	listed  atomic.Int64 // bytes of the pages
}

type callLogKey struct{}

func withCallLog(ctx context.Context, p *Target) (context.Context, *callLog) {
	t := &callLog{target: p, pages: map[string]bool{}}
	return context.WithValue(ctx, callLogKey{}, t), t
}

func (t *callLog) note(req *http.Request, resp *http.Response, err error) {
	// regclient deletes an upload that failed. The result of that does not
	// matter.
	if t == nil || req.Method == http.MethodDelete && !strings.Contains(req.URL.Path, "/manifests/") {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = Result{repeated: isRead(req), method: req.Method, opened: req.Method == http.MethodPost, err: err}
	if t.target != nil && req.Response != nil && hostname.Origin(req.URL) != t.target.Origin {
		t.last.away = req.URL.Host
	}
	if err == nil {
		t.last.Status, t.last.retryAfter, t.last.Digest = resp.StatusCode, retryAfter(resp.Header), resp.Header.Get("Docker-Content-Digest")
		t.last.said = readSaid(resp)
		if isPage(req) && resp.StatusCode == http.StatusOK {
			t.pages[req.URL.String()] = true
			counted := readers.Counting(resp.Body, func(n int64) { t.listed.Add(n) })
			resp.Body = struct {
				io.Reader
				io.Closer
			}{counted, resp.Body}
		}
	}
}

// targetOf gives the target of a request that belongs to a call.
func (t *callLog) targetOf() *Target {
	if t == nil {
		return nil
	}
	return t.target
}

// ErrEndless says that the pages of a list never end.
var ErrEndless = errors.New("a list without an end")

// checkPage rejects a page of a list that was read before, and a list that is
// too long: regclient follows every link.
func (t *callLog) checkPage(req *http.Request) error {
	if t == nil || !isPage(req) {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pages[req.URL.String()] {
		return fmt.Errorf("%w: the page after %s is that page again", ErrEndless, req.URL.Redacted())
	}
	if len(t.pages) >= MaxPages {
		return fmt.Errorf("%w: more than %d pages", ErrEndless, MaxPages)
	}
	if t.listed.Load() > maxList {
		return fmt.Errorf("%w: more than %d bytes", ErrEndless, maxList)
	}
	if t.listing == "" {
		t.listing = hostname.Origin(req.URL)
	}
	if hostname.Origin(req.URL) != t.listing {
		return fmt.Errorf("%w: the next page is said to be on %s", ErrEndless, req.URL.Host)
	}
	return nil
}

// isPage says whether a request reads a page of a list whose links regclient
// follows.
func isPage(req *http.Request) bool {
	return req.Method == http.MethodGet && (strings.HasSuffix(req.URL.Path, "/tags/list") || strings.Contains(req.URL.Path, "/referrers/"))
}

// maxList is the largest size of all pages of a list: a million names of 64
// bytes.
const maxList = 64 << 20

// A Result is what a call saw of its last request.
type Result struct {
	Status int    // of the answer, 0 without one
	Digest string // its Docker-Content-Digest

	repeated   bool // the Transport has repeated it already
	retryAfter time.Duration
	said       said   // what the answer said was wrong
	method     string // of the request
	opened     bool   // it was to open an upload
	away       string // host of the request, where it had been redirected
	err        error  // why there was no answer
}

func (t *callLog) result() Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}
