package doctor

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/cloudserver"
)

func TestCloud(t *testing.T) {
	cloud, err := cloudserver.New(cloudserver.Config{Password: "right-password"})
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	at := serve(t, cloud)
	text := func(at string) string {
		return fmt.Sprintf(`secrets: { p: { file: password } }
connections:
  clouds: { c: { auth_url: "http://%s/v3", user: admin, password: "${secrets.p}", project: admin } }
steps:
  images: { type: verify-images, with: { cloud: c, expect: ["a@sha512:%s"] } }
`, at, strings.Repeat("0", 128))
	}
	for name, tt := range map[string]struct {
		password, at, check string
		want                []string
	}{
		"good":           {"right-password", at, "read", []string{"ok: the image service at http://", "has 0 images"}},
		"wrong password": {"wrong-password", at, "login", []string{"fail: ", "refuses the credentials", "check user, password, project"}},
		"no cloud":       {"right-password", "127.0.0.1:1", "reach", []string{"fail: ", "connection refused", "is its service running"}},
		"no secret":      {"", at, "login", []string{"fail: ", "password"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if tt.password != "" {
				b.secret(t, tt.password)
			}
			has(t, b.examine(t, text(tt.at), "cloud c", tt.check), tt.want...)
		})
	}
}

func TestWebServer(t *testing.T) {
	at := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/there" && r.URL.Path != "/" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	for path, want := range map[string]string{
		"there":  "ok: 1 file is there: http://" + at + "/there",
		"absent": "fail: http://" + at + "/absent: the server answers 404 Not Found; the file is not there; correct the URL",
	} {
		got := newBench(t).examine(t, fmt.Sprintf(`steps:
  get: { type: fetch, with: { url: "http://%s/%s", to: file } }
`, at, path), "host "+at, "read")
		has(t, got, want)
	}
}

// Nothing listens on a port of this host, or something else does; a name is unknown; a
// server does not answer in time.
func TestReach(t *testing.T) {
	silent := httptest.NewUnstartedServer(nil) // takes connections, and never answers
	t.Cleanup(func() { _ = silent.Listener.Close() })
	for name, tt := range map[string]struct {
		host, check string
		want        []string
	}{
		"closed port": {"127.0.0.1:1", "port", []string{"fail: it is this host, and nothing listens on 127.0.0.1:1; start its service"}},
		"no name":     {"nowhere.invalid", "reach", []string{"fail: ", `no address is known for the name "nowhere.invalid"`, "check the name and this host's resolver"}},
		"no answer":   {silent.Listener.Addr().String(), "reach", []string{"fail: no answer in time", "raise --timeout"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if name == "no answer" {
				b.options.Timeout = 300 * time.Millisecond
			}
			has(t, b.examine(t, copying(serve(t, sourceRegistry(t)), tt.host), "registry to", tt.check), tt.want...)
		})
	}
}

// Each repetition of a step has its server. A step that is off has none, nor does a server
// that is named only.
func TestServers(t *testing.T) {
	b := newBench(t)
	b.write(t, "images.txt", "source.invalid/a/b:1\ndocker.io/library/redis:7\n")
	d := newDoctor(b.open(t, `vars: { sites: [one, two], on: "no" }
connections:
  registries: { edge: { host: "registry.*.invalid:5000", tls: disabled } }
steps:
  sites: { type: mirror, for_each: "${vars.sites}", with: { images: images.txt, to: "registry.${each.key}.invalid:5000" } }
  list: { type: prepare, with: { images: images.txt, push_destination: named.invalid, mode: local, format: images-list, env_file: out.txt } }
  off: { type: mirror, when: vars.on == 'yes', with: { images: images.txt, to: off.invalid } }
`))
	var got []string
	for _, s := range d.servers() {
		got = append(got, fmt.Sprint(s.title(), s.reads, s.writes))
	}
	want := []string{
		"registry edge (registry.one.invalid:5000)[] [a/b library/redis]",
		"registry edge (registry.two.invalid:5000)[] [a/b library/redis]",
		"registry source.invalid[source.invalid/a/b:1] []",
		"registry docker.io[docker.io/library/redis:7] []",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// An interrupted examination says so.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o := newBench(t).open(t, copying("127.0.0.1:1", "127.0.0.1:2"))
	if _, err := Examine(ctx, o); err == nil {
		t.Error("no error")
	}
}
