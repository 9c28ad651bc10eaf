package glance_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/cloudserver"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/glance"
)

// cleanEnv takes away what the machine says about clouds, and gives a
// directory to be in, with no clouds.yaml.
func cleanEnv(t *testing.T) string {
	t.Helper()
	for _, v := range os.Environ() {
		if key, _, _ := strings.Cut(v, "="); strings.HasPrefix(key, "OS_") {
			t.Setenv(key, "")
		}
	}
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	t.Setenv("HOME", dir)
	t.Chdir(dir)
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// entry is a clouds.yaml with one cloud.
func entry(name, url, password, more string) string {
	return fmt.Sprintf(`clouds:
  %s:
    auth: {auth_url: %q, username: admin, password: %q, project_name: admin, user_domain_name: Default, project_domain_name: Default}
    region_name: RegionOne
%s`, name, url, password, more)
}

func setEnv(t *testing.T, pairs ...string) {
	t.Helper()
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		t.Setenv(key, value)
	}
}

func stackrc(t *testing.T, url string, more ...string) {
	t.Helper()
	setEnv(t, append([]string{
		"OS_AUTH_URL=" + url, "OS_USERNAME=admin", "OS_PASSWORD=" + cloudserver.DefaultPassword, "OS_PROJECT_NAME=admin",
		"OS_USER_DOMAIN_NAME=Default", "OS_PROJECT_DOMAIN_NAME=Default", "OS_CLOUDNAME=undercloud",
	}, more...)...)
}

func TestConnect(t *testing.T) {
	plain := httptest.NewServer(newCloud(t))
	defer plain.Close()
	secure := httptest.NewTLSServer(newCloud(t))
	defer secure.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Subject-Token", "x")
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"token": {"expires_at": "2999-01-01T00:00:00.000000Z", "catalog": []}}`))
	}))
	defer bare.Close()
	authority := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}))
	pass := cloudserver.DefaultPassword

	for _, tc := range []struct {
		name       string
		setup      func(t *testing.T, dir string)
		want       string // "" for success
		hint       string
		connection bool
	}{
		{"clouds.yaml here", func(t *testing.T, dir string) {
			write(t, dir+"/clouds.yaml", entry("undercloud", plain.URL+"/v3", pass, ""))
		}, "", "", false},
		{"clouds.yaml of the user", func(t *testing.T, dir string) {
			write(t, dir+"/config/openstack/clouds.yaml", entry("undercloud", plain.URL+"/v3", pass, ""))
		}, "", "", false},
		{"clouds.yaml that is named", func(t *testing.T, dir string) {
			write(t, dir+"/some.yaml", entry("undercloud", plain.URL+"/v3", pass, ""))
			setEnv(t, "OS_CLIENT_CONFIG_FILE="+dir+"/some.yaml", "OS_CLOUD=other")
		}, "", "", false},
		{"clouds.yaml beside the rc file of another cloud", func(t *testing.T, dir string) {
			write(t, dir+"/ca.pem", authority)
			write(t, dir+"/clouds.yaml", entry("undercloud", secure.URL+"/v3", pass, "    interface: public\n    cacert: "+dir+"/ca.pem\n"))
			stackrc(t, closed.URL, "OS_CLOUDNAME=overcloud", "OS_REGION_NAME=Mars", "OS_INTERFACE=other", "OS_CACERT="+dir+"/absent.pem")
		}, "", "", false},
		{"password in secure.yaml", func(t *testing.T, dir string) {
			write(t, dir+"/clouds.yaml", strings.Replace(entry("undercloud", plain.URL+"/v3", "-", ""), `password: "-", `, "", 1))
			write(t, dir+"/secure.yaml", "clouds: {undercloud: {auth: {password: "+pass+"}}}")
		}, "", "", false},
		{"auth_url without a version", func(t *testing.T, dir string) {
			write(t, dir+"/clouds.yaml", entry("undercloud", plain.URL, pass, ""))
		}, "", "", false},
		{"a sourced stackrc", func(t *testing.T, _ string) { stackrc(t, plain.URL+"/v3") }, "", "", false},
		{"a sourced stackrc beside another cloud", func(t *testing.T, dir string) {
			write(t, dir+"/clouds.yaml", entry("other", plain.URL+"/v3", pass, ""))
			stackrc(t, plain.URL+"/v3")
		}, "", "", false},
		{"the authority in cacert", func(t *testing.T, dir string) {
			write(t, dir+"/ca.pem", authority)
			write(t, dir+"/clouds.yaml", entry("undercloud", secure.URL+"/v3", pass, "    cacert: "+dir+"/ca.pem\n"))
		}, "", "", false},
		{"no verification", func(t *testing.T, dir string) {
			write(t, dir+"/clouds.yaml", entry("undercloud", secure.URL+"/v3", pass, "    verify: false\n"))
		}, "", "", false},

		{"another cloud's rc file", func(t *testing.T, _ string) {
			stackrc(t, plain.URL+"/v3", "OS_CLOUDNAME=overcloud")
		}, `not in clouds.yaml, and the OS_* variables are those of cloud "overcloud" (OS_CLOUDNAME)`, `source the rc file of "undercloud"`, false},
		{"no clouds.yaml", func(*testing.T, string) {}, "there is no clouds.yaml (looked in DIR, DIR/config/openstack, DIR/.config/openstack, /etc/xdg/openstack, /etc/openstack)", "OS_CLIENT_CONFIG_FILE", false},
		{"a named clouds.yaml that is not there", func(t *testing.T, dir string) {
			setEnv(t, "OS_CLIENT_CONFIG_FILE="+dir+"/absent.yaml")
		}, "there is no clouds.yaml (looked for DIR/absent.yaml)", "write one", false},
		{"another name", func(t *testing.T, dir string) {
			write(t, dir+"/clouds.yaml", entry("b", plain.URL, pass, "")+"  a:\n    auth: {auth_url: x}\n")
		}, "not in DIR/clouds.yaml, which has a, b", "add it there", false},
		{"an entry without auth", func(t *testing.T, dir string) {
			write(t, dir+"/clouds.yaml", "clouds:\n  undercloud: {region_name: x}\n")
		}, "DIR/clouds.yaml: auth_url is not set", "", false},
		{"an entry without auth_url", func(t *testing.T, dir string) {
			write(t, dir+"/clouds.yaml", "clouds:\n  undercloud: {auth: {username: x}}\n")
		}, "DIR/clouds.yaml: auth_url is not set", "", false},
		{"a file that is no YAML", func(t *testing.T, dir string) {
			write(t, dir+"/clouds.yaml", "clouds: [\n")
		}, "read DIR/clouds.yaml:1: this [ is never closed", "", false},
		{"an authority that is not there", func(t *testing.T, dir string) {
			write(t, dir+"/clouds.yaml", entry("undercloud", secure.URL+"/v3", pass, "    cacert: "+dir+"/absent.pem\n"))
		}, "absent.pem", "", false},

		{"wrong password", func(t *testing.T, dir string) {
			write(t, dir+"/clouds.yaml", entry("undercloud", plain.URL+"/v3", "wrong", ""))
		}, "/v3 refuses the credentials of user \"admin\" (401)", "check user, password, project and their domains in DIR/clouds.yaml", false},
		{"unreachable", func(t *testing.T, dir string) {
			write(t, dir+"/clouds.yaml", entry("undercloud", closed.URL+"/v3", pass, ""))
		}, "connection refused", "auth_url", true},
		{"no identity service", func(t *testing.T, dir string) {
			write(t, dir+"/clouds.yaml", entry("undercloud", other.URL+"/v3", pass, ""))
		}, "there is no identity service at " + other.URL + "/v3 (404)", "should end in /v3", false},
		{"no image service", func(t *testing.T, dir string) {
			write(t, dir+"/clouds.yaml", strings.Replace(entry("undercloud", bare.URL+"/v3", pass, ""), "    region_name: RegionOne\n", "", 1))
		}, "the catalogue of the cloud has no image service", "version 2 of its API", false},
		{"no image service in the region", func(t *testing.T, dir string) {
			write(t, dir+"/clouds.yaml", strings.Replace(entry("undercloud", plain.URL+"/v3", pass, ""), "RegionOne", "Mars", 1))
		}, `the catalogue of the cloud has no image service in region "Mars"`, "check region_name", false},
		{"an unknown authority", func(t *testing.T, dir string) {
			write(t, dir+"/clouds.yaml", entry("undercloud", secure.URL+"/v3", pass, ""))
		}, "unknown authority", "as cacert in DIR/clouds.yaml", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := cleanEnv(t)
			tc.setup(t, dir)
			c, err := glance.Connect(t.Context(), glance.Options{Cloud: "undercloud"})
			if tc.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if _, err := c.List(t.Context(), "a"); err != nil {
					t.Error(err)
				}
				return
			}
			want, hint := strings.ReplaceAll(tc.want, "DIR", dir), strings.ReplaceAll(tc.hint, "DIR", dir)
			if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), `cloud "undercloud": `) {
				t.Errorf("got error %v, want one with %q", err, want)
			}
			if err != nil && strings.Contains(err.Error(), pass) {
				t.Errorf("the password is in %v", err)
			}
			if got := fault.Hint(err); !strings.Contains(got, hint) {
				t.Errorf("got hint %q, want one with %q", got, hint)
			}
			if fault.IsConnection(err) != tc.connection {
				t.Errorf("of the connection class: got %v (%v)", !tc.connection, err)
			}
		})
	}
}

// What is missing in clouds.yaml is told in its words.
func TestConnectWithGapsInTheEntry(t *testing.T) {
	for _, tc := range []struct{ name, auth, want, hint string }{
		{"no user's domain", "username: admin, password: x, project_name: admin, project_domain_name: Default", `the domain of the user "admin" is not set`, "set user_domain_name"},
		{"no project's domain", "user_id: u, password: x, project_name: admin", `the domain of the project "admin" is not set`, "set project_domain_name"},
		{"no password", "username: admin, project_name: admin, user_domain_name: Default, project_domain_name: Default", `the password of the user "admin" is not set`, "set password"},
		{"no user", "password: x, project_name: admin, project_domain_name: Default", "the user is not set", "set one of username and user_id"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := cleanEnv(t)
			write(t, dir+"/clouds.yaml", "clouds:\n  entry: {auth: {auth_url: 'http://127.0.0.1:1/v3', "+tc.auth+"}}\n")
			_, err := glance.Connect(t.Context(), glance.Options{Cloud: "entry", Name: "undercloud"})
			if want := `cloud "undercloud" (cloud "entry" of clouds.yaml): ` + tc.want; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got error %v, want %s", err, want)
			}
			if hint := fault.Hint(err); !strings.Contains(hint, tc.hint) || !strings.Contains(hint, dir+"/clouds.yaml") {
				t.Errorf("got hint %q", hint)
			}
		})
	}
}

// Whatever stands in clouds.yaml or secure.yaml, the error names file and line
// at once, and repeats no password.
func TestConnectWithBrokenFiles(t *testing.T) {
	const good = "clouds: {undercloud: {auth: {auth_url: 'http://127.0.0.1:1/v3'}}}\n"
	for _, tc := range []struct{ name, text, want string }{
		{"an open quote", "clouds:\n  a: 's3cr3t\n", ":2: the closing ' of this text is missing"},
		{"a tab", "clouds:\n\ta: s3cr3t\n", ":2: a tab stands where only spaces may; indent with spaces"},
		{"a second document", good + "---\n" + good, ":2: a second document begins here"},
		{"a list", "clouds: [s3cr3t]\n", ":1: not a clouds.yaml"},
		{"a text", "s3cr3t\n", ":1: not a clouds.yaml"},
		{"auth is a text", "clouds:\n  undercloud:\n    auth: s3cr3t\n", ":3: not a clouds.yaml"},
		{"an alias of nothing", "clouds:\n  undercloud: {auth: {password: *s3cr3t}}\n", ":2: there is no anchor for an alias"},
		{"a merge of nothing", "clouds: {<<: *s3cr3t}\n", ":1: there is no anchor for an alias"},
		{"a merge of itself", "clouds: &s3cr3t\n  <<: *s3cr3t\n", ":2: there is no anchor for an alias"},
		{"no UTF-8", "clouds:\n  a: \xff\n", ":2: this is not UTF-8 text"},
		{"too large", strings.Repeat("# s3cr3t\n", 200_000), ": the file is larger than 1 MiB"},
		{"brackets", strings.Repeat("[", 200<<10), ":1: this is nested more than 64 deep"},
		{"aliases of aliases", "a: &a [1,2,3,4,5,6,7,8,9]\n" + strings.Repeat("b: &a [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n", 9), ":6: aliases make the file larger than 100000 values"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, file := range []string{"clouds.yaml", "secure.yaml"} {
				dir := cleanEnv(t)
				write(t, dir+"/clouds.yaml", good)
				write(t, dir+"/"+file, tc.text)
				_, err := glance.Connect(t.Context(), glance.Options{Cloud: "undercloud"})
				if want := "read " + dir + "/" + file + tc.want; err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr3t") {
					t.Errorf("got error %v, want one with %q", err, want)
				}
			}
		})
	}
}

// What is secret may stand in a file of its own, as with the openstack command.
func TestConnectWithSecureFile(t *testing.T) {
	dir := cleanEnv(t)
	srv := httptest.NewServer(newCloud(t))
	defer srv.Close()
	write(t, dir+"/clouds.yaml", strings.Replace(entry("undercloud", srv.URL+"/v3", "-", ""), `password: "-", `, "", 1))
	write(t, dir+"/secure.yaml", "%YAML 1.1\n---\nsecret: &s\n  password: "+cloudserver.DefaultPassword+"\nclouds:\n  undercloud: {auth: {<<: *s}}\n")
	if _, err := glance.Connect(t.Context(), glance.Options{Cloud: "undercloud"}); err != nil {
		t.Error(err)
	}
}

func TestConnectInsideNeedsCredentials(t *testing.T) {
	_, err := glance.Connect(t.Context(), glance.Options{Cloud: "undercloud", Handler: newCloud(t)})
	if err == nil || !strings.Contains(err.Error(), "credentials are needed") {
		t.Errorf("got error %v", err)
	}
}

func TestConnectStopsWithItsContext(t *testing.T) {
	entered, leave := make(chan bool), make(chan bool)
	emb := newCloud(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet { // the image service's versions
			close(entered)
			<-leave
		}
		emb.ServeHTTP(w, r)
	}))
	defer srv.Close()
	defer close(leave)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { <-entered; cancel() }()
	if _, err := glance.Connect(ctx, quick(srv.URL)); err == nil {
		t.Error("no error")
	}
}

// A server that cannot be reached in time looks to package errors like a
// context that ended.
func TestConnectInVain(t *testing.T) {
	o := quick("http://192.0.2.1:5000")
	o.Transport = roundTripper(func(*http.Request) (*http.Response, error) {
		return nil, fault.AsConnection(fmt.Errorf("dial 192.0.2.1:5000: %w", context.DeadlineExceeded))
	})
	_, err := glance.Connect(t.Context(), o)
	if !fault.IsConnection(err) || strings.Contains(err.Error(), `"http://`) {
		t.Errorf("got %v", err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// A token that runs out is renewed, whatever the request is.
func TestTokenIsRenewed(t *testing.T) {
	now := time.Now()
	emb, err := cloudserver.New(cloudserver.Config{TokenTTL: time.Minute, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer emb.Close()
	c := overSocket(t, emb)
	w := want(name, content("new", size))
	now = now.Add(time.Hour)
	mustConverge(t, c, w)
	now = now.Add(time.Hour)
	checkHolds(t, c, w)
}

func TestTokenThatCannotBeRenewed(t *testing.T) {
	emb := newCloud(t)
	gone := false
	c := inside(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if gone {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		emb.ServeHTTP(w, r)
	}))
	gone = true
	_, err := c.List(t.Context(), "a")
	if err == nil || !strings.Contains(err.Error(), "renew the token: the cloud answers 401 Unauthorized") {
		t.Errorf("got error %v", err)
	}
}
