package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
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
			asked := 0
			server := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked++
				_, _ = io.WriteString(w, `{"token":"good"}`)
			})
			registry := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/token":
					server(w, r)
				case r.Header.Get("Authorization") == "Bearer good":
					w.WriteHeader(http.StatusNotFound)
				default:
					w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm=%q,service="r"`, tt.realm))
					w.WriteHeader(http.StatusUnauthorized)
				}
			})
			target := &Target{Host: home, Origin: "https://" + home, Cred: Credential{User: "stack", Password: "right"}, Realms: tt.listed}
			if tt.clear {
				target.Origin = "http://" + home
			}
			hosts := handlers{home: registry}
			if u, err := url.Parse(tt.realm); err == nil && u.Host != "" && u.Host != home {
				hosts[u.Host] = server
			}
			transport := New(hosts, func(ctx context.Context, _ time.Duration) error { return ctx.Err() }, func(string) Bounds { return Bounds{Requests: 64} })
			transport.auth.lookup = func(_ context.Context, _, name string) ([]netip.Addr, error) {
				return []netip.Addr{netip.MustParseAddr(map[string]string{"inside.example": "10.1.2.3", "auth.example": "203.0.113.7"}[name])}, nil
			}
			err := get(t, transport, target)
			if tt.want == "" {
				if KindOf(err) != NotFound || asked != 1 {
					t.Errorf("got %v; asked %d times", err, asked)
				}
				return
			}
			if KindOf(err) != Mismatch || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if asked != 0 {
				t.Errorf("asked all the same")
			}
			if strings.Contains(tt.want, "private") && !strings.Contains(fault.Hint(err), "realms: [") {
				t.Errorf("hint %q", fault.Hint(err))
			}
			if strings.Contains(tt.want, "TLS") && !tt.clear && fault.Hint(err) != "" {
				t.Errorf("hint %q, though a list of realms would not help", fault.Hint(err))
			}
		})
	}
}

// A realm that must not be asked is refused before its name is looked up.
func TestRefusedRealm(t *testing.T) {
	hosts := handlers{home: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://auth.example/token",service="r"`)
		w.WriteHeader(http.StatusUnauthorized)
	})}
	transport := New(refusing{hosts}, func(ctx context.Context, _ time.Duration) error { return ctx.Err() }, func(string) Bounds { return Bounds{Requests: 64} })
	transport.auth.lookup = func(_ context.Context, _, name string) ([]netip.Addr, error) {
		t.Errorf("%s was looked up", name)
		return nil, errors.New("no such host")
	}
	target := &Target{Host: home, Origin: "https://" + home, Cred: Credential{User: "stack", Password: "right"}}
	if err := get(t, transport, target); err == nil || !strings.Contains(err.Error(), "auth.example is not asked") {
		t.Errorf("got %v", err)
	}
}

// refusing refuses all other hosts.
type refusing struct{ handlers }

func (r refusing) Refused(u *url.URL) error {
	if r.handlers[u.Host] == nil {
		return errors.New(u.Host + " is not asked")
	}
	return nil
}

const home = "198.51.100.1:5000"

// handlers answer requests by host, without a network.
type handlers map[string]http.Handler

func (h handlers) RoundTrip(req *http.Request) (*http.Response, error) {
	handler := h[req.URL.Host]
	if handler == nil {
		return nil, errors.New("there is no host " + req.URL.Host)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, req)
	resp := w.Result()
	resp.Request = req
	return resp, nil
}

// get asks a target for a manifest.
func get(t *testing.T, transport *Transport, target *Target) error {
	t.Helper()
	_, err := Call(t.Context(), target, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.Origin+"/v2/a/manifests/1", nil)
		if err != nil {
			return err
		}
		resp, err := transport.RoundTrip(req)
		if err == nil {
			err = errors.Join(errors.New("refused"), resp.Body.Close())
		}
		return err
	})
	return err
}
