//go:build integration

package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/server/common/testing/freeport"
)

// newCertificates makes an authority with the certificates of a server and of a site, and another
// authority with one of a stranger, in a directory.
func newCertificates(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for authority, names := range map[string][]string{"ca": {"server", "site"}, "other": {"stranger"}} {
		key, ca := newCertificate(t, dir, authority, nil, nil)
		for _, name := range names {
			newCertificate(t, dir, name, key, ca)
		}
	}
	return dir
}

// newCertificate makes a certificate and its key as NAME.pem and NAME.key. Without an authority it
// is one.
func newCertificate(t *testing.T, dir, name string, authority *ecdsa.PrivateKey, of *x509.Certificate) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{serverName}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if of == nil {
		about.IsCA, about.BasicConstraintsValid, about.KeyUsage = true, true, x509.KeyUsageCertSign
		authority, of = key, about
	}
	der, err := x509.CreateCertificate(rand.Reader, about, of, key.Public(), authority)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, name+".pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, filepath.Join(dir, name+".key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	return key, about
}

// A signer signs tokens.
type signer struct {
	key  *rsa.PrivateKey
	file string // of its public key, as a JSON Web Key Set
}

func newSigner(t *testing.T) signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s := signer{key, filepath.Join(t.TempDir(), "keys.json")}
	write(t, s.file, fmt.Sprintf(`{"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "one", "n": "%s", "e": "%s"}]}`,
		base64.RawURLEncoding.EncodeToString(key.N.Bytes()), base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes())))
	return s
}

// token writes a token with permissions to a file, and returns its name.
func (s signer) token(t *testing.T, subject string, permissions ...string) string {
	t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text := part(map[string]any{"alg": "RS256", "typ": "JWT", "kid": "one"}) + "." +
		part(map[string]any{"sub": subject, "permissions": permissions, "exp": time.Now().Add(time.Hour).Unix()})
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), subject)
	write(t, file, text+"."+base64.RawURLEncoding.EncodeToString(signature)+"\n")
	return file
}

const aloneVar = `
vars: { site: one }
steps:
  dir: { type: mkdir, site: "${vars.site}", with: { paths: [made] } }
`

// A server wants a certificate of its authority from all, and gives each site a namespace by a
// token. A site cannot take the steps of another.
func TestSecured(t *testing.T) {
	t.Parallel()
	dir, keys := newCertificates(t), newSigner(t)
	port := strconv.Itoa(freeport.MustGetFreePort())
	server := start(t, "server", serverSetup{
		Port: port, File: filepath.Join(t.TempDir(), "temporal.db"), Certificates: dir, Keys: "file://" + keys.file, Namespaces: []string{"one", "two"},
	}.text())
	server.out.wait(t, "serving")
	plan := planFile(t, "alone", aloneVar)
	as := func(certificate, token, namespace string, args ...string) *process {
		args = append(args, "--address", "127.0.0.1:"+port, "--namespace", namespace, "--tls-ca", filepath.Join(dir, "ca.pem"), "--tls-server-name", serverName)
		if certificate != "" {
			args = append(args, "--tls-cert", filepath.Join(dir, certificate+".pem"), "--tls-key", filepath.Join(dir, certificate+".key"))
		}
		if token != "" {
			args = append(args, "--api-key-file", token)
		}
		return start(t, "program", args...)
	}
	one, two := keys.token(t, "one", "one:write"), keys.token(t, "two", "two:write")
	site := t.TempDir()
	as("site", one, "one", "worker", "--site", "one", "--dir", site).out.wait(t, "works for site one")
	run := as("site", one, "one", "run", "-f", plan)
	<-run.done
	if run.ProcessState.ExitCode() != 0 {
		t.Errorf("exit code %d\n%s", run.ProcessState.ExitCode(), run.out)
	}
	exists(t, filepath.Join(site, "alone", "made"))
	for name, tt := range map[string]struct{ certificate, token, want string }{
		"no certificate":             {"", one, "failed reaching server"},
		"one of another authority":   {"stranger", one, "failed reaching server"},
		"no token":                   {"site", "", "Request unauthorized"},
		"the token of another site":  {"site", two, "Request unauthorized"},
		"a token that is not signed": {"site", newSigner(t).token(t, "one", "one:write"), "Request unauthorized"},
	} {
		run := as(tt.certificate, tt.token, "one", "run", "-f", plan)
		<-run.done
		if run.ProcessState.ExitCode() != 1 || !strings.Contains(run.out.String(), tt.want) {
			t.Errorf("%s: exit code %d\n%s", name, run.ProcessState.ExitCode(), run.out)
		}
	}
}

// startPostgres starts PostgreSQL with an empty database, and returns its address.
func startPostgres(t *testing.T) string {
	t.Helper()
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(programs) == 0 {
		t.Fatal("PostgreSQL is not installed: internal/dev/integration/install.sh does that")
	}
	dir, err := os.MkdirTemp("", "bayplan-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	attributes := &syscall.SysProcAttr{}
	if os.Geteuid() == 0 { // PostgreSQL does not run as root
		other, err := user.Lookup("postgres")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(other.Uid) // a number on every system with PostgreSQL's package
		gid, _ := strconv.Atoi(other.Gid)
		attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(dir, "data")
	made := exec.Command(filepath.Join(programs[0], "initdb"), "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync")
	made.SysProcAttr, made.Dir = attributes, dir
	if out, err := made.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	port := strconv.Itoa(freeport.MustGetFreePort())
	server := &process{Cmd: exec.Command(filepath.Join(programs[0], "postgres"), "-D", data, "-h", "127.0.0.1", "-p", port, "-k", ""), out: newBuffer(), done: make(chan struct{})}
	server.SysProcAttr, server.Dir, server.Stdout, server.Stderr = attributes, dir, server.out, server.out
	server.begin(t)
	server.out.wait(t, "database system is ready to accept connections")
	return "127.0.0.1:" + port
}

// A server on PostgreSQL is killed in the middle of a run, and the run comes to its end.
func TestPostgres(t *testing.T) {
	t.Parallel()
	f := newFieldOn(t, startPostgres(t))
	run := f.run()
	run.until(t, f.source.held)
	f.server.kill()
	f.startServer()
	close(f.source.release)
	f.converged(run)
}
