package download

import (
	"context"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/transport"
)

func text(s string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return s, nil }
}

func hostAt(s *httptest.Server) string {
	u, _ := url.Parse(s.URL)
	return u.Host
}

// Credentials are sent to their own host only, and not to another scheme, host or
// port that it redirects to.
func TestCredentialsStayAtTheirHost(t *testing.T) {
	const canary = "s3cret"
	var seen []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization")+r.Header.Get("Cookie"))
		_, _ = w.Write([]byte("body"))
	}))
	defer elsewhere.Close()
	var own string
	home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		own = r.Header.Get("Authorization")
		http.Redirect(w, r, elsewhere.URL+"/other", http.StatusFound)
	}))
	defer home.Close()
	for name, h := range map[string]Host{
		"password": {Name: hostAt(home), TLS: transport.Disabled, User: "stack", Password: text(canary)},
		"token":    {Name: hostAt(home), TLS: transport.Disabled, Token: text(canary)},
	} {
		c, _ := newTestClient(t, h)
		seen, own = nil, ""
		if b, err := c.Small(t.Context(), Request{URL: home.URL}); err != nil || string(b) != "body" {
			t.Fatalf("%s: got %q, %v", name, b, err)
		}
		if own == "" || len(seen) != 1 || seen[0] != "" {
			t.Errorf("%s: the host saw %q, the other one %q", name, own, seen)
		}
	}
}

func TestUnknownHostsGetNoCredentials(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Authorization") }))
	defer server.Close()
	c, _ := newTestClient(t, Host{Name: "images.example.org", Token: text("s3cret")})
	if _, err := c.Look(t.Context(), Request{URL: server.URL}); err != nil || got != "" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestSecretThatIsMissing(t *testing.T) {
	missing := func(context.Context) (string, error) { return "", errors.New("environment variable X is not set") }
	for _, h := range []Host{{User: "stack", Password: missing}, {Token: missing}} {
		h.Name = "images.example.org"
		c, waits := newTestClient(t, h)
		_, err := c.Look(t.Context(), Request{URL: "https://images.example.org/f"})
		wantFailure(t, err, "environment variable X is not set", "")
		if len(*waits) > 0 {
			t.Error("it was tried again")
		}
	}
}

// caFile writes the certificate of a TLS server to a file.
func caFile(t *testing.T, s *httptest.Server) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestRedirectsToPlainHTTP(t *testing.T) {
	var seen string
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Get("Authorization")
		_, _ = w.Write([]byte("body"))
	}))
	defer plain.Close()
	secure := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	defer secure.Close()
	c, _ := newTestClient(t, Host{Name: hostAt(secure), CA: caFile(t, secure), Token: text("s3cret")})
	_, err := c.Small(t.Context(), Request{URL: secure.URL})
	wantFailure(t, err, "redirects from https to http://"+hostAt(plain)+", which is refused",
		"use a URL that is served over https only, or set http_redirects: true together with a digest")
	b, err := c.Small(t.Context(), Request{URL: secure.URL, Downgrade: true})
	if err != nil || string(b) != "body" || seen != "" {
		t.Errorf("got %q, %v; the plain server saw %q", b, err, seen)
	}
}

func TestEndlessRedirects(t *testing.T) {
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, server.URL, http.StatusFound)
	}))
	defer server.Close()
	c, _ := newTestClient(t)
	for _, down := range []bool{false, true} {
		_, err := c.Look(t.Context(), Request{URL: server.URL, Downgrade: down})
		wantFailure(t, err, "redirects more than 10 times", "")
	}
}

func TestTLSOfAHost(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	c, _ := newTestClient(t)
	_, err := c.Look(t.Context(), Request{URL: server.URL})
	wantFailure(t, err, "signed by an unknown authority", "")
	for name, h := range map[string]Host{
		"its authority": {CA: caFile(t, server)},
		"insecure":      {TLS: transport.Insecure},
	} {
		h.Name = hostAt(server)
		c, _ := newTestClient(t, h)
		if _, err := c.Look(t.Context(), Request{URL: server.URL}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A configured host is never reached over plain HTTP.
	c, _ = newTestClient(t, Host{Name: "images.example.org", Token: text("s3cret")})
	_, err = c.Look(t.Context(), Request{URL: "http://images.example.org:80/f"})
	wantFailure(t, err, "must be reached over TLS", "")
}

func TestBadSettings(t *testing.T) {
	if _, err := New([]Host{{Name: "h", CA: "/nowhere/ca.pem"}}); err == nil {
		t.Error("an authority that is not there is no error")
	}
}

func TestLook(t *testing.T) {
	body := []byte("0123456789")
	want := Remote{Size: 10, ETag: `"one"`, Modified: age}
	noHead := func(status int, get http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				w.WriteHeader(status)
				return
			}
			get(w, r)
		}
	}
	tests := map[string]struct {
		answer http.HandlerFunc
		want   Remote
		err    string
	}{
		"a good one":                        {answer: serveFile(body, `"one"`), want: want},
		"no HEAD":                           {answer: noHead(405, serveFile(body, `"one"`)), want: want},
		"signed for GET alone":              {answer: noHead(403, serveFile(body, `"one"`)), want: want},
		"neither HEAD nor ranges":           {answer: noHead(501, respond(200, body, -1, `ETag: "one"`, "Last-Modified: "+age)), want: want},
		"no HEAD and an empty file":         {answer: noHead(405, respond(416, nil, -1, "Content-Range: bytes */0")), want: Remote{}},
		"nobody may":                        {answer: noHead(403, respond(403, nil, -1)), err: "403 Forbidden"},
		"no HEAD and a wrong Content-Range": {answer: noHead(405, respond(206, body[:1], -1, "Content-Range: bytes 0-0")), err: "with the Content-Range \"bytes 0-0\""},
		"no HEAD and no range of much":      {answer: noHead(405, respond(416, nil, -1, "Content-Range: bytes */10")), err: "416"},
		"gone":                              {answer: respond(410, nil, -1), err: "410 Gone"},
		"tells nothing":                     {answer: func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() }, want: Remote{Size: -1}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tt.answer)
			defer server.Close()
			c, _ := newTestClient(t)
			got, err := c.Look(t.Context(), Request{URL: server.URL})
			if tt.err != "" {
				wantFailure(t, err, tt.err, "")
			} else if err != nil || got != tt.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

// A date is reliable if the answer came at least a second later.
func TestRemoteRecent(t *testing.T) {
	tests := map[string]struct {
		sent, etag         string
		version, validator string
	}{
		"the same second":    {sent: age},
		"before it was made": {sent: "Tue, 12 May 2020 09:00:00 GMT"},
		"the same second, with an ETag": {
			sent: age, etag: `"1"`, version: `etag "1", modified ` + age + ", 3 bytes", validator: `"1"`,
		},
		"the same second, with a weak ETag": {sent: age, etag: `W/"1"`, version: `etag W/"1", modified ` + age + ", 3 bytes"},
		"much later":                        {sent: "Tue, 12 May 2099 09:00:00 GMT", version: "modified " + age + ", 3 bytes", validator: age},
		"no date":                           {version: "modified " + age + ", 3 bytes", validator: age},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := http.Header{"Last-Modified": {age}}
			for key, value := range map[string]string{"Date": tt.sent, "ETag": tt.etag} {
				if value != "" {
					h.Set(key, value)
				}
			}
			r := remoteOf(&http.Response{ContentLength: 3, Header: h})
			if r.Version() != tt.version || r.validator() != tt.validator {
				t.Errorf("version %q, validator %q; want %q, %q", r.Version(), r.validator(), tt.version, tt.validator)
			}
		})
	}
}

func TestContentRange(t *testing.T) {
	for text, want := range map[string][3]int64{
		"bytes 0-9/10":    {0, 9, 10},
		"bytes 5-5/*":     {5, 5, -1},
		"bytes 0-9/9":     {},
		"bytes 9-5/10":    {},
		"bytes -1-5/10":   {},
		"bytes */10":      {},
		"bytes 0-9":       {},
		"items 0-9/10":    {},
		"bytes 0-9/-10":   {},
		"bytes 0-9/1e1":   {},
		"":                {},
		"bytes 0-/10":     {},
		"bytes 1-2/3/4":   {},
		"bytes 1 - 2 / 3": {},
	} {
		first, last, size, err := parseContentRange(text)
		if got := [3]int64{first, last, size}; got != want || (err == nil) != (want != [3]int64{}) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestSmallIsBounded(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 1<<20)
		for range 100 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	c, _ := newTestClient(t)
	_, err := c.Small(t.Context(), Request{URL: server.URL})
	wantFailure(t, err, "it is larger than 4194304 bytes", "")
}

func TestShown(t *testing.T) {
	for raw, want := range map[string]string{
		"https://h/f": "https://h/f",
		"https://user:pass@h/f?X-Amz-Signature=1": "https://h/f?...",
		"https://h/f#frag":                        "https://h/f",
		"https://h/%zz":                           "(an invalid address)",
	} {
		if got := RedactURL(raw); got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
}

func TestErrorsHoldNoQuery(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close() // nobody listens
	c, _ := newTestClient(t)
	for _, down := range []bool{false, true} {
		_, err := c.Look(t.Context(), Request{URL: server.URL + "/f?token=s3cret", Downgrade: down})
		if err == nil || strings.Contains(err.Error(), "s3cret") || !fault.IsConnection(err) {
			t.Errorf("got %v", err)
		}
	}
}

// A drip delivers one byte per second.
type drip struct{ n int }

func (d drip) Read(p []byte) (int, error) {
	time.Sleep(time.Second)
	return copy(p, make([]byte, d.n)), nil
}

func TestSlowServersAreGivenUp(t *testing.T) {
	for name, tt := range map[string]struct {
		bytes int
		slow  bool
	}{"drips": {1, true}, "slow but sure": {1000, false}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newSlowGuard(drip{tt.bytes})
				buf := make([]byte, 1<<10)
				var err error
				for i := 0; i < 200 && err == nil; i++ {
					_, err = g.Read(buf)
				}
				if (err != nil) != tt.slow || err != nil && !fault.IsConnection(err) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// What the server of a redirect answers is told as its answer.
func TestAnswerBehindARedirect(t *testing.T) {
	for status, want := range map[int]string{http.StatusNotFound: "404 Not Found", http.StatusForbidden: "403 Forbidden"} {
		away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		defer away.Close()
		first := httptest.NewServer(http.RedirectHandler(away.URL+"/f?sig=s3cret", http.StatusFound))
		defer first.Close()
		c, _ := newTestClient(t)
		_, err := c.Small(t.Context(), Request{URL: first.URL + "/f"})
		if err == nil || !strings.Contains(err.Error(), "it redirects to "+hostAt(away)+", which answers "+want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("got %v", err)
		}
	}
}
