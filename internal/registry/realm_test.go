package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/transport"
)

// The places that a registry may name for tokens.
func TestRealms(t *testing.T) {
	tests := map[string]struct {
		realm  string
		listed []string
		clear  bool // the registry speaks plain HTTP
		want   string
	}{
		"the registry itself":                {realm: "https://198.51.100.1:5000/token"},
		"the registry itself, relative":      {realm: "/token"},
		"another public host":                {realm: "https://203.0.113.9/token"},
		"a public name":                      {realm: "https://auth.example/token"},
		"another port of it":                 {realm: "https://198.51.100.1/token"},
		"no TLS":                             {realm: "http://203.0.113.9/token", want: "does not speak TLS"},
		"the registry itself without TLS":    {realm: "http://198.51.100.1:5000/token", want: "does not speak TLS"},
		"no TLS, though listed":              {realm: "http://203.0.113.9/token", listed: []string{"203.0.113.9"}, want: "does not speak TLS"},
		"a private host":                     {realm: "https://10.0.0.1/token", want: "is in a private network"},
		"another private host":               {realm: "https://192.168.7.7:8443/token", want: "is in a private network"},
		"the cloud's metadata":               {realm: "https://169.254.169.254/token", want: "is in a private network"},
		"this machine":                       {realm: "https://127.0.0.1:1/token", want: "is in a private network"},
		"this machine by name":               {realm: "https://localhost/token", want: "is in a private network"},
		"this machine, IPv6":                 {realm: "https://[::1]/token", want: "is in a private network"},
		"this machine, IPv4 in IPv6":         {realm: "https://[::ffff:127.0.0.1]/token", want: "is in a private network"},
		"unique local, IPv6":                 {realm: "https://[fd00::1]/token", want: "is in a private network"},
		"a name of a private host":           {realm: "https://inside.example/token", want: "is in a private network"},
		"a private host that is listed":      {realm: "https://10.0.0.1/token", listed: []string{"10.0.0.1"}},
		"another port than listed":           {realm: "https://10.0.0.1:444/token", listed: []string{"10.0.0.1"}, want: "is in a private network"},
		"plain registry, plain and listed":   {realm: "http://203.0.113.9/token", clear: true, listed: []string{"203.0.113.9"}},
		"plain registry, plain, not listed":  {realm: "http://203.0.113.9/token", clear: true, want: "does not speak TLS"},
		"plain registry itself":              {realm: "http://198.51.100.1:5000/token", clear: true},
		"another scheme":                     {realm: "ftp://203.0.113.9/token", want: "does not speak TLS"},
		"a file":                             {realm: "file:///etc/passwd", want: "names none that can be read"},
		"none":                               {realm: "", want: "names none that can be read"},
		"none that can be read":              {realm: "https://[::1", want: "names none that can be read"},
		"with user and password of its own":  {realm: "https://a:b@203.0.113.9/token"},
		"with a scheme in capitals, no path": {realm: "HTTPS://203.0.113.9"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server := &trap{answer: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"token":"good"}`) }}
			reg := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/token":
					server.ServeHTTP(w, r)
				case r.Header.Get("Authorization") == "Bearer good":
					w.WriteHeader(http.StatusNotFound)
				default:
					w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm=%q,service="r"`, tt.realm))
					w.WriteHeader(http.StatusUnauthorized)
				}
			})
			host := guarded(reg)
			host.Realms = tt.listed
			if tt.clear {
				host.TLS = transport.Disabled
			}
			hosts := []Host{host}
			if u, err := url.Parse(tt.realm); err == nil && u.Host != "" && u.Host != srcHost {
				hosts = append(hosts, Host{Name: u.Host, Handler: server})
			}
			c := newClient(t, hosts...)
			c.guard.auth.lookup = func(_ context.Context, _, name string) ([]netip.Addr, error) {
				return []netip.Addr{netip.MustParseAddr(map[string]string{"inside.example": "10.1.2.3"}[name] + map[string]string{"auth.example": "203.0.113.7"}[name])}, nil
			}
			_, err := c.Resolve(t.Context(), srcHost+"/a:1")
			if tt.want == "" {
				if KindOf(err) != NotFound || server.asked != 1 {
					t.Errorf("got %v; asked %d times", err, server.asked)
				}
				return
			}
			if KindOf(err) != Mismatch || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if server.asked != 0 {
				t.Errorf("asked all the same")
			}
			if strings.Contains(tt.want, "private") && !strings.Contains(fault.Hint(err), "realms: [") {
				t.Errorf("hint %q", fault.Hint(err))
			}
		})
	}
}

// A token server is trusted, but not whom it redirects to.
func TestTokenServerRedirects(t *testing.T) {
	for to, works := range map[string]bool{
		"https://10.0.0.1/token": false, "https://198.51.100.9/token": false, "http://198.51.100.2/token": false, "/other": true,
	} {
		other := &trap{answer: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"token":"good"}`) }}
		registry, _ := tokens("x")
		server := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/other" {
				_, _ = io.WriteString(w, `{"token":"good"}`)
				return
			}
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusTemporaryRedirect)
		})
		c := newClient(t, guarded(registry), Host{Name: "198.51.100.2", Handler: server},
			Host{Name: "10.0.0.1", Handler: other}, Host{Name: "198.51.100.9", Handler: other})
		_, err := c.Resolve(t.Context(), srcHost+"/open/a:1")
		if works != (KindOf(err) == NotFound) {
			t.Errorf("%s: got %v", to, err)
		}
		other.check(t)
		if other.asked != 0 {
			t.Errorf("%s: followed", to)
		}
	}
}

// A token server that is busy is asked again; one that sends nonsense is told.
func TestTokenServersInTrouble(t *testing.T) {
	tests := map[string]struct {
		answer func(n int32, w http.ResponseWriter)
		kind   Kind
		want   string
	}{
		"busy twice": {func(n int32, w http.ResponseWriter) {
			if n <= 2 {
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			_, _ = io.WriteString(w, `{"token":"good"}`)
		}, NotFound, "not found"},
		"nonsense":    {func(_ int32, w http.ResponseWriter) { _, _ = io.WriteString(w, `<html>`) }, Unreachable, "asking 198.51.100.2 for a token: its answer is not what a token server says"},
		"no token":    {func(_ int32, w http.ResponseWriter) { _, _ = io.WriteString(w, `{}`) }, Unreachable, "there is no token in its answer"},
		"very long":   {func(_ int32, w http.ResponseWriter) { _, _ = w.Write(make([]byte, 2<<20)) }, Unreachable, "more than 1048576 bytes"},
		"not found":   {func(_ int32, w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, Unreachable, "asking for a token: 198.51.100.2 answers 404 Not Found"},
		"forbidden":   {func(_ int32, w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) }, Denied, `user "stack" has no right to it`},
		"a bad token": {func(_ int32, w http.ResponseWriter) { _, _ = io.WriteString(w, `{"token":"a\nb: s3cret"}`) }, Unreachable, "holds what no header may hold"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			registry, _ := tokens("x")
			var asked atomic.Int32
			server := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { tt.answer(asked.Add(1), w) })
			c := newClient(t, guarded(registry), Host{Name: "198.51.100.2", Handler: server})
			_, err := c.Resolve(t.Context(), srcHost+"/open/a:1")
			if KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), secretWord) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
