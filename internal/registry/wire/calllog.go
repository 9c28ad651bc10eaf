package wire

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/ownwords"
	"github.com/bayplan/bayplan/internal/paging"
	"github.com/bayplan/bayplan/internal/readers"
)

// A callLog is what one call saw of its requests. The errors that regclient
// returns do not say it.
type callLog struct {
	mu      sync.Mutex // requests of one call may still end after the call was cancelled
	target  *Target
	last    Result
	pages   paging.List
	listing string // origin of the pages
}

type callLogKey struct{}

func withCallLog(ctx context.Context, p *Target) (context.Context, *callLog) {
	t := &callLog{target: p, pages: paging.List{Most: MaxList, Worth: PageWorth}}
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
		t.last.said = ownwords.Read(resp)
		if resp.Header.Get("Age") == "" {
			t.last.date = resp.Header.Get("Date")
		}
		if isPage(req) && resp.StatusCode == http.StatusOK {
			counted := readers.Counting(resp.Body, t.pages.Add)
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

// checkPage rejects a page of a list that was read before, and a list that is
// too long: regclient follows every link.
func (t *callLog) checkPage(req *http.Request) error {
	if t == nil || !isPage(req) {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.listing == "" {
		t.listing = hostname.Origin(req.URL)
	}
	if hostname.Origin(req.URL) != t.listing {
		return fmt.Errorf("%w: the next page is said to be on %s", paging.ErrEndless, req.URL.Host)
	}
	return t.pages.Ask(req.URL.Redacted())
}

// isPage says whether a request reads a page of a list whose links regclient
// follows.
func isPage(req *http.Request) bool {
	return req.Method == http.MethodGet && (strings.HasSuffix(req.URL.Path, "/tags/list") || strings.Contains(req.URL.Path, "/referrers/"))
}

// A Result is what a call saw of its last request.
type Result struct {
	Status int    // of the answer, 0 without one
	Digest string // its Docker-Content-Digest

	repeated   bool // the Transport has repeated it already
	retryAfter time.Duration
	said       ownwords.Words // what the answer said was wrong
	method     string         // of the request
	opened     bool           // it was to open an upload
	away       string         // host of the request, where it had been redirected
	date       string         // header Date of the answer, "" of one that a cache has given
	err        error          // why there was no answer
}

// Date returns the registry's time of the answer, in whole seconds. It is zero if there was
// no answer, or if the answer does not say it.
func (r Result) Date() time.Time {
	at, err := http.ParseTime(r.date)
	if err != nil {
		return time.Time{}
	}
	return at
}

func (t *callLog) result() Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}
