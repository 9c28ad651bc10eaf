package transport_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
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
