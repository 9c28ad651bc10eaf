package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bayplan/bayplan/internal/readers"
)

// A trace is what one call saw of its requests: the errors that come back
// through regclient no longer tell.
type trace struct {
	mu         sync.Mutex // requests of one call may still end when it has been cancelled
	party      *party
	status     int
	asked      bool // it was one that the guard repeats
	retryAfter time.Duration
	digest     string // Docker-Content-Digest of the last answer
	detail     string // what the last answer said was wrong
	away       string // host of the last request, where it had been redirected to
	err        error  // the last request got no answer
	pages      map[string]bool
	listed     atomic.Int64 // bytes of those
}

type traceKey struct{}

func withTrace(ctx context.Context, p *party) (context.Context, *trace) {
	t := &trace{party: p, pages: map[string]bool{}}
	return context.WithValue(ctx, traceKey{}, t), t
}

func (t *trace) note(req *http.Request, resp *http.Response, err error) {
	// An upload that failed is deleted: that it could be is not the news.
	if t == nil || req.Method == http.MethodDelete && !strings.Contains(req.URL.Path, "/manifests/") {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked, t.away = asks(req), ""
	if t.party != nil && req.Response != nil && originOf(req.URL) != t.party.origin {
		t.away = req.URL.Host
	}
	t.status, t.retryAfter, t.digest, t.detail, t.err = 0, 0, "", "", err
	if err == nil {
		t.status, t.retryAfter, t.digest = resp.StatusCode, retryAfter(resp.Header), resp.Header.Get("Docker-Content-Digest")
		t.detail = detail(resp)
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

// of gives the party of a request that belongs to a call.
func (t *trace) of() *party {
	if t == nil {
		return nil
	}
	return t.party
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
	if t.listed.Load() > maxList {
		return fmt.Errorf("%w: more than %d bytes", errPages, maxList)
	}
	for seen := range t.pages {
		if !strings.HasPrefix(seen, req.URL.Scheme+"://"+req.URL.Host+"/") {
			return fmt.Errorf("%w: the next page is said to be on %s", errPages, req.URL.Host)
		}
		break
	}
	return nil
}

// isPage says whether a request is for a page of a list whose links regclient follows.
func isPage(req *http.Request) bool {
	return req.Method == http.MethodGet && (strings.HasSuffix(req.URL.Path, "/tags/list") || strings.Contains(req.URL.Path, "/referrers/"))
}

// maxList bounds all pages of a list together: a million names of 64 bytes.
const maxList = 64 << 20

// A seen is a copy of a trace's findings.
type seen struct {
	status         int
	asked          bool
	retryAfter     time.Duration
	digest, detail string
	away           string
	err            error
}

func (t *trace) seen() seen {
	t.mu.Lock()
	defer t.mu.Unlock()
	return seen{t.status, t.asked, t.retryAfter, t.digest, t.detail, t.away, t.err}
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
