package transport

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// A meter spreads units over time, so many in a second. The mutex is there
// because all requests to a host share it; nobody waits while holding it.
type meter struct {
	perSecond float64
	mu        sync.Mutex
	next      time.Time // when the next unit is due
}

// burst is how far a meter lets the first of several go ahead.
const burst = 100 * time.Millisecond

// newMeter gives nil for no limit, which nobody waits for.
func newMeter(perSecond float64) *meter {
	if perSecond <= 0 {
		return nil
	}
	return &meter{perSecond: perSecond}
}

// take waits until n units are due. They may be taken before they are paid
// for: who comes next waits for them.
func (m *meter) take(ctx context.Context, n int) error {
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

// share is how many bytes to move before looking at the clock again.
func (m *meter) share(n int) int {
	return min(n, max(1<<10, int(m.perSecond*burst.Seconds())))
}

// A meteredBody lets its bytes through as the meter allows.
type meteredBody struct {
	io.ReadCloser
	ctx   context.Context
	meter *meter
}

func (b *meteredBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:b.meter.share(len(p))])
	if waited := b.meter.take(b.ctx, n); waited != nil {
		return n, waited
	}
	return n, err
}

// meterRequest slows a request's body down.
func (w *way) meterRequest(req *http.Request) *http.Request {
	if w.bytes == nil || req.Body == nil || req.Body == http.NoBody {
		return req
	}
	slow := *req
	slow.Body = &meteredBody{req.Body, req.Context(), w.bytes}
	return &slow
}
