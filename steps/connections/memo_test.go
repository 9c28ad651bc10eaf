package connections

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
)

func TestMemo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m memo[int]
		looks := 0
		release := make(chan struct{})
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				got, err := m.get(t.Context(), "a", func() (int, error) { looks++; <-release; return 7, nil })
				if got != 7 || err != nil {
					t.Errorf("got %d, %v", got, err)
				}
			})
		}
		synctest.Wait()
		close(release)
		wg.Wait()
		if looks != 1 {
			t.Errorf("looked %d times", looks)
		}

		// An error is not kept.
		for i := range 2 {
			if _, err := m.get(t.Context(), "b", func() (int, error) { looks++; return 0, errors.New("no") }); err == nil || looks != 2+i {
				t.Errorf("%v, looked %d times", err, looks)
			}
		}

		// One who is stopped does not stop the others.
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() {
			if _, err := m.get(ctx, "c", func() (int, error) { <-ctx.Done(); return 0, ctx.Err() }); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if got, err := m.get(t.Context(), "c", func() (int, error) { return 8, nil }); got != 8 || err != nil {
				t.Errorf("got %d, %v", got, err)
			}
		})
		synctest.Wait()
		cancel()
		wg.Wait()

		// Nor does one who panics leave them waiting.
		func() {
			defer func() { _ = recover() }()
			_, _ = m.get(t.Context(), "d", func() (int, error) { panic("broken") })
		}()
		if got, err := m.get(t.Context(), "d", func() (int, error) { return 9, nil }); got != 9 || err != nil {
			t.Errorf("got %d, %v", got, err)
		}
	})
}
