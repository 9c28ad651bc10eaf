package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/bayplan/bayplan/cmd/internal/exitcode"
	"github.com/bayplan/bayplan/internal/cloudserver"
)

// The secrets of the set-ups. The password has characters that every encoding changes.
const (
	testPassword = `s3cr3t"pa<ss>w&rd/ö+x`
	testToken    = "gAAAAABl-token-of-the-service_0123456789"
	testSig      = "c2lnbmF0dXJl/of+the=url"
)

// spellings are the ways in which a server repeats a secret.
var spellings = map[string]func(string) string{
	"raw":     func(s string) string { return s },
	"quoted":  strconv.Quote,
	"JSON":    func(s string) string { b, _ := json.Marshal(s); return strings.Trim(string(b), `"`) },
	"HTML":    html.EscapeString,
	"query":   url.QueryEscape,
	"path":    url.PathEscape,
	"hex":     func(s string) string { return hex.EncodeToString([]byte(s)) },
	"base64":  func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"URL64":   func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"Basic":   func(s string) string { return base64.StdEncoding.EncodeToString([]byte("admin:" + s)) },
	"Basic64": func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte("admin:" + s)) },
	"percent": func(s string) string {
		var out strings.Builder
		for _, b := range []byte(s) {
			fmt.Fprintf(&out, "%%%02X", b)
		}
		return out.String()
	},
}

// An echo is a server that repeats secrets.
type echo struct {
	mu    sync.Mutex
	spell func(string) string
	form  string // how the error is written
	code  int
	asked int // requests that were answered with a secret
}

// say answers with a secret in the body and in headers.
func (e *echo) say(w http.ResponseWriter, secrets ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked++
	var said []string
	for _, s := range secrets {
		said = append(said, e.spell(s))
	}
	text := "no access with " + strings.Join(said, " and ")
	inJSON, _ := json.Marshal(text)
	body := map[string]string{
		"text": text,
		"html": "<html><title>403</title><body>" + text + "</body></html>",
		"json": fmt.Sprintf(`{"errors":[{"code":"DENIED","message":%s}],"message":%s,"error":{"message":%s}}`, inJSON, inJSON, inJSON),
		"long": strings.Repeat("x", 280) + " " + text, // an error is cut after 300 or 400 characters
	}[e.form]
	header := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, text)
	for _, name := range []string{"Docker-Content-Digest", "Warning", "X-Error", "Content-Range", "Content-Type"} {
		w.Header().Set(name, header)
	}
	w.WriteHeader(e.code)
	_, _ = io.WriteString(w, body)
}

// No secret that a server repeats leaves the process, in any spelling.
func TestRepeatedSecrets(t *testing.T) {
	for name, setup := range map[string]func(*testing.T, *echo) string{
		"registry": registryEcho, "token service": tokenEcho, "token": bearerEcho,
		"identity service": keystoneEcho, "image service": glanceEcho, "web server": downloadEcho,
	} {
		t.Run(name, func(t *testing.T) {
			e := &echo{}
			dir := t.TempDir()
			file := filepath.Join(dir, "bayplan.yaml")
			writeFile(t, file, setup(t, e))
			writeFile(t, filepath.Join(dir, "x.raw"), strings.Repeat("\x00", 4096))
			t.Setenv("TEST_PASSWORD", testPassword)
			forms := []string{"text", "html", "json", "long"}
			for i, kind := range slices.Sorted(maps.Keys(spellings)) {
				spell := spellings[kind]
				for j, form := range forms {
					if kind != "raw" && j != i%len(forms) {
						continue
					}
					e.spell, e.form, e.code, e.asked = spell, form, map[bool]int{true: 403, false: 400}[form == "html"], 0
					tryAll(t, dir, file, form+" "+kind)
					if e.asked == 0 {
						t.Fatal("no request was answered with a secret")
					}
				}
			}
		})
	}
}

// tryAll runs every command on a plan and searches all that it leaves for secrets.
func tryAll(t *testing.T, dir, file, name string) {
	t.Helper()
	page := filepath.Join(dir, ".bayplan", "page.html") // beside what else is searched
	commands := [][]string{{"apply"}, {"apply", "--json"}, {"report", "-o", page}, {"history"}, {"status"}, {"verify"}}
	if strings.HasPrefix(name, "text") {
		commands = append(commands, []string{"status", "--json"}, []string{"history", "--json"}, []string{"diff", "--json"}, []string{"why", "x"}, []string{"lock"})
	}
	for _, args := range commands {
		var out, errs bytes.Buffer
		p := newProgram(&out, &errs)
		p.Dir = dir
		p.run(append([]string{"bayplan", args[0], "-f", file}, args[1:]...))
		searchSecrets(t, name+": "+strings.Join(args, " ")+": stdout", out.String())
		searchSecrets(t, name+": "+strings.Join(args, " ")+": stderr", errs.String())
	}
	err := filepath.WalkDir(filepath.Join(dir, ".bayplan"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		searchSecrets(t, name+": "+path, string(b))
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// The signature in an address goes to no other host and into no file, and the address
// that is changed is still known to be another one.
func TestSignedAddress(t *testing.T) {
	var referers []string
	store := serve(t, func(w http.ResponseWriter, r *http.Request) {
		referers = append(referers, r.Referer())
		w.Header().Set("ETag", `"1"`)
		_, _ = io.WriteString(w, "content of "+r.URL.Path)
	})
	front := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, store.URL+r.URL.Path+"?X-Amz-Signature="+url.QueryEscape(testToken), http.StatusTemporaryRedirect)
	})
	dir := t.TempDir()
	file := filepath.Join(dir, "bayplan.yaml")
	run := func(args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		p := newProgram(&out, &errs)
		p.Dir = dir
		if code := p.run(append([]string{"bayplan", args[0], "-f", file}, args[1:]...)); code != exitcode.Done {
			t.Errorf("%s exits with %d: %s", args, code, errs.String())
		}
		searchSecrets(t, args[0], out.String()+errs.String())
		return out.String()
	}
	write := func(address string) {
		writeFile(t, file, fmt.Sprintf("apiVersion: bayplan/v1\nname: s\nsteps: { x: { type: fetch, with: { url: %q, to: f } } }\n", address))
	}
	write(front.URL + "/f?sig=" + url.QueryEscape(testSig))
	tryAll(t, dir, file, "signed")
	if !strings.Contains(run("diff"), "0 to change, 1 unchanged") || !strings.Contains(run("status", "--json"), "with.url") {
		t.Error("the file is not unchanged, or its address is not recorded")
	}
	if len(referers) == 0 || strings.Join(referers, "") != "" {
		t.Errorf("the other host is told %q", referers)
	}
	write(front.URL + "/f?sig=another")
	if got := run("why", "x"); !strings.Contains(got, "input with.url: [redacted] pbkdf2-hmac-sha256:") {
		t.Errorf("why tells\n%s", got)
	}
}

// searchSecrets searches a text for secrets in all spellings, and for what JSON makes
// of these.
func searchSecrets(t *testing.T, where, text string) {
	t.Helper()
	for _, secret := range []string{testPassword, testToken, testSig} {
		for kind, spell := range spellings {
			said := spell(secret)
			inJSON, _ := json.Marshal(said)
			for _, form := range []string{said, strings.Trim(string(inJSON), `"`), said[:len(said)*2/3]} {
				if strings.Contains(text, form) {
					t.Errorf("%s has %q (%s) in\n%s", where, form, kind, text)
					return
				}
			}
		}
	}
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func hostOf(s *httptest.Server) string { return s.Listener.Addr().String() }

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

const registryPlan = `apiVersion: bayplan/v1
name: echo
secrets: { p: { env: TEST_PASSWORD } }
connections: { registries: { r: { host: "%[1]s", tls: disabled, user: admin, password: "${secrets.p}" } } }
steps: { x: { type: mirror, with: { images: ["%[1]s/ns/app:1"], to: { layout: media } } } }
`

// registryEcho repeats the password of a login.
func registryEcho(t *testing.T, e *echo) string {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, password, ok := r.BasicAuth()
		if !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		e.say(w, password)
	})
	return fmt.Sprintf(registryPlan, hostOf(s))
}

// tokenEcho repeats the password where a token is asked for.
func tokenEcho(t *testing.T, e *echo) string {
	var s *httptest.Server
	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			_, password, _ := r.BasicAuth()
			e.say(w, password, r.Header.Get("Authorization"))
			return
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+hostOf(s)+`/token",service="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	return fmt.Sprintf(registryPlan, hostOf(s))
}

// bearerEcho gives a token, and repeats it.
func bearerEcho(t *testing.T, e *echo) string {
	var s *httptest.Server
	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/token":
			_, _ = fmt.Fprintf(w, `{"token":%q}`, testToken)
		case r.Header.Get("Authorization") == "":
			w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+hostOf(s)+`/token",service="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		default:
			e.say(w, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		}
	})
	return fmt.Sprintf(registryPlan, hostOf(s))
}

const cloudPlan = `apiVersion: bayplan/v1
name: echo
connections: { clouds: { c: { cloud: c } } }
steps: { x: { type: glance-upload, with: { cloud: c, images: [{ name: x, file: x.raw, disk_format: raw }] } } }
`

func cloudsFile(t *testing.T, authURL string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "clouds.yaml")
	writeFile(t, file, fmt.Sprintf("clouds: { c: { auth: { auth_url: %q, username: admin, password: '%s', project_name: admin, user_domain_name: Default, project_domain_name: Default } } }\n", authURL, testPassword))
	t.Setenv("OS_CLIENT_CONFIG_FILE", file)
}

// keystoneEcho repeats the password of a login.
func keystoneEcho(t *testing.T, e *echo) string {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			_, _ = io.WriteString(w, `{"version":{"id":"v3.14","status":"stable","links":[]}}`)
			return
		}
		body, _ := io.ReadAll(r.Body)
		var said struct {
			Auth struct {
				Identity struct {
					Password struct{ User struct{ Password string } }
				}
			}
		}
		_ = json.Unmarshal(body, &said)
		e.say(w, said.Auth.Identity.Password.User.Password)
	})
	cloudsFile(t, s.URL+"/v3")
	return cloudPlan
}

// glanceEcho repeats the token of the identity service.
func glanceEcho(t *testing.T, e *echo) string {
	cloud, err := cloudserver.New(cloudserver.Config{User: "admin", Password: testPassword, Project: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "/v2/images") {
			w = tokenWriter{w}
			if r.Header.Get("X-Auth-Token") == testToken {
				r.Header.Set("X-Auth-Token", "")
			}
			cloud.ServeHTTP(w, r)
			return
		}
		e.say(w, r.Header.Get("X-Auth-Token"))
	})
	cloudsFile(t, s.URL+"/v3")
	return cloudPlan
}

// A tokenWriter gives the token of this test in place of the cloud's.
type tokenWriter struct{ http.ResponseWriter }

func (w tokenWriter) WriteHeader(code int) {
	if w.Header().Get("X-Subject-Token") != "" {
		w.Header().Set("X-Subject-Token", testToken)
	}
	w.ResponseWriter.WriteHeader(code)
}

// downloadEcho repeats the password and the signature of an address.
func downloadEcho(t *testing.T, e *echo) string {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		e.say(w, password, r.URL.Query().Get("sig"))
	})
	return fmt.Sprintf(`apiVersion: bayplan/v1
name: echo
secrets: { p: { env: TEST_PASSWORD } }
connections: { hosts: { h: { host: "%[1]s", tls: disabled, user: admin, password: "${secrets.p}" } } }
steps: { x: { type: fetch, with: { url: "http://%[1]s/f?part=1&sig=%[2]s", to: f } } }
`, hostOf(s), url.QueryEscape(testSig))
}
