package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/transport"
)

// tokens is a registry whose tokens come from another host; only user stack
// with the right password gets one, and it opens one repository.
func tokens(password string) (registry, server http.Handler) {
	registry = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer good" && strings.HasPrefix(r.URL.Path, "/v2/open/") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://198.51.100.2/token",service="r",scope="repository:`+repository(r.URL.Path)+`:pull"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	server = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, p, ok := r.BasicAuth(); ok && p != password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"token": "good"})
	})
	return registry, server
}

func TestKinds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	_ = l.Close()
	basic := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Basic "+base64.StdEncoding.EncodeToString([]byte("stack:right")) {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	answer := func(status int, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		})
	}
	bearer, auth := tokens("right")
	secret := func(s string) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { return s, nil }
	}
	tests := map[string]struct {
		host       Host
		repo       string
		kind       Kind
		want, hint string
		connection bool
	}{
		"not found":           {Host{Handler: answer(404, "")}, "a", NotFound, srcHost + "/a:1: not found", "", false},
		"no login, basic":     {Host{Handler: basic}, "a", NoLogin, "asks for credentials, and it is given none", "give the connection", false},
		"bad login, basic":    {Host{Handler: basic, User: "stack", Password: secret("wrong")}, "a", BadLogin, `refuses the credentials of user "stack"`, "check user and password", false},
		"good login, basic":   {Host{Handler: basic, User: "stack", Password: secret("right")}, "a", NotFound, "not found", "", false},
		"anonymous token":     {Host{Handler: bearer}, "closed", Denied, "there is no such repository, or an anonymous user has no right to it", "if it needs credentials", false},
		"bad login, bearer":   {Host{Handler: bearer, User: "stack", Password: secret("wrong")}, "a", BadLogin, `refuses the credentials of user "stack"`, "check user", false},
		"no right, bearer":    {Host{Handler: bearer, User: "stack", Password: secret("right")}, "closed", Denied, `or user "stack" has no right to it`, "", false},
		"good login, bearer":  {Host{Handler: bearer, User: "stack", Password: secret("right")}, "open", NotFound, "not found", "", false},
		"forbidden":           {Host{Handler: answer(403, "")}, "a", Denied, "has no right to it", "if it needs credentials", false},
		"unreachable":         {Host{Address: closed, TLS: transport.Disabled}, "a", Unreachable, srcHost + " (at " + closed + "): no connection: ", "", true},
		"busy":                {Host{Handler: answer(503, "")}, "a", Busy, "answers 503 Service Unavailable", "", true},
		"broken":              {Host{Handler: answer(500, "")}, "a", Busy, "answers 500 Internal Server Error", "", true},
		"odd":                 {Host{Handler: answer(418, `{"errors":[{"code":"TEA","message":"short and stout"}]}`)}, "a", Other, `answers 418 I'm a teapot`, "", false},
		"the secret is away":  {Host{Handler: basic, User: "stack", Password: func(context.Context) (string, error) { return "", errors.New("REGISTRY_TOKEN is not set") }}, "a", Other, `the password of "stack" for ` + srcHost + ": REGISTRY_TOKEN is not set", "", false},
		"the secret is empty": {Host{Handler: basic, User: "stack", Password: secret("")}, "a", Other, "is empty", "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.host.Name = srcHost
			c := newClient(t, tt.host, Host{Name: "198.51.100.2", Handler: auth})
			_, err := c.Resolve(t.Context(), srcHost+"/"+tt.repo+":1")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if KindOf(err) != tt.kind {
				t.Errorf("kind %v, want %v (%v)", KindOf(err), tt.kind, err)
			}
			if got := fault.Hint(err); !strings.Contains(got, tt.hint) || (got == "") != (tt.hint == "") {
				t.Errorf("hint %q, want %q", got, tt.hint)
			}
			if got := fault.IsConnection(err); got != tt.connection {
				t.Errorf("connection class %v, want %v", got, tt.connection)
			}
			for _, secret := range []string{"right", "wrong", base64.StdEncoding.EncodeToString([]byte("stack:wrong"))} {
				if strings.Contains(fmt.Sprintf("%v %+v", err, err), secret) && !strings.Contains(tt.want, "right") {
					t.Errorf("a secret is told: %v", err)
				}
			}
		})
	}
}

func TestTokenServerUnreachable(t *testing.T) {
	bearer, _ := tokens("x")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	_ = l.Close()
	c := newClient(t, Host{Name: srcHost, Handler: bearer}, Host{Name: "198.51.100.2", Address: closed})
	_, err = c.Resolve(t.Context(), srcHost+"/a:1")
	if err == nil || KindOf(err) != Unreachable || !strings.Contains(err.Error(), "asking for a token: 198.51.100.2 (at "+closed) {
		t.Errorf("got %v", err)
	}
}

func TestTokenServerBusy(t *testing.T) {
	bearer, _ := tokens("right")
	busy := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	c := newClient(t, Host{
		Name: srcHost, Handler: bearer, User: "stack",
		Password: func(context.Context) (string, error) { return "right", nil },
	}, Host{Name: "198.51.100.2", Handler: busy})
	_, err := c.Resolve(t.Context(), srcHost+"/a:1")
	want := srcHost + ": asking for a token: 198.51.100.2 answers 503 Service Unavailable"
	if KindOf(err) != Unreachable || !fault.IsConnection(err) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestLaterAnswers(t *testing.T) {
	for _, status := range []int{429, 503} {
		src, _, c := pair(t)
		want := src.image(t, "ns/app", "1", nil)
		left := 2
		src.act(func(w http.ResponseWriter, _ *http.Request) bool {
			if left == 0 {
				return false
			}
			left--
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(status)
			return true
		})
		d, err := c.Resolve(t.Context(), srcHost+"/ns/app:1")
		if err != nil || d.Digest != want {
			t.Errorf("%d twice: %+v, %v", status, d, err)
		}
	}
}

func TestRetryAfterIsBounded(t *testing.T) {
	src, _, c := pair(t)
	src.act(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Retry-After", "86400")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	})
	_, err := c.Resolve(t.Context(), srcHost+"/ns/app:1")
	if KindOf(err) != Busy {
		t.Errorf("got %v", err)
	}
}

// An absent registry is told after the tries for the first images, and not
// after those for each.
func TestAbsentRegistryIsToldOnce(t *testing.T) {
	var asked atomic.Int32
	src, _, _ := pair(t)
	images, _ := src.set(t)
	dst := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked.Add(1)
		panic(http.ErrAbortHandler)
	})
	c := newClient(t, Host{Name: srcHost, Handler: src}, Host{Name: dstHost, Handler: dst})
	err := plan(t, c, images).Err()
	if err == nil || !strings.Contains(err.Error(), "destination: "+dstHost+": the connection was cut") {
		t.Errorf("got %v", err)
	}
	if n := asked.Load(); n >= 3*setImages {
		t.Errorf("asked %d times", n)
	}
}

func TestWhatARegistrySaysIsWrong(t *testing.T) {
	long := strings.Repeat("x", 3000)
	for body, want := range map[string]string{
		`{"errors":[{"code":"TEA","message":"short and stout"}]}`: `198.51.100.1:5000 answers 418 I'm a teapot ("TEA: short and stout")`,
		`{"errors":[]}`: "answers 418 I'm a teapot",
		`<html>`:        "answers 418 I'm a teapot",
		long:            `answers 418 I'm a teapot ("` + long[:300] + `...")`,
	} {
		c := newClient(t, Host{Name: srcHost, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = w.Write([]byte(body))
		})})
		_, _, err := c.Labels(t.Context(), srcHost+"/ns/app:1")
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := sleep(t.Context(), time.Hour); err != nil || time.Since(start) != time.Hour {
			t.Errorf("slept %v, %v", time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}
