package transport_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/transport"
)

func TestEverywhereUsesTheGivenAuthorities(t *testing.T) {
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	defer srv.Close()
	trusting := x509.NewCertPool()
	trusting.AddCert(srv.Certificate())

	for _, tc := range []struct {
		name string
		conf *tls.Config
		ok   bool
	}{
		{"the server's authority", &tls.Config{RootCAs: trusting}, true},
		{"no verification", &tls.Config{InsecureSkipVerify: true}, true},
		{"other authorities", &tls.Config{RootCAs: x509.NewCertPool()}, false},
		{"no settings", nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr, err := transport.NewWithTLS(tc.conf)
			if err != nil {
				t.Fatal(err)
			}
			defer tr.CloseIdleConnections()
			resp, err := tr.Client().Get(srv.URL)
			if err == nil {
				resp.Body.Close()
			}
			if (err == nil) != tc.ok {
				t.Errorf("got error %v, want success %v", err, tc.ok)
			}
		})
	}
}

// A byte order mark before the first certificate does not hide it.
func TestReadPEMDropsAMark(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, []byte("\xef\xbb\xbf-----BEGIN CERTIFICATE-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := transport.ReadPEM(file); err != nil || !strings.HasPrefix(string(got), "-----BEGIN") {
		t.Errorf("got %q, %v", got, err)
	}
}
