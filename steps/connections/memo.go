package connections

import (
	"context"
	"errors"
	"sync"
)

// A memo keeps what was looked up, so that steps that run at the same time look it up
// once. The zero memo is empty.
type memo[T any] struct {
	mu    sync.Mutex // steps run at the same time
	known map[string]*answer[T]
}

// An answer is complete when done is closed.
type answer[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// get gives what is known by a name, or else calls look. Those who ask meanwhile wait for
// it. An error is not kept.
func (m *memo[T]) get(ctx context.Context, name string, look func() (T, error)) (T, error) {
	for {
		m.mu.Lock()
		a, asked := m.known[name]
		if !asked {
			if m.known == nil {
				m.known = map[string]*answer[T]{}
			}
			a = &answer[T]{done: make(chan struct{})}
			m.known[name] = a
		}
		m.mu.Unlock()
		if !asked {
			m.fill(a, name, look)
			return a.value, a.err
		}
		select {
		case <-a.done:
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		}
		// The one who asked may have been stopped by its own timeout.
		if a.err == nil || !errors.Is(a.err, context.Canceled) && !errors.Is(a.err, context.DeadlineExceeded) {
			return a.value, a.err
		}
	}
}

// fill calls look. It completes the answer also when look panics.
func (m *memo[T]) fill(a *answer[T], name string, look func() (T, error)) {
	a.err = errors.New("the look-up was broken off")
	defer func() {
		if a.err != nil {
			m.mu.Lock()
			delete(m.known, name)
			m.mu.Unlock()
		}
		close(a.done)
	}()
	a.value, a.err = look()
}
