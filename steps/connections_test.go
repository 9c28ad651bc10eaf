package steps

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

func TestRegistryConnectionMistakes(t *testing.T) {
	tests := map[string]struct {
		text string
		want []string
	}{
		"all there is": {
			`{ host: h, ca: ca.pem, cert: c.pem, key: k.pem, token: "${secrets.t}", realms: ["auth.h:8443", "[::1]:5000"], rate: 20, bandwidth: 10MiB, login: config }`, nil,
		},
		"an unknown place of credentials":    {`{ host: h, login: netrc }`, []string{`6:27: "netrc" is not config`}},
		"a certificate without a key":        {`{ host: h, cert: c.pem }`, []string{`6:26: cert and key go together`}},
		"a key without a certificate":        {`{ host: h, key: c.pem }`, []string{`6:10: cert and key go together`}},
		"a token and a user":                 {`{ host: h, user: u, password: "${secrets.t}", token: "${secrets.t}" }`, []string{`6:63: give either a token or user and password`}},
		"a token that is written out":        {`{ host: h, token: hunter2 }`, []string{`6:27: `}},
		"a realm that is an address":         {`{ host: h, realms: ["a", "https://b/token"] }`, []string{`6:34: "https://b/token" holds a scheme; write the host alone`}},
		"an empty realm":                     {`{ host: h, realms: [""] }`, []string{`6:29: an empty host`}},
		"a rate that is too low":             {`{ host: h, rate: -1 }`, []string{`6:26: -1 is not from 1 to 100000`}},
		"a bandwidth without a unit":         {`{ host: h, bandwidth: "10" }`, []string{`6:31: "10" is not a number of bytes such as 10MiB`}},
		"a bandwidth in a unit there is not": {`{ host: h, bandwidth: 10Mbit }`, []string{`6:31: "10Mbit" is not a number of bytes such as 10MiB`}},
		"no bandwidth at all":                {`{ host: h, bandwidth: 0MiB }`, []string{`6:31: "0MiB" is not a number of bytes such as 10MiB`}},
		"less than none":                     {`{ host: h, bandwidth: -1MiB }`, []string{`6:31: "-1MiB" is not a number of bytes such as 10MiB`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := mistakes(t, "  registries:\n    a: "+tt.text+"\n", noSteps+"secrets: { t: { env: T } }\n")
			if len(got) != len(tt.want) {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
			for i, want := range tt.want {
				_, want, _ = strings.Cut(want, ": ")
				if !strings.Contains(got[i], want) || strings.Contains(got[i], "hunter2") {
					t.Errorf("got %q, want %q", got[i], want)
				}
			}
		})
	}
}

func TestBytesPerSecond(t *testing.T) {
	for text, want := range map[string]int64{
		"": 0, "1KiB": 1 << 10, "10MiB": 10 << 20, "2 GiB": 2 << 30, "5kB": 5000, "5MB": 5_000_000, "1GB": 1_000_000_000, "2000000000GiB": 2_000_000_000 << 30,
	} {
		if got, err := bytesPerSecond(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
	if got, err := bytesPerSecond("99999999999GiB"); err == nil {
		t.Errorf("got %d", got)
	}
}

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
			if diff := cmp.Diff(want, *shown, cmp.Transformer("nil", func(s []string) string { return strings.Join(s, ",") })); diff != "" {
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

func TestOneOf(t *testing.T) {
	tests := []struct {
		name, got  string
		words      []string
		want, hint string
	}{
		{"nothing", "", []string{"rename", "replace"}, "", ""},
		{"one of them", "rename", []string{"rename", "replace"}, "", ""},
		{"none of them", "delete", []string{"rename", "replace"}, `"delete" is none of rename, replace`, "there are rename, replace"},
		{"nothing is a choice", "delete", []string{"", "rename", "replace"}, `"delete" is none of rename, replace`, "there are rename, replace"},
		{"nearly one of them", "raname", []string{"", "rename", "replace"}, `"raname" is none of rename, replace`, "did you mean rename?"},
		{"one choice", "qcow2", []string{"", "raw"}, `"qcow2" is not raw`, ""},
		{"one choice, nearly", "rwa", []string{"", "raw"}, `"rwa" is not raw`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := setting.OneOf(tt.got, tt.words...)
			text := ""
			if err != nil {
				text = err.Error()
			}
			if text != tt.want || fault.Hint(err) != tt.hint {
				t.Errorf("got %q, hint %q, want %q, %q", text, fault.Hint(err), tt.want, tt.hint)
			}
		})
	}
}
