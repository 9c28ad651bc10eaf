package connections

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// connected decodes these connections. The mistakes are "line:column: message [hint]".
func connected(t *testing.T, connections string) (*Set, *plan.Plan, []string) {
	t.Helper()
	src := "apiVersion: bayplan/v1\nname: p\nsecrets: { s: { env: PATTERN_TEST_PASSWORD } }\nsteps: { d: { type: mkdir } }\nconnections:\n" + connections
	p, errs := plan.Parse("/plans/p.yaml", []byte(src), plan.Options{})
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	s, errs := Connect(p)
	var found []string
	for _, e := range errs {
		found = append(found, strings.TrimPrefix(e.Error(), "/plans/p.yaml:")+" ["+e.Hint+"]")
	}
	return s, p, found
}

func TestPatternMistakes(t *testing.T) {
	_, _, got := connected(t, `  registries:
    all: { host: "*" }
    part: { host: "edge-*.example.com" }
    a: { host: "*.b.com" }
    b: { host: "a.*.com" }
    c: { host: "*.B.com:443" }
    closer: { host: "*.*.com" }
    other_port: { host: "a.*.com:5000" }
    exact: { host: a.b.com }
  hosts:
    a: { host: "*.b.com" }
    b: { host: "a.*.com" }
    plain: { host: "*.b.com", tls: disabled }
`)
	want := []string{
		"7:18: a * alone would stand for every host []",
		"8:19: \"edge-*.example.com\": a * stands for a whole part between dots []",
		"10:16: some hosts match \"*.b.com\" of a and \"a.*.com\" of b equally well [give these hosts a connection of their own kind, with more of the name written out]",
		"11:16: the registries a and c have the same host \"*.B.com:443\", also called \"*.b.com\" []",
		"17:16: some hosts match \"*.b.com\" of a and \"a.*.com\" of b equally well [give these hosts a connection of their own kind, with more of the name written out]",
		"18:20: the hosts a and plain have the same host \"*.b.com\" []",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestHostsInPlaceOfConnections(t *testing.T) {
	s, p, mistakes := connected(t, `  registries:
    centre: { host: registry.example.com }
    edge: { host: "registry.*.example.com:5000" }
    unused: { host: "*.example.net" }
    localhost: { host: "192.0.2.1:5000" }
  hosts:
    files: { host: "files.*.example.com" }
`)
	if mistakes != nil {
		t.Fatal(mistakes)
	}
	tests := []struct{ name, host, wrong, hint string }{
		{"centre", "registry.example.com", "", ""},
		{"Registry.Edge1.example.com:5000", "registry.edge1.example.com:5000", "", ""},
		{"127.0.0.1:5000", "127.0.0.1:5000", "", ""},
		{"localhost", "192.0.2.1:5000", "", ""}, // a connection that was named so before hosts could stand here
		{"edge", "registry.*.example.com:5000", `the registry "edge" stands for all hosts that match registry.*.example.com:5000`, "write one of these hosts in place of the name"},
		{"a.example.com/x", "", `"a.example.com/x" is not a host or host:port`, ""},
		{"center", "", `there is no registry "center" under connections.registries`, "did you mean centre?"},
	}
	for _, tt := range tests {
		host, err := s.RegistryHost(tt.name)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tt.wrong || fault.Hint(err) != tt.hint || tt.wrong == "" && host != tt.host {
			t.Errorf("%s: %s, %s (%s)", tt.name, host, got, fault.Hint(err))
		}
	}
	asked := []runner.Asked{
		{Server: runner.Server{Kind: runner.RegistryServer, Hosts: []string{"registry.edge1.example.com:5000", "registry.example.com"}}},
		{Server: runner.Server{Kind: runner.RegistryServer, Hosts: []string{"localhost"}}},
		{Server: runner.Server{Kind: runner.WebServer, Hosts: []string{"files.edge1.example.com"}}},
	}
	var warned []string
	for _, w := range s.Unused(p, asked) {
		warned = append(warned, w.Msg)
	}
	if diff := cmp.Diff([]string{`no step uses the registry "unused"`}, warned); diff != "" {
		t.Errorf("warnings, -want +got:\n%s", diff)
	}
	if at := s.ServerAt(runner.RegistryServer, "registry.edge1.example.com:5000"); at.Name != "edge" || at.URL != "https://registry.edge1.example.com:5000/v2/" {
		t.Errorf("server: %+v", at)
	}
}

// A connection's user and address are those of every host that matches its pattern, and no
// other host is shown the password.
func TestLoginByPattern(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth()
		mu.Lock()
		seen[r.Host+" "+user+" "+password] = true
		mu.Unlock()
		if !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(`{"name":"a","tags":["` + strings.ReplaceAll(r.Host, ":", "-") + `"]}`))
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	t.Setenv("PATTERN_TEST_PASSWORD", "hunter2")
	s, _, mistakes := connected(t, `  registries:
    edge: { host: "registry.*.example.com:5000", tls: disabled, address: "`+address+`", user: push, password: "${secrets.s}" }
    other: { host: "registry.edge3.example.com:5000", tls: disabled, address: "`+address+`" }
`)
	if mistakes != nil {
		t.Fatal(mistakes)
	}
	if err := s.Open(false); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for host, want := range map[string]string{"registry.edge1.example.com:5000": "", "Registry.edge2.example.com:5000": "", "registry.edge3.example.com:5000": "login"} {
		tags, err := s.Registry().Tags(t.Context(), host+"/a")
		if good := err == nil && len(tags) == 1 && tags[0] == strings.ReplaceAll(strings.ToLower(host), ":", "-"); good != (want == "") {
			t.Errorf("%s: %q, %v (%v)", host, tags, err, registry.KindOf(err))
		}
	}
	mu.Lock()
	defer mu.Unlock()
	want := map[string]bool{
		"registry.edge1.example.com:5000  ": true, "registry.edge1.example.com:5000 push hunter2": true,
		"registry.edge2.example.com:5000  ": true, "registry.edge2.example.com:5000 push hunter2": true,
		"registry.edge3.example.com:5000  ": true,
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("requests, -want +got:\n%s", diff)
	}
}

// Each host of a pattern has an embedded registry of its own, in a directory of its own.
func TestEmbeddedByPattern(t *testing.T) {
	dir := t.TempDir()
	s, _, mistakes := connected(t, `  registries:
    edge: { host: "*.example.com:5000", embedded: { dir: "`+dir+`" } }
  hosts:
    files: { host: "*.example.com", embedded: { dir: "`+dir+`" } }
`)
	if mistakes != nil {
		t.Fatal(mistakes)
	}
	if err := s.Open(false); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for _, host := range []string{"a", "b", "a", "b", "a", "b"} {
		wait.Go(func() {
			if names, err := s.Registry().Catalog(t.Context(), host+".example.com:5000"); err != nil || len(names) > 0 {
				t.Errorf("%s: %v, %v", host, names, err)
			}
		})
	}
	wait.Wait()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"a.example.com_5000", "b.example.com_5000"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Registry().Catalog(t.Context(), "a.b.example.com:5000"); err == nil {
		t.Error("two labels match one *")
	}
}
