package transport

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

func newTransport(t *testing.T, endpoints ...Endpoint) *Transport {
	t.Helper()
	tr, err := New(endpoints)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

func get(t *testing.T, tr *Transport, url string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.Client().Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func hello(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "hello from "+r.Host) }

// quietServer starts a server that does not log failed handshakes.
func quietServer(t *testing.T, h http.Handler, useTLS bool) (*httptest.Server, string) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if useTLS {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s, s.Listener.Addr().String()
}

func caFile(t *testing.T, s *httptest.Server) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ca.pem")
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestWays(t *testing.T) {
	secure, secureAddr := quietServer(t, http.HandlerFunc(hello), true)
	_, plainAddr := quietServer(t, http.HandlerFunc(hello), false)
	tr := newTransport(t,
		Endpoint{Host: "example.com", Address: secureAddr, CA: caFile(t, secure)},
		Endpoint{Host: "insecure.test:5000", Address: secureAddr, TLS: Insecure},
		Endpoint{Host: "plain.test", Address: plainAddr, TLS: Disabled},
		Endpoint{Host: "inside.test:443", Handler: http.HandlerFunc(hello)},
	)
	for url, want := range map[string]string{
		"https://example.com/":        "hello from example.com",
		"https://EXAMPLE.com/":        "hello from EXAMPLE.com",
		"https://example.com:443/":    "hello from example.com:443",
		"https://insecure.test:5000/": "hello from insecure.test:5000",
		"http://plain.test/":          "hello from plain.test",
		"https://inside.test/":        "hello from inside.test",
		"http://" + plainAddr:         "hello from " + plainAddr,
	} {
		got, err := get(t, tr, url)
		if err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", url, got, err, want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		endpoints []Endpoint
		want      string
	}{
		"no host":      {[]Endpoint{{}}, "without a host"},
		"twice":        {[]Endpoint{{Host: "a"}, {Host: "A"}}, `"A" has two endpoints`},
		"unknown mode": {[]Endpoint{{Host: "a", TLS: "maybe"}}, `"maybe"; there are verify, insecure and disabled`},
		"no CA file":   {[]Endpoint{{Host: "a", CA: filepath.Join(dir, "absent")}}, "absent"},
		"no CA in it":  {[]Endpoint{{Host: "a", CA: empty}}, "no certificate in"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := New(tt.endpoints)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestErrorsSpeak(t *testing.T) {
	secure, secureAddr := quietServer(t, http.HandlerFunc(hello), true)
	ca := caFile(t, secure)
	otherCA := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(otherCA, otherAuthority(t), 0o600); err != nil {
		t.Fatal(err)
	}
	_, plainAddr := quietServer(t, http.HandlerFunc(hello), false)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		endpoint   Endpoint
		url        string
		want, hint string
		connection bool
	}{
		"refused": {
			Endpoint{Host: "a.test", Address: closed},
			"https://a.test/",
			"a.test (at " + closed + "): no connection: ", "", true,
		},
		"unknown authority": {
			Endpoint{Host: "example.com", Address: secureAddr},
			"https://example.com/",
			"signed by an unknown authority (issuer O=Acme Co; for example.com", "ca: FILE", false,
		},
		"wrong name": {
			Endpoint{Host: "other.test", Address: secureAddr, CA: ca},
			"https://other.test/",
			`its certificate is not for "other.test" (issuer`, "address:", false,
		},
		"another authority than given": {
			Endpoint{Host: "example.com", Address: secureAddr, CA: otherCA},
			"https://example.com/",
			"signed by an unknown authority", otherCA + " holds another authority", false,
		},
		"TLS to a plain server without a connection": {
			Endpoint{Host: "q.test"},
			"https://" + plainAddr + "/",
			plainAddr, "give it a connection with host: " + plainAddr + " and tls: disabled", false,
		},
		"TLS to a plain server": {
			Endpoint{Host: "p.test", Address: plainAddr},
			"https://p.test/",
			"p.test (at " + plainAddr, "tls: disabled", false,
		},
		"plain to a TLS server": {
			Endpoint{Host: "s.test", Address: secureAddr, TLS: Disabled},
			"http://s.test/",
			"demand for TLS", "remove tls: disabled", false,
		},
		"in the clear to a host that is to be verified": {
			Endpoint{Host: "s.test", Address: secureAddr},
			"http://s.test/",
			"must be reached over TLS", "tls: disabled", false,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := get(t, newTransport(t, tt.endpoint), tt.url)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if hint := fault.Hint(err); !strings.Contains(hint, tt.hint) || (tt.hint == "") != (hint == "") {
				t.Errorf("hint %q, want %q", hint, tt.hint)
			}
			if got := fault.IsConnection(err); got != tt.connection {
				t.Errorf("connection class: %v, want %v (%v)", got, tt.connection, err)
			}
		})
	}
}

func TestUnknownName(t *testing.T) {
	w := &route{endpoint: Endpoint{Host: "a.invalid"}}
	req, _ := http.NewRequestWithContext(t.Context(), "GET", "https://a.invalid/", nil)
	err := w.explain(req, &net.OpError{Op: "dial", Err: &net.DNSError{Name: "a.invalid", IsNotFound: true}})
	if err.Error() != `a.invalid: no address is known for the name "a.invalid"` || !fault.IsConnection(err) {
		t.Errorf("got %v", err)
	}
}

// A dial that timed out does not mean that the context has ended, though its
// error wraps the same sentinel.
func TestDialTimeout(t *testing.T) {
	w := &route{endpoint: Endpoint{Host: "a.test"}}
	req, _ := http.NewRequestWithContext(t.Context(), "GET", "https://a.test/", nil)
	addr := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}
	for _, cause := range []error{os.ErrDeadlineExceeded, context.DeadlineExceeded} {
		err := w.explain(req, &net.OpError{Op: "dial", Net: "tcp", Addr: addr, Err: cause})
		if !fault.IsConnection(err) || !strings.HasPrefix(err.Error(), "a.test: no connection to 192.0.2.1:443: ") {
			t.Errorf("got %v", err)
		}
	}
	over, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	if err := w.explain(req.WithContext(over), context.DeadlineExceeded); fault.IsConnection(err) {
		t.Errorf("the connection class for a context that ended: %v", err)
	}
}

func TestClosedIdleConnection(t *testing.T) {
	w := &route{endpoint: Endpoint{Host: "a.test"}}
	req, _ := http.NewRequestWithContext(t.Context(), "PUT", "https://a.test/", nil)
	if err := w.explain(req, errors.New("http: server closed idle connection")); !fault.IsConnection(err) {
		t.Errorf("not of the connection class: %v", err)
	}
}

func TestBadRequestBodyIsKept(t *testing.T) {
	_, addr := quietServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, strings.Repeat("x", 3000), http.StatusBadRequest)
	}), false)
	got, err := get(t, newTransport(t, Endpoint{Host: "p.test", Address: addr, TLS: Disabled}), "http://p.test/")
	if err != nil || got != strings.Repeat("x", 3000)+"\n" {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

func TestCutBody(t *testing.T) {
	_, addr := quietServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100000")
		_, _ = w.Write(make([]byte, 5000))
		w.(http.Flusher).Flush()
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_ = c.(*net.TCPConn).SetLinger(0) // reset, not closed
		_ = c.Close()
	}), false)
	tr := newTransport(t, Endpoint{Host: "p.test", Address: addr, TLS: Disabled})
	_, err := get(t, tr, "http://p.test/")
	if !errors.Is(err, io.ErrUnexpectedEOF) || err.Error() != "the connection was reset" {
		t.Errorf("got %v, want io.ErrUnexpectedEOF in words", err)
	}
}

func TestCancelledBody(t *testing.T) {
	_, addr := quietServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}), false)
	tr := newTransport(t, Endpoint{Host: "p.test", Address: addr, TLS: Disabled})
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", "http://p.test/", nil)
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	cancel()
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
