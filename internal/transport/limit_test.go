package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// runLimited sends body to an endpoint n times at once. It returns how long that
// took and how many bytes came back.
func runLimited(t *testing.T, e Endpoint, n int, body []byte) (time.Duration, int64) {
	t.Helper()
	tr := newTransport(t, e)
	start := time.Now()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var sum int64
	for range n {
		wg.Go(func() {
			req, err := http.NewRequestWithContext(t.Context(), "PUT", "https://h.example/", bytes.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			resp, err := tr.Client().Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			got, err := io.Copy(io.Discard, resp.Body)
			if err := errors.Join(err, resp.Body.Close()); err != nil {
				t.Error(err)
			}
			mu.Lock()
			sum += got
			mu.Unlock()
		})
	}
	wg.Wait()
	return time.Since(start), sum
}

func TestLimits(t *testing.T) {
	const mib = 1 << 20
	tests := map[string]struct {
		e           Endpoint
		requests    int
		send, reply int
		least, most time.Duration
	}{
		"no limit":               {Endpoint{}, 50, mib, mib, 0, 0},
		"requests":               {Endpoint{Rate: 10}, 21, 0, 0, 2 * time.Second, 2100 * time.Millisecond},
		"one request":            {Endpoint{Rate: 1}, 1, 0, 0, 0, 0},
		"bytes received":         {Endpoint{Bandwidth: mib}, 1, 0, 10 * mib, 9500 * time.Millisecond, 10 * time.Second},
		"bytes sent":             {Endpoint{Bandwidth: mib}, 1, 10 * mib, 0, 9500 * time.Millisecond, 10 * time.Second},
		"both, for all requests": {Endpoint{Bandwidth: mib}, 4, mib, mib, 7500 * time.Millisecond, 8 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.e.Host = "h.example"
				tt.e.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					_, _ = w.Write(make([]byte, tt.reply))
				})
				took, got := runLimited(t, tt.e, tt.requests, make([]byte, tt.send))
				if took < tt.least || took > tt.most {
					t.Errorf("took %v, want %v to %v", took, tt.least, tt.most)
				}
				if want := int64(tt.requests * tt.reply); got != want {
					t.Errorf("got %d bytes, want %d", got, want)
				}
			})
		})
	}
}

// A request that waits for a limit can be cancelled.
func TestLimitCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newRateLimiter(0.001)
		if err := m.wait(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := m.wait(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// A body that stalls ends after Idle. A body that is slow, or read slowly, does not.
func TestIdle(t *testing.T) {
	tests := map[string]struct {
		pause time.Duration // between the bytes
		rest  time.Duration // of the reader between reads
		want  error
	}{
		"stalled":     {time.Hour, 0, io.ErrUnexpectedEOF},
		"slow":        {Idle - time.Second, 0, nil},
		"slowly read": {0, time.Hour, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := newTransport(t, Endpoint{Host: "h.example", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					for range 3 {
						_, _ = io.WriteString(w, "x")
						w.(http.Flusher).Flush()
						select {
						case <-time.After(tt.pause):
						case <-r.Context().Done():
							return
						}
					}
				})})
				req, _ := http.NewRequestWithContext(t.Context(), "GET", "https://h.example/", nil)
				resp, err := tr.Client().Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = resp.Body.Close() }()
				start, got := time.Now(), strings.Builder{}
				for err == nil {
					var n int
					var one [1]byte
					n, err = resp.Body.Read(one[:])
					got.Write(one[:n])
					<-time.After(tt.rest)
				}
				if tt.want == nil && (err != io.EOF || got.String() != "xxx") || tt.want != nil && !errors.Is(err, tt.want) {
					t.Errorf("got %q, %v", got.String(), err)
				}
				if tt.want != nil && time.Since(start) != Idle {
					t.Errorf("after %v", time.Since(start))
				}
			})
		})
	}
}
