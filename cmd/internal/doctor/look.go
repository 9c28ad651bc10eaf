package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/transport"
)

// A look is the answer of a server to one GET without credentials.
type look struct {
	header http.Header
	tls    *tls.ConnectionState // nil for plain HTTP
	remote string               // the address that answered
	took   time.Duration
}

// reach asks a server once and gives what is to be said about reaching it: where it is,
// its certificate, the proxy between. It says whether more can be asked of it.
func (d *doctor) reach(ctx context.Context, s *server) (found []Finding, reached bool) {
	found = d.proxyOf(ctx, s)
	if listening := d.port(ctx, s); listening != nil {
		found = append(found, *listening)
		if listening.Status == Fail {
			return found, false
		}
	}
	t, err := transport.New([]transport.Endpoint{s.Endpoint})
	if err != nil { // a file of certificates
		return append(found, failed(ctx, "tls", err, "")), false
	}
	answer, err := d.look(ctx, s.URL, t)
	switch {
	case err == nil:
		found = append(found, ok("reach", "%s answers in %d ms", answer.remote, answer.took.Milliseconds()))
		return append(found, d.security(s, answer)...), true
	case fault.IsConnection(err) || ctx.Err() != nil:
		return append(found, failed(ctx, "reach", err, d.unreachedHint(s, err))), false
	}
	// The certificate or the protocol is wrong. The server's clock may say why.
	if insecure, err := transport.New([]transport.Endpoint{{Host: s.Endpoint.Host, Address: s.Endpoint.Address, TLS: transport.Insecure}}); err == nil {
		_, _ = d.look(ctx, s.URL, insecure)
	}
	return append(found, failed(ctx, "tls", err, "")), false
}

// look sends one GET without credentials, follows no redirect, and notes the server's time.
func (d *doctor) look(ctx context.Context, at string, t http.RoundTripper) (look, error) {
	var l look
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(c httptrace.GotConnInfo) { l.remote = c.Conn.RemoteAddr().String() },
	}), http.MethodGet, at, nil)
	if err != nil {
		return l, err
	}
	begun := time.Now()
	resp, err := t.RoundTrip(req)
	if err != nil {
		return l, err
	}
	_ = resp.Body.Close()
	l.took, l.header, l.tls = time.Since(begun), resp.Header, resp.TLS
	d.noteClock(req.URL.Host, resp.Header, begun.Add(l.took/2))
	return l, nil
}

// security says what is known about the connection: its certificate, or that it has none.
func (d *doctor) security(s *server, l look) []Finding {
	switch {
	case l.tls == nil && s.Login:
		return []Finding{warn("tls", "let it speak TLS and remove tls: disabled, if its network is not all yours", "plain HTTP: the login crosses the network in the clear")}
	case l.tls == nil:
		return []Finding{ok("tls", "plain HTTP (tls: disabled)")}
	case len(l.tls.PeerCertificates) == 0:
		return nil
	}
	return []Finding{certificate(s.Endpoint.TLS, l.tls, time.Now())}
}

// soon is how long a certificate should still be valid.
const soon = 30 * 24 * time.Hour

// certificate says whom a certificate is for, who has signed it, and until when it is valid.
// In a chain that was verified, the certificate that ends first decides.
func certificate(mode transport.Mode, state *tls.ConnectionState, now time.Time) Finding {
	cert := state.PeerCertificates[0]
	names := append([]string{}, cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		names = []string{cert.Subject.String()}
	}
	ends, whose := cert.NotAfter, "it"
	if len(state.VerifiedChains) > 0 {
		for _, c := range state.VerifiedChains[0][1:] {
			if c.NotAfter.Before(ends) {
				ends, whose = c.NotAfter, "the authority "+c.Subject.String()
			}
		}
	}
	days := int(ends.Sub(now).Hours() / 24)
	text := fmt.Sprintf("for %s; issued by %s; valid until %s, %d days", human.Some(names, 3), cert.Issuer, ends.UTC().Format(time.DateOnly), days)
	switch {
	case ends.Before(now):
		return warn("tls", "renew the certificate", "%s is no longer valid, which tls: insecure overlooks: %s", whose, text)
	case mode == transport.Insecure:
		return warn("tls", "name its authority with ca: FILE in the connection, and remove tls: insecure", "not verified (tls: insecure): %s", text)
	case ends.Sub(now) < soon:
		return warn("tls", "renew the certificate before it ends", "%s ends soon: %s", whose, text)
	}
	return ok("tls", "%s", text)
}

// unreachedHint says what to do about a server that does not answer.
func (d *doctor) unreachedHint(s *server, err error) string {
	if proxy := d.proxyFor(s); proxy != nil {
		return fmt.Sprintf("it is asked through the proxy %s: is that right? NO_PROXY=%s leaves it out", proxy.Host, hostOnly(s.URL))
	}
	var dns *net.DNSError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &dns):
		return "check the name and this host's resolver, or give its connection an address: HOST:PORT"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "is its service running, and is the port right?"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "a firewall may drop the connection; if a proxy is needed, set HTTPS_PROXY"
	}
	return "check its host, and address if its connection has one"
}

func hostOnly(at string) string {
	u, err := url.Parse(at)
	if err != nil {
		return at
	}
	return u.Hostname()
}

// addresses gives the addresses to which connections to a server go, none if they are not
// known.
func (s *server) addresses(ctx context.Context) ([]netip.Addr, uint16) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, 0
	}
	host, port := u.Hostname(), u.Port()
	if s.Endpoint.Address != "" {
		if host, port, err = net.SplitHostPort(s.Endpoint.Address); err != nil {
			return nil, 0
		}
	}
	if port == "" {
		port = map[bool]string{true: "443", false: "80"}[strings.EqualFold(u.Scheme, "https")]
	}
	n, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return nil, 0
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, 0 // asking the server tells why
	}
	return found, uint16(n)
}
