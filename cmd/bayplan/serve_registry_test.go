package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/bayplan/bayplan/cmd/internal/exitcode"
)

// A servedRegistry is a registry in a process of its own.
type servedRegistry struct {
	cmd    *exec.Cmd
	url    string // http://127.0.0.1:PORT
	stderr *bytes.Buffer
	client *http.Client
	login  [2]string // user and password, for every request
}

var serverURL = regexp.MustCompile(`^registry on (https?://127\.0\.0\.1:\d+)/v2/\n$`)

// serveRegistry starts a registry. The end of the test kills it if it still runs.
func serveRegistry(t *testing.T, args ...string) *servedRegistry {
	t.Helper()
	s := &servedRegistry{
		cmd:    command(t, t.TempDir(), append([]string{"serve", "registry", "--addr", "127.0.0.1:0"}, args...)...),
		stderr: &bytes.Buffer{}, client: &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}},
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stderr = s.stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // most tests have stopped it already
		_, _ = s.cmd.Process.Wait()
	})
	hello, err := bufio.NewReader(out).ReadString('\n')
	found := serverURL.FindStringSubmatch(hello)
	if found == nil {
		t.Fatalf("it says %q (%v)", hello, err)
	}
	s.url = found[1]
	return s
}

// end waits until the process has ended, and returns its exit code.
func (s *servedRegistry) end(t *testing.T) int {
	t.Helper()
	if err := s.cmd.Wait(); err != nil && s.cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return s.cmd.ProcessState.ExitCode()
}

// stop asks the process to end, and expects that it succeeds.
func (s *servedRegistry) stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := s.end(t); code != exitcode.Done {
		t.Errorf("it ended with %d: %s", code, s.stderr)
	}
}

func (s *servedRegistry) do(t *testing.T, method, path, kind string, body io.Reader) *http.Response {
	t.Helper()
	if !strings.Contains(path, "://") {
		path = s.url + path
	}
	req, err := http.NewRequestWithContext(t.Context(), method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if s.login[0] != "" {
		req.SetBasicAuth(s.login[0], s.login[1])
	}
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// want sends a request, checks the status and returns the body.
func (s *servedRegistry) want(t *testing.T, status int, method, path string) string {
	t.Helper()
	return answered(t, s.do(t, method, path, "", nil), status)
}

func answered(t *testing.T, resp *http.Response, status int) string {
	t.Helper()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		t.Fatalf("%s %s: got %d, %v, want %d: %s", resp.Request.Method, resp.Request.URL, resp.StatusCode, err, status, text)
	}
	return string(text)
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(s[:])
}

// push pushes an image with one layer, and returns the digest of the layer.
func (s *servedRegistry) push(t *testing.T, repo, tag string, layer []byte) string {
	t.Helper()
	part := func(kind string, data []byte) map[string]any {
		resp := s.do(t, "POST", "/v2/"+repo+"/blobs/uploads/?digest="+sum(data), "application/octet-stream", bytes.NewReader(data))
		answered(t, resp, http.StatusCreated)
		return map[string]any{"mediaType": kind, "size": len(data), "digest": sum(data)}
	}
	const oci = "application/vnd.oci.image."
	m, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": oci + "manifest.v1+json",
		"config": part(oci+"config.v1+json", []byte(`{"architecture":"amd64","os":"linux"}`)),
		"layers": []any{part(oci+"layer.v1.tar", layer)},
	})
	if err != nil {
		t.Fatal(err)
	}
	resp := s.do(t, "PUT", "/v2/"+repo+"/manifests/"+tag, oci+"manifest.v1+json", bytes.NewReader(m))
	answered(t, resp, http.StatusCreated)
	return sum(layer)
}

func TestServeRegistryOverRestarts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	first := serveRegistry(t, "--dir", dir)
	layer := first.push(t, "rhosp13/openstack-base", "13.0-40", []byte("the layer"))
	if err := command(t, dir, "serve", "registry", "--addr", "127.0.0.1:0", "--dir", dir).Run(); err == nil {
		t.Error("two processes write to one directory")
	}
	reader := serveRegistry(t, "--dir", dir, "--read-only")
	first.stop(t)
	if first.stderr.Len() > 0 {
		t.Errorf("it prints errors: %s", first.stderr)
	}
	again := serveRegistry(t, "--dir", dir, "--no-delete")
	for s, refused := range map[*servedRegistry]int{again: http.StatusMethodNotAllowed, reader: http.StatusForbidden} {
		if got := s.want(t, 200, "GET", "/v2/_catalog"); got != `{"repositories":["rhosp13/openstack-base"]}` {
			t.Errorf("%s: the catalog is %s", s.cmd.Args, got)
		}
		if got := s.want(t, 200, "GET", "/v2/rhosp13/openstack-base/blobs/"+layer); got != "the layer" {
			t.Errorf("%s: the layer is %q", s.cmd.Args, got)
		}
		s.want(t, refused, "DELETE", "/v2/rhosp13/openstack-base/blobs/"+layer)
	}
	again.push(t, "more", "1", []byte("another layer"))
	again.stop(t)
	reader.stop(t)
}

// A killed registry can be started again on the same directory.
func TestServeRegistryKilled(t *testing.T) {
	dir := t.TempDir()
	s := serveRegistry(t, "--dir", dir)
	s.push(t, "kept", "1", []byte("the layer"))
	upload := s.do(t, "POST", "/v2/cut/blobs/uploads/", "", nil)
	answered(t, upload, http.StatusAccepted)
	answered(t, s.do(t, "PATCH", s.url+upload.Header.Get("Location"), "application/octet-stream", strings.NewReader("half")), http.StatusAccepted)
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	s.end(t)
	again := serveRegistry(t, "--dir", dir)
	if got := again.want(t, 200, "GET", "/v2/_catalog"); got != `{"repositories":["kept"]}` {
		t.Errorf("the catalog is %s", got)
	}
	again.want(t, 200, "GET", "/v2/kept/manifests/1")
	again.push(t, "cut", "1", []byte("half and half"))
	again.stop(t)
}

// On SIGTERM the registry takes no new requests and lets a running upload finish.
func TestServeRegistryStopsGracefully(t *testing.T) {
	dir := t.TempDir()
	s := serveRegistry(t, "--dir", dir)
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
	body, rest := io.Pipe()
	answer := make(chan *http.Response, 1)
	go func() {
		req, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/v2/a/blobs/uploads/?digest="+sum(data), body)
		if err != nil {
			t.Error(err)
		}
		req.Header.Set("Expect", "100-continue") // the client sends nothing before the server reads
		resp, err := s.client.Do(req)
		if err != nil {
			t.Error(err)
		}
		answer <- resp
	}()
	half := len(data) / 2
	if _, err := rest.Write(data[:half]); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitUntilRefused(t, s.url)
	if _, err := rest.Write(data[half:]); err != nil {
		t.Fatal(err)
	}
	_ = rest.Close() // closing a pipe never fails
	if resp := <-answer; resp != nil {
		answered(t, resp, http.StatusCreated)
	}
	if code := s.end(t); code != exitcode.Done {
		t.Errorf("it ended with %d: %s", code, s.stderr)
	}
	again := serveRegistry(t, "--dir", dir)
	if got := again.want(t, 200, "GET", "/v2/a/blobs/"+sum(data)); got != string(data) {
		t.Error("the blob is not whole")
	}
	again.stop(t)
}

// waitUntilRefused waits until the server no longer listens.
func waitUntilRefused(t *testing.T, url string) {
	t.Helper()
	_, addr, _ := strings.Cut(url, "://")
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		_ = conn.Close() // it only shows that the server still listens
		<-tick.C
	}
	t.Fatal("it still listens")
}

func TestServeRegistryToUsers(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("horse staple"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	users := write(t, dir, "users", "stack:"+string(hash)+"\n")
	cert, key, pool := certificate(t, dir)
	s := serveRegistry(t, "--htpasswd", users, "--tls-cert", cert, "--tls-key", key, "--access-log")
	if !strings.HasPrefix(s.url, "https://") {
		t.Errorf("it is on %s", s.url)
	}
	s.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	resp := s.do(t, "GET", "/v2/", "", nil)
	answered(t, resp, http.StatusUnauthorized)
	if got := resp.Header.Get("WWW-Authenticate"); got != `Basic realm="bayplan"` {
		t.Errorf("it asks for %q", got)
	}
	s.login = [2]string{"stack", "wrong"}
	s.want(t, http.StatusUnauthorized, "GET", "/v2/_catalog")
	s.login[1] = "horse staple"
	layer := s.push(t, "a", "1", bytes.Repeat([]byte("x"), 1<<20))
	if got := s.want(t, 200, "GET", "/v2/a/blobs/"+layer); len(got) != 1<<20 {
		t.Errorf("the layer has %d bytes", len(got))
	}
	// Plain HTTP gets the answer that this is TLS. Nothing asks for a login.
	plain := &servedRegistry{url: "http" + strings.TrimPrefix(s.url, "https"), client: http.DefaultClient}
	plain.want(t, http.StatusBadRequest, "GET", "/v2/")
	s.stop(t)

	log := s.stderr.String()
	for _, want := range []string{
		`(?m)^127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /v2/_catalog HTTP/[12]\.\d" 401 \d+ "-" "Go-http-client/[12]\.\d"$`,
		`(?m)^127\.0\.0\.1 - stack .* "PUT /v2/a/manifests/1 HTTP/[12]\.\d" 201 `,
		`(?m)^127\.0\.0\.1 - stack .* "GET /v2/a/blobs/` + layer + ` HTTP/[12]\.\d" 200 1048576 `,
	} {
		if !regexp.MustCompile(want).MatchString(log) {
			t.Errorf("no line matches %s:\n%s", want, log)
		}
	}
	if strings.Contains(log, "staple") {
		t.Errorf("the log shows a password:\n%s", log)
	}
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// certificate makes a certificate for 127.0.0.1 that only the returned pool trusts.
func certificate(t *testing.T, dir string) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pool.AppendCertsFromPEM(text)
	cert = write(t, dir, "cert.pem", string(text))
	key = write(t, dir, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	return cert, key, pool
}

func TestServeRegistryMistakes(t *testing.T) {
	dir := t.TempDir()
	cert, key, _ := certificate(t, dir)
	other := t.TempDir()
	_, otherKey, _ := certificate(t, other)
	clear := write(t, dir, "clear", "stack:horse staple\n")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	tests := map[string]struct {
		args []string
		code int
		want string
	}{
		"a certificate alone":    {[]string{"--tls-cert", cert}, exitcode.Usage, "--tls-cert and --tls-key go together"},
		"a key alone":            {[]string{"--tls-key", key}, exitcode.Usage, "go together"},
		"the key of another":     {[]string{"--tls-cert", cert, "--tls-key", otherKey}, exitcode.Failed, "private key does not match"},
		"no certificate":         {[]string{"--tls-cert", key, "--tls-key", key}, exitcode.Failed, "load the certificate key.pem with the key key.pem: "},
		"no such certificate":    {[]string{"--tls-cert", filepath.Join(dir, "none"), "--tls-key", key}, exitcode.Failed, "none"},
		"no such users":          {[]string{"--htpasswd", filepath.Join(dir, "none")}, exitcode.Failed, "reading the users: "},
		"a password in clear":    {[]string{"--htpasswd", clear}, exitcode.Failed, `line 1: the password of "stack" is not hashed with bcrypt`},
		"an unknown release":     {[]string{"--images", "rhosp99"}, exitcode.Usage, "rhosp99"},
		"an address in use":      {[]string{"--addr", taken.Addr().String()}, exitcode.Failed, "listen on " + taken.Addr().String()},
		"a directory of nothing": {[]string{"--dir", filepath.Join(cert, "sub")}, exitcode.Failed, "making the directory of the registry"},
		"an unknown flag":        {[]string{"--htpasswords", "x"}, exitcode.Usage, "htpasswords"},
		"an argument":            {[]string{"here"}, exitcode.Usage, `unexpected argument "here"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cmd := command(t, dir, append([]string{"serve", "registry"}, tt.args...)...)
			out, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != tt.code || !strings.Contains(string(out), tt.want) {
				t.Errorf("got %d, want %d and %q:\n%s", code, tt.code, tt.want, out)
			}
			if strings.Contains(string(out), "staple") {
				t.Errorf("it shows a password: %s", out)
			}
		})
	}
}
