//go:build integration

package integration

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/signature"
	"github.com/bayplan/bayplan/internal/trust"
	"github.com/bayplan/bayplan/internal/trust/lookaside"
)

// gnupg runs GnuPG with a home of its own.
func gnupg(t *testing.T, home, in string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "gpg", append([]string{"--homedir", home, "--batch", "--yes", "--passphrase", "", "--pinentry-mode", "loopback"}, args...)...)
	cmd.Stdin = strings.NewReader(in)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		t.Fatalf("gpg %s: %v\n%s", args, err, problems.String())
	}
	return out.String()
}

// inStore gives a proof whose store has one signature.
func inStore(t *testing.T, keys signature.Keys, signed string) *lookaside.Proof {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/mine/app@sha256="+strings.Repeat("a", 64)+"/signature-1") {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, signed)
	}))
	t.Cleanup(s.Close)
	client, err := download.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &lookaside.Proof{Keys: keys, Store: s.URL + "/store/", Downloads: client, Canonical: func(s string) string { return s }}
}

// What GnuPG signs holds, until GnuPG revokes the key.
func TestSignaturesOfGnuPG(t *testing.T) {
	sum := strings.Repeat("a", 64)
	document := fmt.Sprintf(`{"critical":{"type":"atomic container signature","image":{"docker-manifest-digest":"sha256:%s"},"identity":{"docker-reference":"quay.io/mine/app:1"}},"optional":{}}`, sum)
	home, err := os.MkdirTemp("", "gpg") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		_ = os.RemoveAll(home)
	})
	gnupg(t, home, "", "--quick-gen-key", "signer <signer@example.org>", "rsa2048", "sign", "never")
	im := trust.NewImage("quay.io/mine/app:1", "sha256:"+sum)
	signed := gnupg(t, home, document, "--sign")
	for _, armor := range []string{"--no-armor", "--armor"} {
		keys, err := signature.Parse("keys", []byte(gnupg(t, home, "", armor, "--export")))
		if err != nil {
			t.Fatal(err)
		}
		if err := inStore(t, keys, signed).Check(t.Context(), im); err != nil {
			t.Error(err)
		}
	}
	keys, err := signature.Parse("keys", []byte(gnupg(t, home, "", "--export")))
	if err != nil {
		t.Fatal(err)
	}
	bomb := gnupg(t, home, strings.Repeat("a", 17<<20), "--sign")
	if err := inStore(t, keys, bomb).Check(t.Context(), im); err == nil || !strings.Contains(err.Error(), "its text is larger than") {
		t.Errorf("%d bytes that become 17 MiB: %v", len(bomb), err)
	}
	certificates, err := filepath.Glob(filepath.Join(home, "openpgp-revocs.d", "*.rev"))
	if err != nil || len(certificates) != 1 {
		t.Fatalf("%q, %v", certificates, err)
	}
	certificate, err := os.ReadFile(certificates[0])
	if err != nil {
		t.Fatal(err)
	}
	gnupg(t, home, strings.Replace(string(certificate), ":-----BEGIN", "-----BEGIN", 1), "--import")
	if keys, err = signature.Parse("keys", []byte(gnupg(t, home, "", "--export"))); err != nil {
		t.Fatal(err)
	}
	err = inStore(t, keys, signed).Check(t.Context(), im)
	if err == nil || !strings.Contains(err.Error(), "has been revoked") {
		t.Errorf("got %v", err)
	}
}
