package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

// explain adds to an error the host and its address, a hint, and whether it is of
// the connection class.
func (r *route) explain(req *http.Request, err error) error {
	ctxErr := req.Context().Err()
	if ctxErr != nil && !errors.Is(err, ctxErr) {
		return fmt.Errorf("%w: %w", ctxErr, err)
	}
	where := req.URL.Host
	if r.endpoint.Address != "" {
		where += " (at " + r.endpoint.Address + ")"
	}
	if hint, ok := tlsHint(err, r.endpoint, req.URL.Host); ok {
		return fault.WithHint(fmt.Errorf("%s: %w", where, err), hint)
	}
	if msg, hint := certificateText(err, r.endpoint); msg != "" {
		return fault.WithHint(&described{fmt.Sprintf("%s: %s", where, msg), err}, hint)
	}
	// A dial that timed out also wraps context.DeadlineExceeded, but for its own
	// deadline.
	if ctxErr != nil || errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", where, err)
	}
	var bodyErr *bodyError
	if errors.As(err, &bodyErr) {
		return err
	}
	if isNetworkError(err) {
		return fault.AsConnection(&described{fmt.Sprintf("%s: %s", where, networkErrorText(err, where)), err})
	}
	if text := protocolText(err); text != "" {
		return &described{fmt.Sprintf("%s: %s", where, text), err}
	}
	return fmt.Errorf("%s: %w", where, err)
}

// A described error has a text of its own and keeps its cause.
type described struct {
	text string
	err  error
}

func (d *described) Error() string { return d.text }
func (d *described) Unwrap() error { return d.err }

// networkErrorText describes the errors of package net in plain words. where is what
// stands before them.
func networkErrorText(err error, where string) string {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Sprintf("no address is known for the name %q", dns.Name)
	case errors.As(err, &op) && op.Op == "dial" && op.Err != nil:
		if op.Addr == nil || strings.Contains(where, op.Addr.String()) {
			return fmt.Sprintf("no connection: %v", op.Err)
		}
		return fmt.Sprintf("no connection to %v: %v", op.Addr, op.Err)
	}
	switch Reason(err) {
	case "connection cut":
		return "the connection was cut before the answer was complete"
	case "connection reset":
		return "the connection was reset"
	}
	return err.Error()
}

const plainHint = "if it speaks plain HTTP, write tls: disabled into its connection"

// tlsHint detects that one side speaks TLS and the other does not.
func tlsHint(err error, e Endpoint, host string) (string, bool) {
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		if e.Host == "" {
			return fmt.Sprintf("if it speaks plain HTTP, give it a connection with host: %s and tls: disabled", host), true
		}
		return plainHint, true
	case errors.Is(err, errWantsTLS), strings.Contains(err.Error(), `malformed HTTP response "\x15\x03`):
		return "it speaks TLS: remove tls: disabled from its connection", true
	}
	return "", false
}

// caHint says what to do about a certificate that an unknown authority has signed.
func caHint(e Endpoint) string {
	if e.CA != "" {
		return fmt.Sprintf("%s holds another authority: replace it, or turn verification off with tls: insecure", e.CA)
	}
	return "name the authority's certificate with ca: FILE in the connection, or turn verification off with tls: insecure"
}

// nameHint says what to do about a certificate for another name.
func nameHint(e Endpoint) string {
	if e.Address != "" {
		return "set host: to a name that the certificate holds, and leave address: as it is; or write tls: insecure"
	}
	return "use a name that the certificate holds, with address: for where it is, or tls: insecure"
}

// certificateText says what is wrong with a certificate, and names its issuer and
// the names it is for.
func certificateText(err error, e Endpoint) (msg, hint string) {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	switch {
	case errors.As(err, &unknown):
		return "its certificate is signed by an unknown authority" + certificateInfo(unknown.Cert), caHint(e)
	case errors.As(err, &name):
		return fmt.Sprintf("its certificate is not for %q%s", name.Host, certificateInfo(name.Certificate)),
			nameHint(e)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("its certificate is not valid now: valid from %s to %s%s", formatDate(invalid.Cert.NotBefore), formatDate(invalid.Cert.NotAfter), certificateInfo(invalid.Cert)),
			"renew the certificate, or turn verification off with tls: insecure"
	case errors.As(err, &invalid), errors.As(err, &verify):
		return "its certificate cannot be verified: " + err.Error(), caHint(e)
	}
	return "", ""
}

func formatDate(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// certificateInfo returns the issuer of a certificate and the names it is for.
func certificateInfo(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	names := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		names = []string{c.Subject.String()}
	}
	return fmt.Sprintf(" (issuer %s; for %s)", c.Issuer, strings.Join(names, ", "))
}

// detectTLS returns errWantsTLS for the answer that TLS servers give to plain
// HTTP.
func (r *route) detectTLS(resp *http.Response) error {
	if r.endpoint.TLS != Disabled || r.base == nil || resp.StatusCode != http.StatusBadRequest || resp.Body == nil {
		return nil
	}
	head, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
	text := string(head)
	if strings.Contains(text, "HTTPS server") || strings.Contains(text, "HTTPS port") {
		_ = resp.Body.Close()
		return errWantsTLS
	}
	resp.Body = &replayedBody{Reader: io.MultiReader(strings.NewReader(text), resp.Body), Closer: resp.Body}
	return nil
}

// A replayedBody is a body of which a part was read and put back.
type replayedBody struct {
	io.Reader
	io.Closer
}
