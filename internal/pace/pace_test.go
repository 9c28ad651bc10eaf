package pace

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A server takes a time for an answer that depends on how many requests it has, and
// refuses those above a number.
type server struct {
	takes   func(active int) time.Duration
	refuses int // 0: none

	mu                    sync.Mutex
	active, peak, refused int
}

// load sends requests from many clients and gives the time that all took.
func (s *server) load(l *Limiter, requests int) time.Duration {
	began := time.Now()
	var clients sync.WaitGroup
	for range 100 {
		clients.Go(func() {
			for range requests / 100 {
				for !s.ask(l) {
					time.Sleep(500 * time.Millisecond)
				}
			}
		})
	}
	clients.Wait()
	return time.Since(began)
}

// ask reports whether the server has answered.
func (s *server) ask(l *Limiter) bool {
	began, _ := l.Begin(context.Background())
	s.mu.Lock()
	s.active++
	s.peak = max(s.peak, s.active)
	takes, refuse := s.takes(s.active), s.refuses > 0 && s.active > s.refuses
	if refuse {
		s.refused++
	}
	s.mu.Unlock()
	time.Sleep(takes)
	s.mu.Lock()
	s.active--
	s.mu.Unlock()
	if refuse {
		l.Busy(began, 0)
	} else {
		l.Answered(began)
	}
	return !refuse
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func always(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }

// A server that is far away gets as many requests as are allowed.
func TestFarServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{takes: always(30 * time.Millisecond)}
		if took := s.load(New(16, 64, pause), 5000); took > 4*time.Second {
			t.Errorf("5000 requests took %v", took)
		}
		if s.peak != 64 {
			t.Errorf("%d requests at a time", s.peak)
		}
	})
}

// A server that only gets slower gets no more requests than at first.
func TestSlowServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{takes: func(active int) time.Duration { return time.Duration(active) * time.Millisecond }}
		s.load(New(16, 64, pause), 5000)
		if s.peak > 18 {
			t.Errorf("%d requests at a time", s.peak)
		}
	})
}

// A server that refuses requests above a number is not pushed beyond it for long.
func TestBusyServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{takes: always(30 * time.Millisecond), refuses: 24}
		took := s.load(New(16, 64, pause), 20000)
		if s.refused > 400 {
			t.Errorf("%d of 20000 requests were refused", s.refused)
		}
		if best := 20000 / 24 * 30 * time.Millisecond; took > best*3/2 {
			t.Errorf("took %v, at best %v", took, best)
		}
	})
}

// Answers to requests that were under way together halve the limit once, and no request
// begins while the server wants to be left alone.
func TestBurstOfRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(8, 8, pause)
		began := make([]time.Time, 8)
		for i := range began {
			began[i], _ = l.Begin(t.Context())
		}
		time.Sleep(time.Millisecond)
		for _, b := range began {
			l.Busy(b, time.Minute)
		}
		if l.limit != 4 {
			t.Errorf("the limit is %v", l.limit)
		}
		asked := time.Now()
		b, err := l.Begin(t.Context())
		if err != nil || b.Sub(asked) != time.Minute {
			t.Errorf("the next began after %v, %v", b.Sub(asked), err)
		}
	})
}

// A request that is cancelled while it waits leaves its place to others.
func TestCancelledRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(1, 1, pause)
		_, _ = l.Begin(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.Begin(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		l.Busy(time.Now(), time.Hour)
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.Begin(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		time.Sleep(time.Hour)
		if _, err := l.Begin(t.Context()); err != nil {
			t.Errorf("got %v", err)
		}
		l.Failed()
		if l.active != 0 || len(l.waiting) != 0 {
			t.Errorf("%d active, %d waiting", l.active, len(l.waiting))
		}
	})
}
