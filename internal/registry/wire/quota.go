package wire

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
)

// A Quota is how many manifests a registry lets its user pull in a time, by the headers
// RateLimit-Limit and RateLimit-Remaining, as Docker Hub sends them.
type Quota struct {
	Limit     int           // 0: not said
	Remaining int           // less those that are being asked for
	Window    time.Duration // in which Limit counts; 0: not said
}

// quotaOf reads the headers, such as "RateLimit-Remaining: 76;w=21600".
func quotaOf(h http.Header) (Quota, bool) {
	remaining, window, ok := quotaValue(h.Get("RateLimit-Remaining"))
	if !ok {
		return Quota{}, false
	}
	limit, of, _ := quotaValue(h.Get("RateLimit-Limit"))
	return Quota{limit, remaining, max(window, of)}, true
}

func quotaValue(text string) (n int, window time.Duration, ok bool) {
	number, parameters, _ := strings.Cut(text, ";")
	n, err := strconv.Atoi(strings.TrimSpace(number))
	if err != nil || n < 0 {
		return 0, 0, false
	}
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if s, err := strconv.Atoi(value); name == "w" && err == nil && s > 0 {
			window = time.Duration(min(s, 1<<30)) * time.Second
		}
	}
	return n, window, true
}

// A pullCount is what is known of a registry's quota.
type pullCount struct {
	first chan struct{} // holds something during the first pull, if a number of pulls is to be kept

	mu      sync.Mutex
	known   bool  // an answer has come, with a quota or without one
	limited bool  // with one
	quota   Quota // with the fewest that an answer of this window has told
	sent    int   // pulls without an answer yet
}

// left gives the quota without the pulls that have no answer yet: the registry may have
// counted them or not. The caller holds the mutex.
func (c *pullCount) left() Quota {
	q := c.quota
	q.Remaining = max(0, q.Remaining-c.sent)
	return q
}

// anew is how many more than before may be left if the registry has begun to count anew.
// Answers may overtake each other, but not so many.
const anew = 128

func (t *Transport) pullsOf(host string) *pullCount {
	c, _ := t.pulls.LoadOrStore(host, &pullCount{first: make(chan struct{}, 1)})
	return c.(*pullCount)
}

// Quota gives what is left of a registry's quota. The host is as URLs name it. It is false
// if the registry has not told of one.
func (t *Transport) Quota(host string) (Quota, bool) {
	c := t.pullsOf(host)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left(), c.limited
}

// isPull says whether a request counts as a pull: that of a manifest, but not HEAD.
func isPull(req *http.Request) bool {
	return req.Method == http.MethodGet && strings.Contains(req.URL.Path, "/manifests/")
}

// beginPull counts a pull. It refuses one of those that are to be kept. The caller calls
// the result with the answer.
func (t *Transport) beginPull(req *http.Request) (end func(*http.Response), err error) {
	keep := t.bounds(req.URL.Host).KeepPulls
	c := t.pullsOf(req.URL.Host)
	leave := func() {}
	if keep > 0 {
		if leave, err = c.enter(req.Context()); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if q := c.left(); keep > 0 && c.limited && q.Remaining <= keep {
		leave()
		return nil, fault.WithHint(fmt.Errorf("%s: %s, and keep_pulls is %d", req.URL.Host, q, keep),
			"wait, or lower keep_pulls of the connection")
	}
	c.sent++
	return func(resp *http.Response) {
		defer leave()
		c.note(resp)
	}, nil
}

// enter waits while another pull is the first one: what is left is not known before its
// answer.
func (c *pullCount) enter(ctx context.Context) (leave func(), err error) {
	if c.isKnown() {
		return func() {}, nil
	}
	select {
	case c.first <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	leave = func() { <-c.first }
	if c.isKnown() { // by now
		leave()
		return func() {}, nil
	}
	return leave, nil
}

func (c *pullCount) isKnown() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known
}

// note takes the answer to a pull, nil for none.
func (c *pullCount) note(resp *http.Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent--
	if resp == nil {
		return
	}
	if resp.StatusCode != http.StatusUnauthorized {
		c.known = true
	}
	c.noteQuota(resp)
}

// noteUncounted takes the answer to HEAD for a manifest, which is no pull but may tell what
// is left.
func (c *pullCount) noteUncounted(req *http.Request, resp *http.Response) {
	if req.Method != http.MethodHead || !strings.Contains(req.URL.Path, "/manifests/") {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.noteQuota(resp)
}

// noteQuota takes what an answer says is left. The caller holds the mutex.
func (c *pullCount) noteQuota(resp *http.Response) {
	if q, ok := quotaOf(resp.Header); ok {
		if c.limited && q.Remaining <= c.quota.Remaining+anew {
			q.Remaining = min(q.Remaining, c.quota.Remaining)
		}
		c.quota, c.limited = q, true
	}
}

// String says what is left, such as "134 pulls are left of 200 in 6h".
func (q Quota) String() string {
	text := fmt.Sprintf("%d pulls are left", q.Remaining)
	if q.Limit > 0 {
		text += fmt.Sprintf(" of %d", q.Limit)
	}
	if q.Window > 0 {
		text += " in " + human.Duration(q.Window)
	}
	return text
}
