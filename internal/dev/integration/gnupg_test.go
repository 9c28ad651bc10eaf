//go:build integration

package integration

import (
	"bytes"
	"errors"
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

// newGnuPG makes a home with one key to sign with.
func newGnuPG(t *testing.T) string {
	t.Helper()
	home, err := os.MkdirTemp("", "gpg") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		_ = os.RemoveAll(home)
	})
	gnupg(t, home, "", "--quick-gen-key", "signer <signer@example.org>", "rsa2048", "sign", "never")
	return home
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
	home := newGnuPG(t)
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

// An image that skopeo has signed is copied from a registry. If the signature is for
// another tag, it is not.
func TestSignaturesOfSkopeo(t *testing.T) {
	home := newGnuPG(t)
	source, dest := rawRegistry{url: startRegistry(t, t.TempDir())}, rawRegistry{url: startRegistry(t, t.TempDir())}
	m := newSetMaker(t, source, sizes{base: 4 << 10, service: 2 << 10, own: 1 << 10})
	m.image(0)
	img := m.set.images[0]
	store := t.TempDir()
	server := httptest.NewServer(http.FileServer(http.Dir(store)))
	t.Cleanup(server.Close)
	rule := fmt.Sprintf(`, signatures: { trust: [ { images: "%s/**", gpg: keys.gpg, store: "%s/sigs" } ] }`, upstreamHost, server.URL)
	s := newMirror(t, m.set, connectionTo(upstreamHost, source.url, ""), connectionTo(localHost, dest.url, ""), rule)
	s.write(t, "keys.gpg", gnupg(t, home, "", "--export"))

	s.mustRun(t, 1, []string{"apply"}, img.repo+":"+img.tag+" is not trusted: there is no signature of it in "+server.URL+"/sigs")
	signBySkopeo(t, home, source, img, "another", store)
	s.mustRun(t, 1, []string{"apply"}, `signature 1: it is for another tag, "another"`)
	if found := dest.catalog(t); len(found) > 0 {
		t.Errorf("the destination has %q", found)
	}
	signBySkopeo(t, home, source, img, img.tag, store)
	s.mustRun(t, 0, []string{"apply"}, "1 changed, 0 unchanged, 0 failed")
	m.set.checkAt(t, dest)
	s.mustRun(t, 0, []string{"verify"})
	signBySkopeo(t, home, source, img, "another", store)
	s.mustRun(t, 1, []string{"verify"}, `signature 1: it is for another tag, "another"`)
}

// signBySkopeo puts the signature of an image into a store, as one for a tag.
func signBySkopeo(t *testing.T, home string, r rawRegistry, img setImage, tag, store string) {
	t.Helper()
	dir := filepath.Join(store, "sigs", img.repo+"@"+strings.Replace(img.digest, ":", "=", 1))
	req := r.request(t, "GET", "/v2/"+img.repo+"/manifests/"+img.digest, nil)
	req.Header["Accept"] = []string{docker.manifest}
	_, body := r.do(t, req, http.StatusOK)
	file := filepath.Join(t.TempDir(), "manifest.json")
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(file, body, 0o600)); err != nil {
		t.Fatal(err)
	}
	_, found, _ := strings.Cut(gnupg(t, home, "", "--list-keys", "--with-colons"), "\nfpr:::::::::")
	fingerprint, _, _ := strings.Cut(found, ":")
	runWith(t, []string{"GNUPGHOME=" + home}, "skopeo", "standalone-sign", "--output", filepath.Join(dir, "signature-1"),
		file, upstreamHost+"/"+img.repo+":"+tag, fingerprint)
}
