package wire

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bayplan/bayplan/internal/fault"
)

// A host that swallows all that is sent to it is waited for once, and then all
// calls know.
func TestBlackHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const connect, beside = 10 * time.Second, 8
		var mu sync.Mutex
		dials := 0
		hole := roundTripper(func(req *http.Request) (*http.Response, error) {
			mu.Lock()
			dials++
			mu.Unlock()
			select {
			case <-req.Context().Done():
				return nil, req.Context().Err()
			case <-time.After(connect):
			}
			// The error of a dial that took too long says that a deadline was exceeded.
			return nil, fault.AsConnection(&net.OpError{Op: "dial", Net: "tcp", Err: context.DeadlineExceeded})
		})
		transport := New(hole, func(ctx context.Context, _ time.Duration) error { return ctx.Err() }, func(string) Bounds { return Bounds{Requests: 64} })
		target := &Target{Host: home, Origin: "https://" + home}
		start := time.Now()
		var calls errgroup.Group
		calls.SetLimit(beside)
		for range 45 {
			calls.Go(func() error {
				err := get(t, transport, target)
				var op *net.OpError
				if KindOf(err) != Unreachable || !fault.IsConnection(err) || !errors.As(err, &op) {
					t.Errorf("got %v", err)
				}
				return nil
			})
		}
		_ = calls.Wait()
		if took := time.Since(start); took > connect+time.Second {
			t.Errorf("it took %v to tell", took)
		}
		if dials > beside {
			t.Errorf("%d connections were tried", dials)
		}
	})
}
