// Package pace finds out how many requests a server takes at a time.
//
// A server that is far away answers many requests as fast as one, and one that is busy
// only gets slower. So a Limiter adds one request a round for as long as answers come
// as fast as they did at best. After the server has said that it is busy, it admits half
// as many, and then comes close to the number that was too many, but seldom reaches it.
package pace

import (
	"context"
	"sync"
	"time"
)

// A Limiter bounds the requests of one kind to one server. It is for use by many
// goroutines at once.
type Limiter struct {
	most  int
	pause func(context.Context, time.Duration) error

	mu      sync.Mutex
	limit   float64 // requests at a time; parts of one add up
	ceiling float64 // the server takes this many, and was busy with more; 0: not known
	active  int
	waiting []chan struct{} // of requests that may not begin yet, the first first
	fastest time.Duration   // of all answers; 0: none yet
	cut     time.Time       // when the limit was halved last
	until   time.Time       // when the server may be asked again
}

// New makes a Limiter that admits the given number of requests at a time at first, and at
// no time more than most. Both are at least 1. The Limiter calls pause to wait for a time.
func New(first, most int, pause func(context.Context, time.Duration) error) *Limiter {
	return &Limiter{most: max(1, most), pause: pause, limit: float64(max(1, min(first, most)))}
}

// Begin waits until a request may begin, and gives the time at which it begins. The
// only error is that of ctx.
func (l *Limiter) Begin(ctx context.Context) (time.Time, error) {
	if err := l.enter(ctx); err != nil {
		return time.Time{}, err
	}
	if err := l.rest(ctx); err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.leave()
		return time.Time{}, err
	}
	return time.Now(), nil
}

// enter waits for a place among the active requests.
func (l *Limiter) enter(ctx context.Context) error {
	l.mu.Lock()
	if l.active < int(l.limit) && len(l.waiting) == 0 {
		l.active++
		l.mu.Unlock()
		return nil
	}
	admitted := make(chan struct{})
	l.waiting = append(l.waiting, admitted)
	l.mu.Unlock()
	select {
	case <-admitted:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, w := range l.waiting {
		if w == admitted {
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			return ctx.Err()
		}
	}
	l.leave() // it was admitted at the same moment
	return ctx.Err()
}

// rest waits until the server may be asked again.
func (l *Limiter) rest(ctx context.Context) error {
	l.mu.Lock()
	wait := time.Until(l.until)
	l.mu.Unlock()
	if wait <= 0 {
		return nil
	}
	return l.pause(ctx, wait)
}

// leave ends an active request and admits others. The caller holds the mutex.
func (l *Limiter) leave() {
	l.active--
	for l.active < int(l.limit) && len(l.waiting) > 0 {
		close(l.waiting[0])
		l.waiting = l.waiting[1:]
		l.active++
	}
}

// slower is how many times the fastest answer's time an answer may take, if more
// requests are to be admitted.
const slower = 2

// careful is how many times slower the limit grows near the number of requests that was
// too many.
const careful = 50

// grow adds one request a round. The caller holds the mutex.
func (l *Limiter) grow() {
	step := 1 / l.limit
	if l.ceiling > 0 && l.limit+step > l.ceiling {
		step /= careful
	}
	l.limit = min(float64(l.most), l.limit+step)
}

// Answered ends a request that began at the given time, and that the server has answered.
func (l *Limiter) Answered(began time.Time) {
	took := time.Since(began)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fastest == 0 || took < l.fastest {
		l.fastest = took
	}
	if l.active >= int(l.limit) && took <= slower*l.fastest && began.After(l.cut) {
		l.grow()
	}
	l.leave()
}

// Busy ends a request that began at the given time, and whose answer is that the server
// has too much to do. No further one begins before the given time has passed. Requests
// that were under way together halve the limit only once.
func (l *Limiter) Busy(began time.Time, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if began.After(l.cut) {
		l.cut = now
		l.ceiling = l.limit - 1
		l.limit = max(1, l.limit/2)
	}
	if until := now.Add(wait); until.After(l.until) {
		l.until = until
	}
	l.leave()
}

// Failed ends a request that got no answer, or whose time says nothing of the server,
// such as that of a large upload.
func (l *Limiter) Failed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leave()
}
