package logins

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/hostname"
)

// A helper may be registered under each name of Docker Hub, and may keep the login
// under the name that docker gives it or the one that podman gives it.
func TestHelperOfDockerHub(t *testing.T) {
	for _, key := range []string{"https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io"} {
		for _, kept := range []string{"https://index.docker.io/v1/", "docker.io"} {
			k := &Finder{Files: []string{write(t, `{"credHelpers":{"`+key+`":"hub"}}`)}, Helper: func(_ context.Context, name, server string) ([]byte, error) {
				if name != "hub" || server != kept {
					return nil, errors.New("credentials not found in native keychain")
				}
				return []byte(`{"Username":"u","Secret":"s"}`), nil
			}}
			if got, err := k.Find(t.Context(), hostname.Registry{Host: "index.docker.io"}, "library/busybox"); err != nil || got.User != "u" {
				t.Errorf("registered as %s, kept as %s: got %+v, %v", key, kept, got, err)
			}
		}
	}
}

func TestDescribe(t *testing.T) {
	first := write(t, `{"auths":{"b.example/ns":`+auth("u:p")+`,"a.example":`+auth("u:p")+`,"https://index.docker.io/v1/":`+auth("u:p")+`}}`)
	empty := write(t, `{"credsStore":"store","credHelpers":{"h.example":"mine"}}`)
	absent := filepath.Join(t.TempDir(), "absent.json")
	k := &Finder{Files: []string{first, absent, empty}, Helper: func(_ context.Context, name, server string) ([]byte, error) {
		if name == "mine" && server == "h.example" {
			return []byte(`{"Username":"u","Secret":"s"}`), nil
		}
		return nil, errors.New("credentials not found in native keychain")
	}}
	for host, want := range map[string]string{
		"a.example":       `the entry "a.example" of ` + first,
		"docker.io":       `the entry "https://index.docker.io/v1/" of ` + first,
		"h.example":       "docker-credential-mine, which " + empty + " names",
		"none.example":    first + " has logins for a.example, b.example/ns, index.docker.io; " + empty + " has no login in it, and docker-credential-store has none for none.example; " + absent + " does not exist",
		"b.example":       first + " has logins for a.example, b.example/ns, index.docker.io; ",
		"a.example:50000": first + " has logins for a.example",
	} {
		got, found := k.Describe(t.Context(), hostname.Registry{Host: host}, "x")
		if !strings.HasPrefix(got, want) || found == strings.Contains(want, "has logins") {
			t.Errorf("%s: got %q, want %q", host, got, want)
		}
	}
}

// A helper sees no secrets of others, and all else of the environment.
func TestHelperEnvironment(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\nprintf '{\"Username\":\"u\",\"Secret\":\"%s,%s,%s,%s,%s\"}' \"$BAYPLAN_VAR_api_token\" \"$GLANCE_TOKEN\" \"$OS_PASSWORD\" \"$OS_AUTH_URL\" \"$AWS_PROFILE\"\n"
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-env"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"PATH": dir + ":" + os.Getenv("PATH"), "REGISTRY_AUTH_FILE": write(t, `{"credsStore":"env"}`),
		"BAYPLAN_VAR_api_token": "hunter1", "GLANCE_TOKEN": "hunter2", "OS_PASSWORD": "hunter3", "OS_AUTH_URL": "url", "AWS_PROFILE": "ops",
	} {
		t.Setenv(name, value)
	}
	got, err := FromEnvironment("GLANCE_TOKEN").Find(t.Context(), hostname.Registry{Host: "a.example"}, "x")
	if err != nil || got.Password != ",,,url,ops" {
		t.Errorf("got %q, %v", got.Password, err)
	}
}
