package transport

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// A rateLimiter allows a number of units per second. All requests to a host share
// it, hence the mutex; it is never held while waiting.
type rateLimiter struct {
	perSecond float64
	mu        sync.Mutex
	next      time.Time // when the next unit is due
}

// burst is the time whose units may pass at once.
const burst = 100 * time.Millisecond

// newRateLimiter returns nil, which never waits, if there is no limit.
func newRateLimiter(perSecond float64) *rateLimiter {
	if perSecond <= 0 {
		return nil
	}
	return &rateLimiter{perSecond: perSecond}
}

// wait takes n units and waits until the units before them are due. The next
// caller waits for these n.
func (m *rateLimiter) wait(ctx context.Context, n int) error {
	if m == nil || n <= 0 {
		return nil
	}
	m.mu.Lock()
	now := time.Now()
	if m.next.Before(now) {
		m.next = now
	}
	wait := m.next.Sub(now)
	m.next = m.next.Add(time.Duration(float64(n) / m.perSecond * float64(time.Second)))
	m.mu.Unlock()
	if wait < time.Millisecond {
		return nil
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// chunk returns how many of n bytes to move before the next wait.
func (m *rateLimiter) chunk(n int) int {
	return min(n, max(1<<10, int(m.perSecond*burst.Seconds())))
}

// A limitedBody delivers its bytes at the rate that the limiter allows.
type limitedBody struct {
	io.ReadCloser
	ctx     context.Context
	limiter *rateLimiter
}

func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:b.limiter.chunk(len(p))])
	if waited := b.limiter.wait(b.ctx, n); waited != nil {
		return n, waited
	}
	return n, err
}

// limitRequest applies the bandwidth limit to the body of a request.
func (r *route) limitRequest(req *http.Request) *http.Request {
	if r.bytes == nil || req.Body == nil || req.Body == http.NoBody {
		return req
	}
	slow := *req
	slow.Body = &limitedBody{req.Body, req.Context(), r.bytes}
	return &slow
}
