package transport

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pairFiles writes a certificate and its key.
func pairFiles(t *testing.T, pair tls.Certificate) (cert, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// A server that asks for a certificate gets the one of its connection. Another
// server gets none.
func TestClientCertificate(t *testing.T) {
	other, _ := quietServer(t, http.HandlerFunc(hello), true)
	cert, key := pairFiles(t, other.TLS.Certificates[0])
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 1 && bytes.Equal(r.TLS.PeerCertificates[0].Raw, other.TLS.Certificates[0].Certificate[0]) {
			hello(w, r)
		}
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	address := s.Listener.Addr().String()
	ca := caFile(t, s)
	tr := newTransport(t,
		Endpoint{Host: "example.com", Address: address, CA: ca, Cert: cert, Key: key},
		Endpoint{Host: "www.example.com", Address: address, CA: ca})
	if got, err := get(t, tr, "https://example.com/"); err != nil || got != "hello from example.com" {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := get(t, tr, "https://www.example.com/"); err == nil {
		t.Errorf("got %q without a certificate", got)
	}
}

func TestClientCertificateThatCannotBeRead(t *testing.T) {
	s, _ := quietServer(t, http.HandlerFunc(hello), true)
	cert, key := pairFiles(t, s.TLS.Certificates[0])
	for name, e := range map[string]Endpoint{
		"no key":       {Host: "a", Cert: cert},
		"absent":       {Host: "a", Cert: cert, Key: key + ".absent"},
		"mixed up":     {Host: "a", Cert: key, Key: cert},
		"no PEM":       {Host: "a", Cert: cert, Key: os.DevNull},
		"no cert file": {Host: "a", Key: key},
	} {
		if _, err := New([]Endpoint{e}); err == nil || !strings.Contains(err.Error(), `the client certificate for host "a"`) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
