package logins

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/redact"
)

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "auth.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func auth(s string) string { return `{"auth":"` + base64.StdEncoding.EncodeToString([]byte(s)) + `"}` }

func TestFind(t *testing.T) {
	first := write(t, `{"auths":{
		"a.example":`+auth("host:1")+`,
		"a.example/ns":`+auth("ns:2")+`,
		"a.example/ns/app":`+auth("app:3")+`,
		"b.example:5000":`+auth("port:4:with:colons")+`,
		"[2001:db8::1]:5000":`+auth("six:6")+`,
		"empty.example":{},
		"plain.example":{"username":"u","password":"p"},
		"identity.example":{"auth":"`+base64.StdEncoding.EncodeToString([]byte("00000000:"))+`","identitytoken":"it"},
		"bearer.example":{"registrytoken":"rt"}
	}}`)
	second := write(t, `{"auths":{
		"a.example":`+auth("late:9")+`,
		"https://old.example/v1/":`+auth("old:7\x00\x00")+`,
		"https://index.docker.io/v1/":`+auth("hub:8")+`
	}}`)
	k := &Finder{Files: []string{first, filepath.Join(t.TempDir(), "absent.json"), second}}
	tests := map[string]struct {
		host, repository string
		want             Credential
	}{
		"the host":                       {"a.example", "other/app", Credential{User: "host", Password: "1"}},
		"no repository":                  {"a.example", "", Credential{User: "host", Password: "1"}},
		"a namespace":                    {"a.example", "ns/other", Credential{User: "ns", Password: "2"}},
		"not one that only begins alike": {"a.example", "nsx/app", Credential{User: "host", Password: "1"}},
		"a repository":                   {"a.example", "ns/app", Credential{User: "app", Password: "3"}},
		"below it":                       {"a.example", "ns/app/sub", Credential{User: "app", Password: "3"}},
		"a port":                         {"b.example:5000", "x", Credential{User: "port", Password: "4:with:colons"}},
		"not without it":                 {"b.example", "x", Credential{}},
		"not another one":                {"b.example:5001", "x", Credential{}},
		"an IPv6 address":                {"[2001:db8::1]:5000", "x", Credential{User: "six", Password: "6"}},
		"an empty entry":                 {"empty.example", "x", Credential{}},
		"written plainly":                {"plain.example", "x", Credential{User: "u", Password: "p"}},
		"to be exchanged":                {"identity.example", "x", Credential{Identity: "it"}},
		"a token":                        {"bearer.example", "x", Credential{Bearer: "rt"}},
		"an address":                     {"old.example", "x", Credential{User: "old", Password: "7"}},
		"docker's hub":                   {"docker.io", "library/x", Credential{User: "hub", Password: "8"}},
		"another host":                   {"evil.example", "a.example/ns", Credential{}},
		"a host below":                   {"x.a.example", "ns/app", Credential{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := k.Find(t.Context(), hostname.Registry{Host: tt.host}, tt.repository)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestBadFiles(t *testing.T) {
	for text, want := range map[string]string{
		`{"auths":`:                                  "unexpected end of JSON input",
		`{"auths":{"a":{"auth":"!hu"}}}`:             `auth of "a" is not base64`,
		`{"auths":{"a":{"auth":"aHVudGVyMg=="}}}`:    `auth of "a" has no colon`,
		`{"auths":[]}`:                               "auth.json:1:10: a value of the wrong type (array) for \"auths\"",
		`{"credHelpers":{"a":"../../bin/sh"}}`:       `"../../bin/sh" cannot be the name`,
		`{"x":"` + strings.Repeat("x", 5<<20) + `"}`: "larger than 4 MiB",
	} {
		k := &Finder{Files: []string{write(t, text)}}
		_, err := k.Find(t.Context(), hostname.Registry{Host: "a"}, "x")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%.40s: got %v, want %q", text, err, want)
		}
	}
	k := &Finder{Files: []string{filepath.Join(t.TempDir(), "absent")}, Strict: true}
	if _, err := k.Find(t.Context(), hostname.Registry{Host: "a"}, "x"); !errors.Is(err, os.ErrNotExist) || !strings.Contains(fault.Hint(err), "REGISTRY_AUTH_FILE") {
		t.Errorf("got %v (%s)", err, fault.Hint(err))
	}
}

func TestHelpers(t *testing.T) {
	file := write(t, `{
		"auths":{"one.example":`+auth("file:1")+`,"two.example":{},"three.example":`+auth("file:3")+`},
		"credHelpers":{"one.example":"mine"},"credsStore":"all"}`)
	var asked []string
	k := &Finder{Files: []string{file}, Helper: func(_ context.Context, name, server string) ([]byte, error) {
		asked = append(asked, name+" "+server)
		switch server {
		case "one.example":
			return []byte(`{"ServerURL":"one.example","Username":"helped","Secret":"s"}`), nil
		case "two.example":
			return []byte(`{"Username":"<token>","Secret":"it"}`), nil
		case "broken.example":
			return nil, errors.New("exit status 1: \"locked\"")
		case "odd.example":
			return []byte(`hunter2`), nil
		}
		return nil, errors.New("exit status 1: \"credentials not found in native keychain\"")
	}}
	for host, want := range map[string]Credential{
		"one.example":   {User: "helped", Password: "s"},
		"two.example":   {Identity: "it"},
		"three.example": {User: "file", Password: "3"},
		"none.example":  {},
		"docker.io":     {},
	} {
		for range 2 {
			got, err := k.Find(t.Context(), hostname.Registry{Host: host}, "x")
			if err != nil || got != want {
				t.Errorf("%s: got %+v, %v", host, got, err)
			}
		}
	}
	if len(asked) != 5 {
		t.Errorf("asked %q, want each once", asked)
	}
	if !strings.Contains(strings.Join(asked, "\n"), "all https://index.docker.io/v1/") {
		t.Errorf("asked %q", asked)
	}
	for host, want := range map[string]string{
		"broken.example": `asking docker-credential-all for broken.example: exit status 1: "locked"`,
		"odd.example":    "docker-credential-all: its answer is not that of a credential helper",
	} {
		if _, err := k.Find(t.Context(), hostname.Registry{Host: host}, "x"); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// A helper is a program on the PATH that reads the server from its input.
func TestRunHelper(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\nread server\n[ \"$1\" = get ] || exit 3\n" +
		"[ \"$server\" = a.example ] || { echo credentials not found in native keychain; exit 1; }\n" +
		"echo '{\"Username\":\"u\",\"Secret\":\"s\"}'\n"
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-test"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	k := &Finder{Files: []string{write(t, `{"credsStore":"test"}`)}, Helper: FromEnvironment().Helper}
	if got, err := k.Find(t.Context(), hostname.Registry{Host: "a.example"}, "x"); err != nil || got != (Credential{User: "u", Password: "s"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := k.Find(t.Context(), hostname.Registry{Host: "b.example"}, "x"); err != nil || got != (Credential{}) {
		t.Errorf("got %+v, %v", got, err)
	}
	k = &Finder{Files: []string{write(t, `{"credsStore":"absent"}`)}, Helper: FromEnvironment().Helper}
	if _, err := k.Find(t.Context(), hostname.Registry{Host: "a.example"}, "x"); err == nil || !strings.Contains(err.Error(), "docker-credential-absent") {
		t.Errorf("got %v", err)
	}
}

func TestFromEnvironment(t *testing.T) {
	for _, name := range []string{"REGISTRY_AUTH_FILE", "XDG_CONFIG_HOME", "DOCKER_CONFIG"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", "/home/stack")
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/1000")
	want := []string{"/run/user/1000/containers/auth.json", "/home/stack/.config/containers/auth.json", "/home/stack/.docker/config.json"}
	if diff := cmp.Diff(want, FromEnvironment().Files); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("XDG_CONFIG_HOME", "/c")
	t.Setenv("DOCKER_CONFIG", "/d")
	got := FromEnvironment()
	if !strings.HasPrefix(got.Files[0], "/run/containers/") || got.Files[1] != "/c/containers/auth.json" || got.Files[2] != "/d/config.json" || got.Strict {
		t.Errorf("got %+v", got.Files)
	}
	t.Setenv("REGISTRY_AUTH_FILE", "/r.json")
	if got := FromEnvironment(); len(got.Files) != 1 || got.Files[0] != "/r.json" || !got.Strict {
		t.Errorf("got %+v", got.Files)
	}
}

// A helper that fails may have written the secret: nothing of its output is shown.
func TestFailingHelperIsNotQuoted(t *testing.T) {
	dir := t.TempDir()
	for name, script := range map[string]string{
		"out":  "echo '{\"Username\":\"u\",\"Secret\":\"hunter2-x\"}'; exit 1",
		"err":  "echo locked: hunter2-x >&2; exit 2",
		"both": "echo hunter2-x; echo hunter2-x >&2; exit 1",
		"odd":  "echo 'the secret is hunter2-x'",
	} {
		if err := os.WriteFile(filepath.Join(dir, "docker-credential-"+name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
		k := FromEnvironment()
		k.Files = []string{write(t, `{"credsStore":"`+name+`"}`)}
		_, err := k.Find(t.Context(), hostname.Registry{Host: "a.example"}, "x")
		if err == nil || strings.Contains(err.Error()+fault.Hint(err), "hunter") || !strings.Contains(err.Error(), "docker-credential-"+name) {
			t.Errorf("%s: got %v (%s)", name, err, fault.Hint(err))
		}
	}
}

func TestHelperThatIsNotInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for name, file := range map[string]string{
		"store":    `{"credsStore":"nowhere"}`,
		"of hosts": `{"credHelpers":{"a.example":"nowhere"}}`,
	} {
		k := FromEnvironment()
		k.Files = []string{write(t, file)}
		_, err := k.Find(t.Context(), hostname.Registry{Host: "a.example"}, "x")
		if err == nil || !strings.Contains(err.Error(), "docker-credential-nowhere for a.example: there is no such command in PATH") || !strings.HasPrefix(fault.Hint(err), "install it") || !strings.HasSuffix(fault.Hint(err), ": "+k.Files[0]+" names it") {
			t.Errorf("%s: got %v (%s)", name, err, fault.Hint(err))
		}
	}
}

// What is found is known to the redactor, and also what an error of the file quotes.
func TestFinderTellsSecrets(t *testing.T) {
	r := redact.New()
	k := &Finder{Secrets: r, Files: []string{write(t, `{"auths":{"a":`+auth("me:hunter2-x")+`,"b":{"identitytoken":"identity-1"},"c":{"registrytoken":"bearer-1"}}}`)}}
	for _, host := range []string{"a", "b", "c"} {
		if _, err := k.Find(t.Context(), hostname.Registry{Host: host}, "x"); err != nil {
			t.Fatal(err)
		}
	}
	for _, secret := range []string{"hunter2-x", "identity-1", "bearer-1"} {
		if got := r.Text(secret); got != redact.Mark {
			t.Errorf("%s is shown as %s", secret, got)
		}
	}
	k = &Finder{Secrets: r, Files: []string{write(t, `{"auths":{"a":{"password":1234567}}}`)}}
	if _, err := k.Find(t.Context(), hostname.Registry{Host: "a"}, "x"); err == nil || strings.Contains(r.Text(err.Error()), "1234567") {
		t.Errorf("got %v", err)
	}
}
