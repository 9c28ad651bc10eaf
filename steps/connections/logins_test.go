package connections

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
)

// askedAs serves a registry that asks for a login, and gives its host and what
// it was shown.
func askedAs(t *testing.T) (host string, shown *[]string) {
	t.Helper()
	shown = &[]string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if auth := r.Header.Get("Authorization"); auth != "" {
			*shown = append(*shown, auth)
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), shown
}

// Credentials of podman and docker are shown to the hosts of connections that
// say so, and to no others; what a connection itself holds comes first.
func TestLogins(t *testing.T) {
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	tests := map[string]struct{ connection, want string }{
		"login: config":             {`login: config`, basic("file:ns")},
		"nothing":                   {``, ""},
		"a user of its own":         {`login: config, user: u, password: "${secrets.p}"`, basic("u:hunter2")},
		"a token of its own":        {`login: config, token: "${secrets.p}"`, "Bearer hunter2"},
		"a user, no login: config":  {`user: u, password: "${secrets.p}"`, basic("u:hunter2")},
		"no connection for it":      {"-", ""},
		"only one of another host":  {"other", ""},
		"an unlisted port's login":  {"other port", ""},
		"a token, no login: config": {`token: "${secrets.p}"`, "Bearer hunter2"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			host, shown := askedAs(t)
			auths := map[string]any{"auths": map[string]any{
				host:         map[string]string{"auth": strings.TrimPrefix(basic("file:host"), "Basic ")},
				host + "/ns": map[string]string{"auth": strings.TrimPrefix(basic("file:ns"), "Basic ")},
			}}
			b, err := json.Marshal(auths)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "auth.json")
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("REGISTRY_AUTH_FILE", file)
			t.Setenv("P", "hunter2")
			named := host
			switch tt.connection {
			case "-", "other":
				named = "192.0.2.1:8787"
			case "other port":
				ip, _, _ := net.SplitHostPort(host)
				named = ip + ":1"
			}
			settings := strings.Trim(tt.connection, "-")
			if strings.HasPrefix(settings, "other") {
				settings = "login: config"
			}
			src := fmt.Sprintf("apiVersion: bayplan/v1\nname: p\nsecrets: { p: { env: P } }\nconnections:\n  registries:\n    a: { host: %q, tls: disabled, %s }\nsteps: { d: { type: mkdir } }\n", named, settings)
			p, errs := plan.Parse("p.yaml", []byte(src), plan.Options{})
			out, more := Connect(p)
			if err := append(errs, more...).Err(); err != nil {
				t.Fatal(err)
			}
			if err := out.Open(true); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = out.Close() })
			_, err = out.Registry().Resolve(t.Context(), host+"/ns/app:1")
			if err == nil {
				t.Error("no error")
			}
			var want []string
			if tt.want != "" {
				want = []string{tt.want}
			}
			if diff := cmp.Diff(want, slices.Compact(*shown), cmp.Transformer("nil", func(s []string) string { return strings.Join(s, ",") })); diff != "" {
				t.Errorf("shown (-want +got):\n%s\n%v", diff, err)
			}
		})
	}
}

// What is embedded knows no users: the secrets of a login for it are not read,
// and its diff, which may write nothing, is not asked for rights.
func TestEmbeddedNeedsNoLogin(t *testing.T) {
	src := "apiVersion: bayplan/v1\nname: p\nsecrets: { p: { env: BAYPLAN_TEST_UNSET } }\nconnections:\n  registries:\n" +
		"    a: { host: \"192.0.2.1:8787\", user: stack, password: \"${secrets.p}\", embedded: { images: rhosp13 } }\nsteps: { d: { type: mkdir } }\n"
	p, errs := plan.Parse("p.yaml", []byte(src), plan.Options{})
	out, more := Connect(p)
	if err := append(errs, more...).Err(); err != nil {
		t.Fatal(err)
	}
	if err := out.Open(true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = out.Close() })
	if names, err := out.Registry().Catalog(t.Context(), "192.0.2.1:8787"); err != nil || len(names) < 45 {
		t.Errorf("%d repositories, %v", len(names), err)
	}
}
