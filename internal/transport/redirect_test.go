package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A redirect to what is not a web server is told in words, without the query of the address.
func TestRedirectElsewhere(t *testing.T) {
	for to, want := range map[string]string{
		"ftp://c.test/f?sig=secret":  "a.test redirects to ftp://c.test, which is not a web server",
		"file:///etc/passwd?secret":  "a.test redirects to file://, which is not a web server",
		"http://b.test/?sig=secret1": "",
	} {
		tr := newTransport(t, Endpoint{Host: "a.test", Handler: http.RedirectHandler(to, http.StatusFound)},
			Endpoint{Host: "b.test", Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})})
		resp, err := tr.Client().Get("http://a.test/")
		if err == nil {
			_ = resp.Body.Close()
		}
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "is refused")) {
			t.Errorf("%s: got %v, want %q", to, err, want)
		}
	}
}

// The body of a login holds a password: it goes to no other server, whoever asks for it.
func TestRedirectWithBody(t *testing.T) {
	var got []string
	take := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, string(body))
	})
	own := http.NewServeMux()
	own.Handle("/same", http.RedirectHandler("/to", http.StatusTemporaryRedirect))
	own.Handle("/to", take)
	own.Handle("/other", http.RedirectHandler("https://b.test/", http.StatusPermanentRedirect))
	tr := newTransport(t, Endpoint{Host: "a.test", Handler: own}, Endpoint{Host: "b.test", Handler: take})
	for path, want := range map[string]string{"/same": "", "/other": "redirects a request with a body to https://b.test, which is refused"} {
		got = nil
		resp, err := tr.Client().Post("https://a.test"+path, "application/json", strings.NewReader("password"))
		if err == nil {
			_ = resp.Body.Close()
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) || (len(got) == 1) != (want == "") {
			t.Errorf("%s: got %v, want %q; bodies %q", path, err, want, got)
		}
	}
}

func TestRedirects(t *testing.T) {
	show := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("Authorization")+"|"+r.Header.Get("X-Auth-Token")+"|"+r.Header.Get("Cookie"))
	}
	redirect := func(to string) http.Handler { return http.RedirectHandler(to, http.StatusTemporaryRedirect) }
	same := http.NewServeMux()
	same.Handle("/from", redirect("/to"))
	same.HandleFunc("/to", show)
	same.Handle("/other-host", redirect("https://b.test/"))
	same.Handle("/other-port", redirect("https://a.test:5001/"))
	same.Handle("/other-scheme", redirect("http://a.test/to"))
	same.Handle("/there-and-back", redirect("https://b.test/back"))
	same.Handle("/loop", redirect("/loop"))
	other := http.NewServeMux()
	other.HandleFunc("/", show)
	other.Handle("/back", redirect("http://a.test/to"))
	tr := newTransport(t,
		Endpoint{Host: "a.test", Handler: same}, Endpoint{Host: "a.test:5001", Handler: other}, Endpoint{Host: "b.test", Handler: other})
	tests := map[string]struct{ path, want, err string }{
		"same origin":    {"/from", "Basic x|y|z", ""},
		"other host":     {"/other-host", "||", ""},
		"other port":     {"/other-port", "||", ""},
		"to plain http":  {"/other-scheme", "", "from https to http://a.test, which is refused"},
		"in two steps":   {"/there-and-back", "", "which is refused"},
		"without an end": {"/loop", "", "more than 10 times"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			req, _ := http.NewRequestWithContext(t.Context(), "GET", "https://a.test"+tt.path, nil)
			req.Header = http.Header{"Authorization": {"Basic x"}, "X-Auth-Token": {"y"}, "Cookie": {"z"}}
			resp, err := tr.Client().Do(req)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			if got, err := io.ReadAll(resp.Body); err != nil || string(got) != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestHTTP1Only(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{}
	s.StartTLS()
	t.Cleanup(s.Close)
	tr := newTransport(t, Endpoint{Host: "h.test", Address: s.Listener.Addr().String(), TLS: Insecure})
	if got, err := get(t, tr, "https://h.test/"); err != nil || got != "HTTP/1.1" {
		t.Errorf("got %q, %v", got, err)
	}
}

// otherAuthority gives the certificate of an authority that has signed nothing.
func otherAuthority(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true}, &x509.Certificate{SerialNumber: big.NewInt(1)}, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
