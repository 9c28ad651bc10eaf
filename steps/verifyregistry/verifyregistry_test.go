package verifyregistry

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registryserver"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/connections"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

func newVerifyRegistry(b *testbed.Registries) *verifyRegistry {
	v := &verifyRegistry{Registry: "local", out: b.Set}
	v.Only.Text = b.File()
	return v
}

func TestVerifyRegistryLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type((*connections.Set)(nil)), Fresh: func(t *testing.T) *steptest.Fixture {
		b := testbed.NewRegistries(t)
		b.Put(t, "rhosp13/openstack-bare:latest", "left/over:1")
		return &steptest.Fixture{
			New:      func() runner.Step { return newVerifyRegistry(b) },
			Satisfy:  func(t *testing.T) { b.Local = testbed.OpenRegistry(t, testbed.LocalConfig()) },
			Dirs:     []string{b.Dir},
			Snapshot: func() string { return b.Snapshot(t) },
			Secrets:  []string{testbed.RegistryPassword},
			Break: []steptest.Break{
				{Name: "a repository is added", Do: func(t *testing.T) { b.Put(t, "rhosp13/openstack-bare:latest", "other/thing:1") }},
				{Name: "the list shrinks to what is not there", Do: func(t *testing.T) {
					b.List(t, "base")
					b.Put(t, "rhosp13/openstack-bare:latest", "rhosp13/openstack-nova-api:1")
				}},
				{Name: "the catalog is closed", Do: func(*testing.T) { b.Before["local"] = testbed.RefuseAll("GET", "/_catalog", http.StatusNotFound) }},
				{Name: "another password is asked for", Do: func(t *testing.T) {
					b.Local = testbed.OpenRegistry(t, registryserver.Config{User: "stack", Password: "another"})
				}},
				{Name: "it is gone", Do: func(*testing.T) { b.Before["local"] = testbed.RefuseAll("GET", "", http.StatusNotFound) }},
			},
		}
	}})
}

// It holds before the first upload, in its midst, and after.
func TestVerifyRegistry(t *testing.T) {
	b := testbed.NewRegistries(t)
	outputs := func(v *verifyRegistry) map[string]string {
		t.Helper()
		f, err := v.Diff(t.Context(), &runner.Disk{}, nil)
		if err != nil || f.Change != nil {
			t.Fatalf("got %+v, %v", f, err)
		}
		return map[string]string{
			"server": f.Outputs["server"].String(), "login": f.Outputs["login"].String(),
			"catalog": f.Outputs["catalog"].String(), "repositories": strings.Join(f.Outputs["repositories"].Items(), " "),
		}
	}
	want := map[string]string{"server": "bayplan", "login": "accepted", "catalog": "open", "repositories": ""}
	for _, tt := range []struct{ push, repositories string }{
		{"", ""},
		{"nova-api", "rhosp13/openstack-nova-api"},
		{"base", "rhosp13/openstack-base rhosp13/openstack-nova-api"},
	} {
		if tt.push != "" {
			b.Put(t, "rhosp13/openstack-base:13.0-40", "rhosp13/openstack-"+tt.push+":13.0-40")
		}
		want["repositories"] = tt.repositories
		if diff := cmp.Diff(want, outputs(newVerifyRegistry(b))); diff != "" {
			t.Errorf("after pushing %q (-want +got):\n%s", tt.push, diff)
		}
	}
	anonymous := &verifyRegistry{Registry: "upstream", out: b.Set}
	got := outputs(anonymous)
	if got["login"] != "not asked for" || got["server"] != "bayplan" || !strings.Contains(got["repositories"], "openstack-bare") {
		t.Errorf("got %v", got)
	}
	b.Before["upstream"] = testbed.RefuseAll("GET", "/_catalog", http.StatusUnauthorized)
	if got := outputs(anonymous); got["catalog"] != "closed" || got["repositories"] != "" {
		t.Errorf("got %v", got)
	}
}

// A repository that was emptied is listed still by some registries.
func TestVerifyRegistryHollow(t *testing.T) {
	b := testbed.NewRegistries(t)
	b.Put(t, "rhosp13/openstack-bare:latest", "left/over:1")
	b.Put(t, "rhosp13/openstack-base:13.0-40", "rhosp13/openstack-base:13.0-40")
	b.Remove(t, "/v2/left/over/manifests/1")
	f, err := newVerifyRegistry(b).Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil || len(f.Outputs["repositories"].Items()) != 2 {
		t.Errorf("without a tag: got %+v, %v", f, err)
	}
	for name, status := range map[string]int{"unknown": http.StatusNotFound, "closed": http.StatusForbidden} {
		b.Before["local"] = testbed.RefuseAll("GET", "left/over/tags/list", status)
		_, err := newVerifyRegistry(b).Diff(t.Context(), &runner.Disk{}, nil)
		if told := err != nil && strings.Contains(err.Error(), "extra: repository "+testbed.LocalHost+"/left/over"); told != (status == http.StatusForbidden) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestVerifyRegistryErrors(t *testing.T) {
	tests := map[string]struct {
		set        func(t *testing.T, b *testbed.Registries, v *verifyRegistry)
		want, hint string
	}{
		"nothing listens": {
			func(_ *testing.T, b *testbed.Registries, _ *verifyRegistry) {
				b.Before["local"] = func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }
			}, "192.0.2.1:8787", "",
		},
		"a web server": {
			func(_ *testing.T, b *testbed.Registries, _ *verifyRegistry) {
				b.Before["local"] = testbed.RefuseAll("GET", "", http.StatusNotFound)
			}, "192.0.2.1:8787: it answers, but not as a container registry", "check host of the connection",
		},
		"a wrong password": {
			func(t *testing.T, b *testbed.Registries, v *verifyRegistry) {
				b.Connect(t, "wrong")
				v.out = b.Set
			}, `192.0.2.1:8787 refuses the credentials of user "stack"`, "check user and password",
		},
		"things left over": {
			func(t *testing.T, b *testbed.Registries, _ *verifyRegistry) {
				b.Put(t, "rhosp13/openstack-bare:latest", "more/of:it")
				b.Put(t, "rhosp13/openstack-bare:latest", "rhosp12/openstack-base:it")
				b.Put(t, "rhosp13/openstack-bare:latest", "rhosp13/openstack-base:it")
			}, "extra: repository 192.0.2.1:8787/more/of\nextra: repository 192.0.2.1:8787/rhosp12/openstack-base", "",
		},
		"a closed catalog": {
			func(_ *testing.T, b *testbed.Registries, _ *verifyRegistry) {
				b.Before["local"] = testbed.RefuseAll("GET", "/_catalog", http.StatusMethodNotAllowed)
			}, "catalog", "only needs a registry whose catalog can be read",
		},
		"a broken catalog": {
			func(_ *testing.T, b *testbed.Registries, v *verifyRegistry) {
				v.Only.Text = ""
				b.Before["local"] = func(w http.ResponseWriter, r *http.Request) bool {
					found := strings.HasSuffix(r.URL.Path, "/_catalog")
					if found {
						_, _ = w.Write([]byte("<html>"))
					}
					return found
				}
			}, "reading the catalog", "",
		},
		"no list": {
			func(t *testing.T, b *testbed.Registries, _ *verifyRegistry) { steptest.Remove(t, string(b.File())) },
			"images.yaml", "a prepare step writes it",
		},
		"a list for another registry": {
			func(t *testing.T, b *testbed.Registries, _ *verifyRegistry) {
				b.Write(t, "container_images:\n- imagename: a.example/b:1\n  push_destination: c.example\n")
			}, `is to be pushed to "c.example"`, "",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := testbed.NewRegistries(t)
			v := newVerifyRegistry(b)
			tt.set(t, b, v)
			_, err := v.Verify(t.Context(), &runner.Disk{})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(fault.Hint(err), tt.hint) {
				t.Errorf("got %v (hint %q), want %q (%q)", err, fault.Hint(err), tt.want, tt.hint)
			}
		})
	}
}

func TestVerifyRegistryUnknownConnection(t *testing.T) {
	b := testbed.NewRegistries(t)
	v := &verifyRegistry{Registry: "locla", out: b.Set}
	if err := v.Validate(); err == nil || !strings.Contains(fault.Hint(err), "did you mean local?") {
		t.Errorf("got %v", err)
	}
}
