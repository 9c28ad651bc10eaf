package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A pingServer is a registry that is only ever looked at from outside.
type pingServer struct {
	header    map[string]string // of every answer
	challenge string            // "": everybody is let in
	unknown   string            // body of the answer to what is not known
	page      string            // what there is at /v2/, "{}" where ""
}

const pingPassword = "horse staple"

func (d pingServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for k, v := range d.header {
		w.Header().Set(k, v)
	}
	_, password, _ := r.BasicAuth()
	switch {
	case strings.HasSuffix(r.URL.Path, "/token"), strings.HasSuffix(r.URL.Path, "/auth"):
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"token":"t"}`)
	case r.URL.Path != "/v2/":
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, d.unknown)
	case d.challenge != "" && password != pingPassword && r.Header.Get("Authorization") != "Bearer t":
		w.Header().Set("WWW-Authenticate", d.challenge)
		w.WriteHeader(http.StatusUnauthorized)
	case d.page != "":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, d.page)
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	}
}

func (d pingServer) ping(t *testing.T, user, password string) (PingResult, error) {
	t.Helper()
	h := Host{Name: dstHost, Handler: d, User: user}
	if user != "" {
		h.Password = func(context.Context) (string, error) { return password, nil }
	}
	return newClient(t, h).Ping(t.Context(), dstHost)
}

func bearer(rest string) string {
	return `Bearer realm="https://` + dstHost + rest
}

func TestGreet(t *testing.T) {
	v2 := map[string]string{apiVersion: "registry/2.0"}
	with := func(name, value string) map[string]string {
		return map[string]string{apiVersion: "registry/2.0", name: value}
	}
	tests := map[string]struct {
		pingServer pingServer
		user       string
		want       PingResult
	}{
		"distribution":              {pingServer{header: v2, unknown: "404 page not found\n"}, "", PingResult{Server: "distribution"}},
		"distribution behind nginx": {pingServer{header: with("Server", "nginx/1.24.0"), unknown: "404 page not found\n"}, "", PingResult{Server: "distribution"}},
		"distribution with users": {
			pingServer{header: v2, unknown: "404 page not found\n", challenge: `Basic realm="r"`},
			"stack",
			PingResult{Server: "distribution", Asks: true, Login: true},
		},
		"credentials that nobody asks for": {pingServer{header: v2}, "stack", PingResult{Server: "unknown"}},
		"a token for everybody":            {pingServer{header: v2, challenge: bearer(`/token",service="s"`)}, "", PingResult{Server: "unknown", Asks: true}},
		"a token for a user":               {pingServer{header: v2, challenge: bearer(`/token",service="s"`)}, "stack", PingResult{Server: "unknown", Asks: true, Login: true}},
		"without any header":               {pingServer{}, "", PingResult{Server: "unknown"}},
		"another server":                   {pingServer{header: with("Server", "caddy\x7f\u202e")}, "", PingResult{Server: `unknown ("caddy\x7f\u202e")`}},
		"bayplan":                          {pingServer{header: with("Server", "bayplan")}, "", PingResult{Server: "bayplan"}},
		"Artifactory":                      {pingServer{header: with("X-JFrog-Version", "Artifactory/7.90.1 79001900")}, "", PingResult{Server: "Artifactory"}},
		"Nexus":                            {pingServer{header: with("Server", "Nexus/3.70.1-02 (OSS)")}, "", PingResult{Server: "Nexus Repository"}},
		"files under Apache":               {pingServer{header: with("Server", "Apache")}, "", PingResult{Server: "Apache httpd (image-serve)"}},
		"Harbor":                           {pingServer{header: v2, challenge: bearer(`/service/token",service="harbor-registry"`)}, "", PingResult{Server: "Harbor", Asks: true}},
		"GitLab":                           {pingServer{header: v2, challenge: bearer(`/jwt/auth",service="container_registry"`)}, "", PingResult{Server: "GitLab", Asks: true}},
		"Gitea":                            {pingServer{header: v2, challenge: bearer(`/v2/token",service="container_registry",scope="*"`)}, "", PingResult{Server: "Gitea or Forgejo", Asks: true}},
		"Satellite": {
			pingServer{header: v2, challenge: bearer(`/v2/token",service="sat.example.com",scope="repository:registry:pull,push"`)},
			"",
			PingResult{Server: "Satellite or Katello", Asks: true},
		},
		"Quay": {pingServer{challenge: bearer(`/v2/auth",service="` + dstHost + `"`)}, "", PingResult{Server: "Quay", Asks: true}},
		"ECR": {
			pingServer{header: v2, challenge: `Basic realm="https://1.dkr.ecr.eu-west-2.amazonaws.com/",service="ecr.amazonaws.com"`},
			"AWS",
			PingResult{Server: "Amazon ECR", Asks: true, Login: true},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := tt.pingServer.ping(t, tt.user, pingPassword)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestGreetRefused(t *testing.T) {
	tests := map[string]struct {
		pingServer     pingServer
		user, password string
		kind           Kind
		want           string
	}{
		"no credentials":    {pingServer{challenge: `Basic realm="r"`}, "", "", NoLogin, "asks for credentials"},
		"wrong credentials": {pingServer{challenge: `Basic realm="r"`}, "stack", "wrong", BadLogin, `refuses the credentials of user "stack"`},
		"a page":            {pingServer{page: "<html>welcome</html>"}, "", "", Other, "not as a container registry"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := tt.pingServer.ping(t, tt.user, tt.password)
			if err == nil || KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v (%v), want %q", err, KindOf(err), tt.want)
			}
		})
	}
	for name, status := range map[string]int{"a server of something else": 404, "one that is ill": 503} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, Host{Name: dstHost, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })})
			_, err := c.Ping(t.Context(), dstHost)
			if got := errors.Is(err, ErrNoRegistry); err == nil || got != (status == 404) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("no host", func(t *testing.T) {
		if _, err := newClient(t).Ping(t.Context(), ""); err == nil {
			t.Error("nobody was asked, and answered")
		}
	})
}

// However a registry's challenge looks, nothing is taken from it but a name.
func TestHostileChallenges(t *testing.T) {
	for _, challenge := range []string{
		"", "Basic", `Basic realm="`, `Bearer realm="://",service="x"`, `Bearer realm="%zz"`, `Bearer service=""`,
		strings.Repeat(`a="b",`, 10000), "\x00\xff", `Bearer realm="/v2/auth",service=""`,
	} {
		if got := serverOfChallenge(challenge); got != "" {
			t.Errorf("%.40q: got %q", challenge, got)
		}
	}
}

// A host that refuses without a repository is not said to lack one.
func TestPingRefused(t *testing.T) {
	for body, want := range map[string]string{
		"": srcHost + " refuses an anonymous user",
		`{"errors":[{"code":"DENIED","message":"ask the owner"}]}`: srcHost + ` refuses an anonymous user ("DENIED: ask the owner")`,
	} {
		c := newClient(t, Host{Name: srcHost, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(body))
		})})
		_, ping := c.Ping(t.Context(), srcHost)
		_, catalog := c.Catalog(t.Context(), srcHost)
		for what, err := range map[string]error{"ping": ping, "catalog": catalog} {
			if KindOf(err) != Denied || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%s: got %v, want %s", what, err, want)
			}
		}
	}
}
