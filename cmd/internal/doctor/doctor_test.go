package doctor

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/registryserver"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps"
	"github.com/bayplan/bayplan/steps/connections"
)

// A bench is a plan in a directory of its own, and how it is examined.
type bench struct {
	dir     string
	options Options
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return &bench{dir: t.TempDir(), options: Options{
		Version: "v0", Timeout: time.Minute,
		Proxy: func(*http.Request) (*url.URL, error) { return nil, nil },
	}}
}

// write makes a file beside the plan.
func (b *bench) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// secret makes the file of a password.
func (b *bench) secret(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, "password"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// open reads a plan, given without its first two lines.
func (b *bench) open(t *testing.T, text string) Options {
	t.Helper()
	b.write(t, "plan.yaml", "apiVersion: bayplan/v1\nname: test\n"+text)
	read, errs := plan.Load(t.Context(), filepath.Join(b.dir, "plan.yaml"), plan.Options{})
	if read == nil {
		t.Fatal(errs)
	}
	conns, more := connections.Connect(read)
	types := steps.Builtin(conns)
	graph, mistakes := runner.Check(read, types, errs...)
	if errs := append(append(errs, more...), mistakes...); len(errs) > 0 {
		t.Fatal(errs)
	}
	conns.Need(nil)
	conns.TolerateBrokenFiles()
	if err := conns.Open(true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conns.Close() })
	o := b.options
	o.Graph, o.Types, o.Conns, o.StateDir = graph, types, conns, filepath.Join(b.dir, ".bayplan", "test")
	return o
}

// examine gives the findings of all subjects whose name begins with a text, of one check,
// as "status: message; hint".
func (b *bench) examine(t *testing.T, text, subject, check string) []string {
	t.Helper()
	report, err := Examine(t.Context(), b.open(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return b.lines(report, subject, check)
}

func (b *bench) lines(r *Report, subject, check string) []string {
	var lines []string
	for _, s := range r.Subjects {
		for _, f := range s.Findings {
			if strings.HasPrefix(s.Name, subject) && f.Check == check {
				line := fmt.Sprintf("%s: %s; %s", f.Status, f.Message, f.Hint)
				lines = append(lines, strings.ReplaceAll(line, b.dir, "DIR"))
			}
		}
	}
	return lines
}

// has fails the test unless there is one finding, and it has these parts.
func has(t *testing.T, got []string, parts ...string) {
	t.Helper()
	if len(got) != 1 {
		t.Errorf("got %d findings: %q; want one with %q", len(got), got, parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(got[0], part) {
			t.Errorf("got %s\nwithout %q", got[0], part)
		}
	}
}

// serve starts a server on loopback and gives its host:port.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// sourceRegistry serves one image, src/a:1.
func sourceRegistry(t *testing.T) http.Handler {
	t.Helper()
	return registryOf(t, registryserver.Image{Repository: "src/a", Tags: []string{"1"}})
}

func registryOf(t *testing.T, images ...registryserver.Image) http.Handler {
	t.Helper()
	r, err := registryserver.New(registryserver.Config{Images: images, ReadOnly: len(images) > 0})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// copying is a plan that copies src/a:1 from one registry to another.
func copying(from, to string) string {
	return fmt.Sprintf(`connections:
  registries:
    from: { host: %q, tls: disabled }
    to: { host: %q, tls: disabled }
steps:
  copy: { type: mirror, with: { images: ["%s/src/a:1"], to: to } }
`, from, to, from)
}

// Nothing is wrong, and nothing is changed.
func TestAllIsWell(t *testing.T) {
	b := newBench(t)
	to := registryOf(t)
	changes := 0
	dst := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodDelete {
			changes++
		}
		to.ServeHTTP(w, r)
	}))
	src := serve(t, sourceRegistry(t))
	report, err := Examine(t.Context(), b.open(t, copying(src, dst)))
	if err != nil || report.Failed > 0 || report.Warnings > 0 {
		t.Fatalf("%v, %+v", err, report)
	}
	has(t, b.lines(report, "registry from", "read"), "ok: "+src+"/src/a:1; ")
	has(t, b.lines(report, "registry to", "push"), "ok: allowed to src/a; ")
	has(t, b.lines(report, "registry to", "login"), "ok: none is needed; ")
	has(t, b.lines(report, "registry from", "port"), "ok: on this host: doctor.test (pid ")
	has(t, b.lines(report, "this host", "clock"), "ok: agrees with 2 servers; ")
	has(t, b.lines(report, "disks", "space"), "free for DIR/.bayplan/test")
	files, err := os.ReadDir(b.dir)
	if err != nil || len(files) != 1 || changes != 0 {
		t.Errorf("%v, %v: files were made, or %d requests change something", files, err, changes)
	}
}

func TestText(t *testing.T) {
	r := newReport([]Subject{
		{"this host", []Finding{ok("version", "bayplan v0")}},
		{"nothing", nil},
		{"registry a", []Finding{ok("reach", "192.0.2.1:443 answers in 3 ms"), warn("tls", "renew it", "it ends soon"), fail("login", "check it", "refused")}},
	})
	for problems, want := range map[bool]string{
		false: `this host
  ok    version  bayplan v0
registry a
  ok    reach    192.0.2.1:443 answers in 3 ms
  warn  tls      it ends soon
                 hint: renew it
  fail  login    refused
                 hint: check it
2 ok, 1 warning, 1 failed
`,
		true: `registry a
  warn  tls      it ends soon
                 hint: renew it
  fail  login    refused
                 hint: check it
2 ok, 1 warning, 1 failed
`,
	} {
		var text strings.Builder
		if err := r.Write(&text, problems); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, text.String()); diff != "" {
			t.Errorf("problems %v: %s", problems, diff)
		}
	}
}

// A server inside the process needs nothing.
func TestEmbedded(t *testing.T) {
	got := newBench(t).examine(t, `connections:
  registries: { to: { host: "192.0.2.1:8787", tls: disabled, embedded: {} } }
  clouds: { c: { embedded: {} } }
steps:
  look: { type: verify-registry, with: { registry: to } }
  images: { type: verify-images, with: { cloud: c, expect: ["a@sha512:`+strings.Repeat("0", 128)+`"] } }
`, "", "reach")
	if len(got) != 2 {
		t.Errorf("got %q, want a line for both", got)
	}
	for _, line := range got {
		has(t, []string{line}, "ok: answers inside bayplan")
	}
}

func TestRegistry(t *testing.T) {
	answer := func(method, part string, status int) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if (method == "" || r.Method == method) && strings.Contains(r.URL.Path, part) {
					w.WriteHeader(status)
					return
				}
				next.ServeHTTP(w, r)
			})
		}
	}
	limited := func(left int) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("RateLimit-Limit", "100;w=21600")
				w.Header().Set("RateLimit-Remaining", fmt.Sprintf("%d;w=21600", left))
				next.ServeHTTP(w, r)
			})
		}
	}
	as := func(h http.Handler) http.Handler { return h }
	for name, tt := range map[string]struct {
		from, to       func(http.Handler) http.Handler
		subject, check string
		want           []string
	}{
		"an image that is not there": {answer("", "/manifests/", 404), as, "registry from", "read", []string{"fail: ", "/src/a:1: not found", "; check the name and the tag"}},
		"no right to read":           {answer("", "/manifests/", 403), as, "registry from", "read", []string{"fail: ", "has no right to it"}},
		"no right to push":           {as, answer("PATCH", "/src/a/", 403), "registry to", "push", []string{"fail: ", "there is no such repository, or an anonymous user has no right to it", "give "}},
		"read-only":                  {as, answer("PATCH", "/src/a/", 405), "registry to", "push", []string{"fail: ", "405 Method Not Allowed", "; give its connection a login that may push"}},
		"rights that are not told":   {as, answer("PATCH", "/src/a/", 400), "registry to", "push", []string{"ok: this registry tells only when something is pushed"}},
		"no registry":                {as, answer("GET", "/v2/", 404), "registry to", "login", []string{"fail: ", "it answers, but not as a container registry", "check host"}},
		"a login that is needed":     {as, answer("GET", "/v2/", 401), "registry to", "login", []string{"fail: ", "asks for credentials, and it is given none", "a user and a password"}},
		"no pulls left":              {limited(0), as, "registry from", "pulls", []string{"fail: 0 pulls are left of 100 in 6h; wait"}},
		"enough pulls":               {limited(50), as, "registry from", "pulls", []string{"ok: 50 pulls are left of 100 in 6h; "}},
	} {
		t.Run(name, func(t *testing.T) {
			src, dst := serve(t, tt.from(sourceRegistry(t))), serve(t, tt.to(registryOf(t)))
			has(t, newBench(t).examine(t, copying(src, dst), tt.subject, tt.check), tt.want...)
		})
	}
}

// keep_pulls, and more images than pulls.
func TestPulls(t *testing.T) {
	for name, tt := range map[string]struct {
		keep int
		want []string
	}{
		"kept": {5, []string{"fail: 2 pulls are left", "and keep_pulls is 5; wait, or lower keep_pulls"}},
		"few":  {0, []string{"warn: 2 pulls are left", "and the plan reads 3 images; wait, or log in"}},
	} {
		t.Run(name, func(t *testing.T) {
			next := registryOf(t, registryserver.Image{Repository: "src/a", Tags: []string{"1", "2", "3"}})
			src := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("RateLimit-Remaining", "2;w=60")
				next.ServeHTTP(w, r)
			}))
			b := newBench(t)
			b.write(t, "images.txt", fmt.Sprintf("%[1]s/src/a:1\n%[1]s/src/a:2\n%[1]s/src/a:3\n", src))
			keep := ""
			if tt.keep > 0 {
				keep = fmt.Sprintf(", keep_pulls: %d", tt.keep)
			}
			got := b.examine(t, fmt.Sprintf(`connections:
  registries: { from: { host: %q, tls: disabled%s } }
steps:
  copy: { type: mirror, with: { images: images.txt, to: { layout: out } } }
`, src, keep), "registry from", "pulls")
			has(t, got, tt.want...)
		})
	}
}

// A login is tried, and never shown.
func TestRegistryLogin(t *testing.T) {
	next := registryOf(t)
	guarded := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "right-password" {
			w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	}))
	text := fmt.Sprintf(`secrets: { p: { file: password } }
connections:
  registries: { to: { host: %q, tls: disabled, user: stack, password: "${secrets.p}" } }
steps:
  look: { type: verify-registry, with: { registry: to } }
`, guarded)
	for password, want := range map[string]string{"right-password": "ok: accepted", "wrong-password": "refuses the credentials of user \"stack\"; check user and password"} {
		b := newBench(t)
		b.secret(t, password)
		report, err := Examine(t.Context(), b.open(t, text))
		if err != nil {
			t.Fatal(err)
		}
		has(t, b.lines(report, "registry to", "login"), want)
		has(t, b.lines(report, "registry to", "tls"), "warn: plain HTTP: the login crosses the network in the clear")
		if all := fmt.Sprint(report); strings.Contains(all, password) {
			t.Errorf("the password is shown: %s", all)
		}
	}
}
