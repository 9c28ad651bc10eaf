package registry

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

// Many images are asked for at once, but a password that nobody has accepted
// yet is shown by one request at a time: when it is wrong, the account has two
// failures and not sixteen.
func TestWrongPasswordIsNotTriedBesideItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newLab(t)
		images, _ := src.set(t)
		var mu sync.Mutex
		tried := 0
		src.act(func(w http.ResponseWriter, r *http.Request) bool {
			if _, _, shown := r.BasicAuth(); shown {
				mu.Lock()
				tried++
				mu.Unlock()
				time.Sleep(time.Second) // time enough for the others to come
			}
			w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		})
		c := newClient(t, guarded(src), Host{Name: dstHost, Handler: newLab(t)})
		table := plan(t, c, images)
		for _, e := range table.Images {
			if KindOf(e.Err) != BadLogin {
				t.Errorf("%s: got %v", e.Target, e.Err)
			}
		}
		if tried != 2 {
			t.Errorf("the password was shown %d times", tried)
		}
	})
}

// Once it is accepted, nobody waits for anybody.
func TestGoodPasswordIsShownByManyAtOnce(t *testing.T) {
	src := newLab(t)
	images, _ := src.set(t)
	var mu sync.Mutex
	first, beside := true, 0
	all := make(chan struct{})
	src.act(func(w http.ResponseWriter, r *http.Request) bool {
		if _, p, _ := r.BasicAuth(); p != secretWord {
			w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		mu.Lock()
		switch {
		case first:
			first = false
		default:
			if beside++; beside == 4 {
				close(all)
			}
			defer func() { <-all }()
		}
		mu.Unlock()
		return false
	})
	c := newClient(t, guarded(src), Host{Name: dstHost, Handler: newLab(t)})
	if err := plan(t, c, images).Err(); err != nil {
		t.Error(err)
	}
}

// A front door that cannot be reached says nothing about a password.
func TestDoorOutOfOrder(t *testing.T) {
	broken := true
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, p, _ := r.BasicAuth()
		switch {
		case r.URL.Path == "/v2/" && broken:
			w.WriteHeader(http.StatusBadGateway)
		case p == secretWord && !strings.Contains(r.URL.Path, "/closed/"):
			w.WriteHeader(http.StatusNotFound)
		default:
			w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	c := newClient(t, guarded(handler))
	if _, err := c.Resolve(t.Context(), srcHost+"/closed/app:1"); KindOf(err) != BadLogin {
		t.Errorf("got %v", err)
	}
	if _, err := c.Resolve(t.Context(), srcHost+"/open/app:1"); KindOf(err) != NotFound {
		t.Errorf("got %v", err)
	}
}

// A host that swallows all that is sent to it is waited for once, and then all
// images know.
func TestBlackHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newLab(t)
		images, _ := src.set(t)
		c, err := New([]Host{{Name: srcHost, Handler: src}, {Name: dstHost, Handler: http.NotFoundHandler()}})
		if err != nil {
			t.Fatal(err)
		}
		const connect = 10 * time.Second
		next, dials := c.guard.next, 0
		var mu sync.Mutex
		c.guard.next = roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.URL.Host != dstHost {
				return next.RoundTrip(req)
			}
			mu.Lock()
			dials++
			mu.Unlock()
			if err := sleep(req.Context(), connect); err != nil {
				return nil, err
			}
			// The error of a dial that took too long says that a deadline was exceeded.
			return nil, fault.AsConnection(&net.OpError{Op: "dial", Net: "tcp", Err: context.DeadlineExceeded})
		})
		start := time.Now()
		table, err := c.Plan(context.Background(), images)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > connect+time.Second {
			t.Errorf("it took %v to tell", took)
		}
		if dials > planners {
			t.Errorf("%d connections were tried", dials)
		}
		if err := table.Err(); !fault.IsConnection(err) || !strings.Contains(err.Error(), "destination: ") {
			t.Errorf("got %v", err)
		}
		for _, e := range table.Images {
			var op *net.OpError
			if !errors.As(e.Err, &op) {
				t.Errorf("%s: got %v", e.Target, e.Err)
			}
		}
	})
}
