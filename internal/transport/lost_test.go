package transport

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

// The error of a connection tells what happened to it first.
func TestFirstErrorOfAConnection(t *testing.T) {
	for name, tt := range map[string]struct {
		first error
		want  string
	}{
		"reset":  {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, "connection reset"},
		"closed": {io.EOF, "connection cut"},
		"none":   {nil, "connection cut"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newWatchedConn(&net.TCPConn{}, time.Minute)
			_ = c.explain(tt.first)
			err := c.explain(&net.OpError{Op: "write", Err: net.ErrClosed})
			if got := Reason(err); got != tt.want {
				t.Errorf("got %q of %v, want %q", got, err, tt.want)
			}
		})
	}
}

// Whatever the moment, a connection that the peer resets is called reset, in both
// directions.
func TestResetIsCalledReset(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.CopyN(io.Discard, r.Body, 1<<20)
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Length", "9999999")
			_, _ = w.Write(make([]byte, 1<<20))
		}
		c, _, _ := w.(http.Hijacker).Hijack()
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	}))
	defer s.Close()
	tr := newTransport(t, Endpoint{Host: s.Listener.Addr().String(), TLS: Disabled})
	for range 20 {
		for _, method := range []string{http.MethodPut, http.MethodGet} {
			var body io.Reader
			if method == http.MethodPut {
				body = io.LimitReader(zeros{}, 64<<20)
			}
			req, err := http.NewRequestWithContext(t.Context(), method, s.URL, body)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := tr.RoundTrip(req)
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("%v is not io.ErrUnexpectedEOF", err)
				}
			} else if !fault.IsConnection(err) {
				t.Errorf("%v is not of the connection class", err)
			}
			if Reason(err) != "connection reset" || strings.Contains(err.Error(), "closed network connection") || strings.Contains(err.Error(), "EOF") {
				t.Errorf("%s: %v", method, err)
			}
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// A request on a connection of its own uses no connection that is open, and leaves
// none.
func TestOwnConnection(t *testing.T) {
	var opened atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(hello))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	tr := newTransport(t, Endpoint{Host: s.Listener.Addr().String(), TLS: Disabled})
	for i, own := range []bool{false, false, true, true, false} {
		ctx := t.Context()
		if own {
			ctx = OnOwnConnection(ctx)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if want := []int32{1, 1, 2, 3, 3}[i]; opened.Load() != want {
			t.Errorf("request %d: %d connections, want %d", i, opened.Load(), want)
		}
	}
}
