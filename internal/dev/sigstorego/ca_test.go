package sigstorego

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/tlog"

	"github.com/bayplan/bayplan/internal/dev/sigstore"
	"github.com/bayplan/bayplan/internal/trust"
	"github.com/bayplan/bayplan/internal/trust/cosign"
	"github.com/bayplan/bayplan/internal/trust/keyless"
)

// sigstore-go signs for its own tests, too, with a log and a timestamp authority but no log
// of certificates: that alone is found wrong.
func TestSignedBySigstoreGo(t *testing.T) {
	theirs, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := keyless.ParseRoot("root", rootOf(t, theirs))
	if err != nil {
		t.Fatal(err)
	}
	v := &keyless.Verifier{Root: trusted, Issuer: sigstore.TrustedIssuer, Identity: trust.NewPattern("me@git.test")}
	const want = "its certificate is in no log of certificates that the root names"
	if err := v.Check(signedBy(t, theirs)); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	another, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Check(signedBy(t, another)); err == nil || !strings.Contains(err.Error(), "in no log that the root names") {
		t.Errorf("got %v", err)
	}
}

func rootOf(t *testing.T, s *ca.VirtualSigstore) []byte {
	t.Helper()
	logs := map[string]*root.TransparencyLog{}
	for id, l := range s.RekorLogs() {
		b, err := hex.DecodeString(id)
		if err != nil {
			t.Fatal(err)
		}
		l.ID = b
		logs[id] = l
	}
	trusted, err := root.NewTrustedRoot(root.TrustedRootMediaType01, s.FulcioCertificateAuthorities(), s.CTLogs(), s.TimestampingAuthorities(), logs)
	if err != nil {
		t.Fatal(err)
	}
	content, err := trusted.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func signedBy(t *testing.T, s *ca.VirtualSigstore) *cosign.Signature {
	t.Helper()
	text := []byte("a document")
	e, err := s.Sign("me@git.test", sigstore.TrustedIssuer, text)
	if err != nil {
		t.Fatal(err)
	}
	content, err := e.SignatureContent()
	if err != nil {
		t.Fatal(err)
	}
	by, err := e.VerificationContent()
	if err != nil {
		t.Fatal(err)
	}
	logged, err := e.TlogEntries()
	if err != nil {
		t.Fatal(err)
	}
	sig := &cosign.Signature{Text: text, Sum: sha256.Sum256(text), Signature: content.Signature(), Certificate: by.Certificate().Raw}
	for _, l := range logged {
		e := l.TransparencyLogEntry()
		promise, err := s.RekorSignPayload(tlog.RekorPayload{
			Body: l.Body(), IntegratedTime: e.GetIntegratedTime(), LogIndex: e.GetLogIndex(), LogID: hex.EncodeToString(e.GetLogId().GetKeyId()),
		})
		if err != nil {
			t.Fatal(err)
		}
		sig.Entries = append(sig.Entries, cosign.LogEntry{
			LogID: e.GetLogId().GetKeyId(), Index: e.GetLogIndex(), Time: e.GetIntegratedTime(), Body: e.GetCanonicalizedBody(),
			Promise: promise,
		})
	}
	if sig.Timestamps, err = e.Timestamps(); err != nil {
		t.Fatal(err)
	}
	return sig
}
