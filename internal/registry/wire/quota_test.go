package wire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// While the first pull shows what is left, the others wait. They end with their context,
// and do not wait for one another.
func TestWaitForTheFirstPull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		registry := roundTripper(func(req *http.Request) (*http.Response, error) {
			<-answer
			return &http.Response{
				StatusCode: http.StatusOK, Request: req, Body: io.NopCloser(strings.NewReader("{}")),
				Header: http.Header{"Ratelimit-Remaining": {"76;w=21600"}},
			}, nil
		})
		transport := New(registry, func(ctx context.Context, _ time.Duration) error { return ctx.Err() }, func(string) Bounds {
			return Bounds{Requests: 64, KeepPulls: 5}
		})
		ask := func(ctx context.Context, ended chan<- error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://r.example/v2/a/manifests/1", nil)
			if err == nil {
				var resp *http.Response
				if resp, err = transport.RoundTrip(req); err == nil {
					err = resp.Body.Close()
				}
			}
			ended <- err
		}
		first, cancelled, patient := make(chan error, 1), make(chan error, 1), make(chan error, 8)
		go ask(t.Context(), first)
		synctest.Wait()
		ctx, cancel := context.WithCancelCause(t.Context())
		go ask(ctx, cancelled)
		for range cap(patient) {
			go ask(t.Context(), patient)
		}
		synctest.Wait()
		stop := errors.New("stopped by the user")
		cancel(stop)
		if err := <-cancelled; !errors.Is(err, stop) {
			t.Errorf("the one that was cancelled: %v", err)
		}
		answer <- struct{}{}
		if err := <-first; err != nil {
			t.Errorf("the first: %v", err)
		}
		synctest.Wait() // all others wait for their answers now, at the same time
		for range cap(patient) {
			answer <- struct{}{}
		}
		for range cap(patient) {
			if err := <-patient; err != nil {
				t.Errorf("one that waited: %v", err)
			}
		}
	})
}
