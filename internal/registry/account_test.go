package registry

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
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

// A target that cannot be reached says nothing about a password.
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
