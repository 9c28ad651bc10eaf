package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// newCertificate makes a certificate for 127.0.0.1 that signs itself.
func newCertificate(t *testing.T, ends time.Time, names ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"},
		NotBefore: time.Now().Add(-365 * 24 * time.Hour), NotAfter: ends,
		IsCA: true, BasicConstraintsValid: true, DNSNames: names,
	}
	if len(names) == 0 {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// serveTLS starts a TLS server on loopback.
func serveTLS(t *testing.T, h http.Handler, cert tls.Certificate) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestTLS(t *testing.T) {
	day := 24 * time.Hour
	for name, tt := range map[string]struct {
		ends     time.Duration
		names    []string
		settings string
		want     []string
	}{
		"good":              {100*day + time.Hour, nil, ", ca: ca.pem", []string{"ok: for 127.0.0.1; issued by CN=Test CA; valid until ", ", 100 days"}},
		"ends soon":         {10*day + time.Hour, nil, ", ca: ca.pem", []string{"warn: it ends soon: for 127.0.0.1", "10 days; renew the certificate before it ends"}},
		"ended":             {-day, nil, ", ca: ca.pem", []string{"fail: ", "its certificate is not valid now", "; renew the certificate"}},
		"unknown authority": {100 * day, nil, "", []string{"fail: ", "signed by an unknown authority (issuer CN=Test CA; for 127.0.0.1)", "ca: FILE"}},
		"another name":      {100 * day, []string{"registry.example.com"}, ", ca: ca.pem", []string{"fail: ", "registry.example.com", "use a name that the certificate holds"}},
		"not verified":      {100 * day, nil, ", tls: insecure", []string{"warn: not verified (tls: insecure): for 127.0.0.1", "name its authority with ca: FILE"}},
		"ended, unverified": {-day, nil, ", tls: insecure", []string{"warn: it is no longer valid, which tls: insecure overlooks", "renew"}},
		"plain":             {100 * day, nil, ", tls: disabled", []string{"fail: ", "it answers plain HTTP with a demand for TLS", "remove tls: disabled"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			cert := newCertificate(t, time.Now().Add(tt.ends), tt.names...)
			block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
			if err := os.WriteFile(filepath.Join(b.dir, "ca.pem"), block, 0o644); err != nil {
				t.Fatal(err)
			}
			at := serveTLS(t, registryOf(t), cert)
			has(t, b.examine(t, fmt.Sprintf(`connections:
  registries: { to: { host: %q%s } }
steps:
  look: { type: verify-registry, with: { registry: to } }
`, at, tt.settings), "registry to", "tls"), tt.want...)
		})
	}
}

// The authority's certificate may end before the server's.
func TestChainEndsSoon(t *testing.T) {
	now := time.Now()
	server, authority := &x509.Certificate{NotAfter: now.Add(1000 * time.Hour)}, &x509.Certificate{NotAfter: now.Add(100 * time.Hour), Subject: pkix.Name{CommonName: "Root"}}
	state := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{server}, VerifiedChains: [][]*x509.Certificate{{server, authority}}}
	f := certificate("", state, now)
	has(t, []string{string(f.Status) + ": " + f.Message}, "warn: the authority CN=Root ends soon", "4 days")
}

// The time of servers is compared with this host's.
func TestClock(t *testing.T) {
	for name, tt := range map[string]struct {
		from, to time.Duration // by which the servers' clocks are ahead
		age      string
		want     []string
	}{
		"both agree":          {0, 0, "", []string{"ok: agrees with 2 servers"}},
		"both are ahead":      {time.Hour, time.Hour, "", []string{"fail: ", "1h0m", "s behind 127.0.0.1:", "set the clock"}},
		"both are behind":     {-time.Minute, -time.Minute, "", []string{"warn: 1m0", "s ahead of 127.0.0.1:", "set the clock"}},
		"one is":              {0, -time.Hour, "", []string{"warn: ", "but it agrees with 1 other server; the clock of 127.0.0.1:"}},
		"a cache has its age": {0, -time.Hour, "3600", []string{"ok: agrees with 2 servers"}},
	} {
		t.Run(name, func(t *testing.T) {
			at := func(next http.Handler, ahead time.Duration, age string) string {
				return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
					if age != "" {
						w.Header().Set("Age", age)
					}
					next.ServeHTTP(w, r)
				}))
			}
			b := newBench(t)
			src, dst := at(sourceRegistry(t), tt.from, ""), at(registryOf(t), tt.to, tt.age)
			has(t, b.examine(t, copying(src, dst), "this host", "clock"), tt.want...)
		})
	}
}
