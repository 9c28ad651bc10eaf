package connections

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
)

// connect opens the registry connections that are given as lines of a plan.
func connect(t *testing.T, lines string) (*Set, error) {
	t.Helper()
	src := "apiVersion: bayplan/v1\nname: p\nsecrets: { p: { env: P } }\nconnections:\n  registries:\n" + lines + "steps: { d: { type: mkdir } }\n"
	p, errs := plan.Parse("p.yaml", []byte(src), plan.Options{})
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	out, errs := Connect(p)
	if err := errs.Err(); err != nil {
		return nil, err
	}
	if err := out.Open(true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = out.Close() })
	return out, nil
}

// However a registry is spelled in a connection, a reference and a file of logins, its
// requests go to the address of the connection, with its login.
func TestOneIdentity(t *testing.T) {
	tests := map[string]struct{ host, image, login string }{
		"Docker Hub by its old name":        {"index.docker.io", "index.docker.io/library/busybox:1.36", "https://index.docker.io/v1/"},
		"Docker Hub by two names":           {"registry-1.docker.io", "docker.io/busybox:1.36", "docker.io"},
		"Docker Hub by its name as website": {"docker.io", "registry.hub.docker.com/library/busybox:1", "index.docker.io"},
		"letter case":                       {"Registry.Example", "registry.example/a:1", "REGISTRY.example"},
		"a dot at the end":                  {"registry.example", "registry.example./a:1", "registry.example."},
		"the default port in the image":     {"registry.example", "registry.example:80/a:1", "registry.example"},
		"the default port of the host":      {"registry.example:80", "registry.example/a:1", "http://registry.example/v2/"},
		"IPv6":                              {"[2001:db8:0::1]:5000", "[2001:DB8::1]:5000/a:1", "[2001:db8::1]:5000"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			address, shown := askedAs(t)
			file := filepath.Join(t.TempDir(), "auth.json")
			basic := base64.StdEncoding.EncodeToString([]byte("u:p"))
			if err := os.WriteFile(file, fmt.Appendf(nil, `{"auths":{%q:{"auth":%q}}}`, tt.login, basic), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("REGISTRY_AUTH_FILE", file)
			out, err := connect(t, fmt.Sprintf("    a: { host: %q, address: %q, tls: disabled, login: config }\n", tt.host, address))
			if err != nil {
				t.Fatal(err)
			}
			_, imageErr := out.Registry().Resolve(t.Context(), tt.image)
			if diff := cmp.Diff([]string{"Basic " + basic}, slices.Compact(*shown)); diff != "" {
				t.Errorf("asked for an image (-want +got):\n%s\n%v", diff, imageErr)
			}
			host, _, _ := strings.Cut(tt.image, "/")
			*shown = nil
			_, pingErr := out.Registry().Ping(t.Context(), host)
			if len(*shown) == 0 {
				t.Errorf("the ping was asked without the login: %v", pingErr)
			}
			if !out.Insecure(host) {
				t.Errorf("%s is not known to be insecure", host)
			}
		})
	}
}

// Another registry that has part of the name gets neither the address nor the login.
func TestOtherIdentity(t *testing.T) {
	address, shown := askedAs(t)
	t.Setenv("P", "hunter2")
	out, err := connect(t, fmt.Sprintf("    a: { host: registry.example, address: %q, tls: disabled, user: u, password: \"${secrets.p}\" }\n", address))
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range []string{"registry.example:443/a:1", "www.registry.example/a:1"} {
		if _, err := out.Registry().Resolve(t.Context(), image); err == nil || len(*shown) > 0 {
			t.Errorf("%s: %v, shown %v", image, err, *shown)
		}
	}
}

func TestConnectionsOfOneRegistry(t *testing.T) {
	tests := map[string]struct{ a, b, want string }{
		"Docker Hub":   {"host: docker.io", "host: index.docker.io", `have the same host "index.docker.io", also called "docker.io"`},
		"default port": {"host: r.example", "host: 'R.example:443'", `have the same host "R.example:443", also called "r.example"`},
		"without TLS":  {"host: 'r.example:80', tls: disabled", "host: r.example, tls: disabled", `have the same host "r.example"`},
		"two ports":    {"host: r.example", "host: 'r.example:80', tls: disabled", ""},
	}
	for name, tt := range tests {
		_, err := connect(t, fmt.Sprintf("    a: { %s }\n    b: { %s }\n", tt.a, tt.b))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A lock file that spells a registry in another way still locks its images, and keeps
// its spelling.
func TestOldNamesInLockFile(t *testing.T) {
	sum := "sha256:" + strings.Repeat("a", 64)
	file := filepath.Join(t.TempDir(), "lock.yaml")
	text := "images:\n  R.example:443/a:1: " + sum + "\n  registry.hub.docker.com/library/b:1: " + sum + "\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	lock, err := ReadTagLock(file)
	if err != nil {
		t.Fatal(err)
	}
	out, err := connect(t, "    a: { host: r.example }\n")
	if err != nil {
		t.Fatal(err)
	}
	out.UseTagLock(lock)
	for _, image := range []string{"r.example/a:1", "R.EXAMPLE/a:1", "docker.io/b:1", "index.docker.io/library/b:1"} {
		if got, err := out.Resolve(t.Context(), image); got != sum || err != nil {
			t.Errorf("%s: got %q, %v", image, got, err)
		}
	}
	out.Record("docker.io/b:1", sum)
	lock.Prune()
	if changes := lock.Changes(); len(changes) > 0 {
		t.Errorf("changes %v", changes)
	}
}

// A request about a whole registry shows the login for one of its repositories where
// there is no other, and first that of a repository which has been asked for.
func TestLoginsOfRepositoriesAlone(t *testing.T) {
	basic := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	ask := map[string]func(*Set, string) error{
		"ping": func(s *Set, host string) error { _, err := s.Registry().Ping(t.Context(), host); return err },
		"ping about a repository": func(s *Set, host string) error {
			_, err := s.Registry().Ping(t.Context(), host, "ops/x")
			return err
		},
		"catalog": func(s *Set, host string) error { _, err := s.Registry().Catalog(t.Context(), host); return err },
		"catalog after an image": func(s *Set, host string) error {
			_, _ = s.Registry().Resolve(t.Context(), host+"/ops/x:1")
			_, err := s.Registry().Catalog(t.Context(), host)
			return err
		},
	}
	for name, want := range map[string]string{"ping": "lab:1", "catalog": "lab:1", "ping about a repository": "ops:2", "catalog after an image": "ops:2"} {
		host, shown := askedAs(t)
		file := filepath.Join(t.TempDir(), "auth.json")
		text := fmt.Sprintf(`{"auths":{%q:{"auth":%q},%q:{"auth":%q}}}`, host+"/lab", basic("lab:1"), host+"/ops", basic("ops:2"))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("REGISTRY_AUTH_FILE", file)
		out, err := connect(t, fmt.Sprintf("    a: { host: %q, tls: disabled, login: config }\n", host))
		if err != nil {
			t.Fatal(err)
		}
		err = ask[name](out, host)
		if len(*shown) == 0 || (*shown)[len(*shown)-1] != "Basic "+basic(want) {
			t.Errorf("%s: shown %v, want %s; %v", name, *shown, basic(want), err)
		}
	}
}

// A credential helper does not see the variables of the plan's secrets.
func TestHelpersSeeNoSecrets(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\nprintf '{\"Username\":\"u\",\"Secret\":\"<%s>\"}' \"$P\"\n"
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-env"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "auth.json")
	if err := os.WriteFile(file, []byte(`{"credsStore":"env"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("REGISTRY_AUTH_FILE", file)
	t.Setenv("P", "hunter2")
	host, shown := askedAs(t)
	out, err := connect(t, fmt.Sprintf("    a: { host: %q, tls: disabled, login: config }\n    b: { host: b.example, user: u, password: \"${secrets.p}\" }\n", host))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = out.Registry().Resolve(t.Context(), host+"/a:1")
	if want := "Basic " + base64.StdEncoding.EncodeToString([]byte("u:<>")); len(*shown) == 0 || (*shown)[0] != want {
		t.Errorf("shown %v, want %s", *shown, want)
	}
}

// All names of a registry are one: spellings, and a host that another connection has for its address.
// Two hosts behind one address may be two registries.
func TestRegistryIdentity(t *testing.T) {
	out, err := connect(t, `    a: { host: "127.0.0.1:5000", tls: disabled }
    b: { host: r2.example.com, address: "127.0.0.1:5000", tls: disabled }
    c: { host: one.example.com, address: "192.0.2.1:443" }
    d: { host: two.example.com, address: "192.0.2.1:443" }
`)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"r2.example.com", "127.0.0.1:5000", true},
		{"R2.Example.com", "127.0.0.1:5000", true},
		{"one.example.com:443", "One.Example.com", true},
		{"one.example.com", "two.example.com", false},
		{"quay.io:443", "quay.io", true},
		{"docker.io", "index.docker.io", true},
	} {
		if got := out.RegistryIdentity(tt.a) == out.RegistryIdentity(tt.b); got != tt.same {
			t.Errorf("%s is %s: %t", tt.a, tt.b, got)
		}
	}
}
