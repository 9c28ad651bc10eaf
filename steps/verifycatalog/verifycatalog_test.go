package verifycatalog

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/connections"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// newVerifyCatalog checks the images of the bench's list.
func newVerifyCatalog(b *testbed.Registries) *verifyCatalog {
	v := &verifyCatalog{Registry: "local", Exact: true, out: b.Set}
	v.Expect.Text = b.File()
	return v
}

func TestVerifyCatalogLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type((*connections.Set)(nil)), Fresh: func(t *testing.T) *steptest.Fixture {
		b := testbed.NewRegistries(t)
		return &steptest.Fixture{
			New:      func() runner.Step { return newVerifyCatalog(b) },
			Satisfy:  b.Fill,
			Dirs:     []string{b.Dir},
			Snapshot: func() string { return b.Snapshot(t) },
			Close:    b.CloseLocal,
			Secrets:  []string{testbed.RegistryPassword},
			Break: []steptest.Break{
				{Name: "a tag is deleted", Do: func(t *testing.T) { b.Remove(t, "/v2/rhosp13/openstack-base/manifests/13.0-40") }},
				{Name: "a tag is moved", Do: func(t *testing.T) {
					b.Put(t, "rhosp13/openstack-nova-api:13.0-40", "rhosp13/openstack-base:13.0-40")
				}},
				{Name: "a repository is added", Do: func(t *testing.T) { b.Put(t, "rhosp13/openstack-bare:latest", "other/thing:1") }},
				{Name: "the list grows", Do: func(t *testing.T) { b.List(t, "base", "nova-api", "nova-compute", "ahead") }},
			},
		}
	}})
}

func TestVerifyCatalog(t *testing.T) {
	b := testbed.NewRegistries(t)
	b.Fill(t)
	want := "[rhosp13/openstack-base rhosp13/openstack-nova-api rhosp13/openstack-nova-compute] 3"
	f, err := newVerifyCatalog(b).Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil || f.Change != nil {
		t.Fatalf("got %+v, %v", f, err)
	}
	if got := fmt.Sprint(f.Outputs["repositories"].Items(), " ", f.Outputs["count"]); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := newVerifyCatalog(b).Verify(t.Context(), &runner.Disk{}); err != nil {
		t.Error(err)
	}
	// Further tags are let be, and without exact further repositories, too.
	b.Put(t, "rhosp13/openstack-bare:latest", "rhosp13/openstack-base:old")
	if _, err := newVerifyCatalog(b).Verify(t.Context(), &runner.Disk{}); err != nil {
		t.Error(err)
	}
	b.Put(t, "rhosp13/openstack-bare:latest", "more/of:it")
	loose := newVerifyCatalog(b)
	loose.Exact = false
	if f, err := loose.Diff(t.Context(), &runner.Disk{}, nil); err != nil || f.Outputs["count"].String() != "4" {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestVerifyCatalogTellsEach(t *testing.T) {
	b := testbed.NewRegistries(t)
	b.Put(t, "rhosp13/openstack-nova-api:13.0-40", "rhosp13/openstack-base:13.0-40")
	b.Put(t, "rhosp13/openstack-nova-api:13.0-40", "rhosp13/openstack-nova-api:other")
	b.Put(t, "rhosp13/openstack-bare:latest", "more/of:it")
	_, err := newVerifyCatalog(b).Diff(t.Context(), &runner.Disk{}, nil)
	if err == nil {
		t.Fatal("all is well")
	}
	digest := func(ref string) string {
		d, err := b.Registry().Resolve(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		return d.Digest
	}
	base, api := digest(testbed.UpstreamHost+"/rhosp13/openstack-base:13.0-40"), digest(testbed.UpstreamHost+"/rhosp13/openstack-nova-api:13.0-40")
	want := []string{
		"missing: repository " + testbed.LocalHost + "/rhosp13/openstack-nova-compute",
		"extra: repository " + testbed.LocalHost + "/more/of",
		"drifted: 192.0.2.1:8787/rhosp13/openstack-base:13.0-40 is " + api + ", its source registry.access.redhat.com/rhosp13/openstack-base:13.0-40 is " + base,
		"missing: 192.0.2.1:8787/rhosp13/openstack-nova-api:13.0-40 (source registry.access.redhat.com/rhosp13/openstack-nova-api:13.0-40); that image is there, but not under the tag",
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	image := func(kind, name, want, have string) fault.Problem {
		return fault.Problem{
			Kind: kind, What: "image", Name: testbed.LocalHost + "/rhosp13/openstack-" + name, Source: testbed.UpstreamHost + "/rhosp13/openstack-" + name,
			Want: want, Have: have, Untagged: kind == "missing",
		}
	}
	problems := []fault.Problem{
		{Kind: "missing", What: "repository", Name: testbed.LocalHost + "/rhosp13/openstack-nova-compute"},
		{Kind: "extra", What: "repository", Name: testbed.LocalHost + "/more/of"},
		image("drifted", "base:13.0-40", base, api),
		image("missing", "nova-api:13.0-40", api, ""),
	}
	if diff := cmp.Diff(problems, fault.Problems(err)); diff != "" {
		t.Errorf("for programs (-want +got):\n%s", diff)
	}
}

// Where the tag was moved, the image itself is there still, unlike where the
// source has gone on.
func TestVerifyCatalogDrift(t *testing.T) {
	tests := map[string]struct {
		set      func(t *testing.T, b *testbed.Registries)
		untagged bool
	}{
		"the tag was moved": {func(t *testing.T, b *testbed.Registries) {
			b.Put(t, "rhosp13/openstack-bare:latest", "rhosp13/openstack-base:13.0-40")
		}, true},
		"the source has gone on": {func(t *testing.T, b *testbed.Registries) {
			b.Local = testbed.OpenRegistry(t, testbed.LocalConfig())
			b.Put(t, "rhosp13/openstack-nova-api:13.0-40", "rhosp13/openstack-nova-api:13.0-40")
			b.Put(t, "rhosp13/openstack-nova-compute:13.0-40", "rhosp13/openstack-nova-compute:13.0-40")
			b.Put(t, "rhosp13/openstack-bare:latest", "rhosp13/openstack-base:13.0-40")
		}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := testbed.NewRegistries(t)
			b.Fill(t)
			tt.set(t, b)
			_, err := newVerifyCatalog(b).Diff(t.Context(), &runner.Disk{}, nil)
			problems := fault.Problems(err)
			if len(problems) != 1 || problems[0].Kind != "drifted" || problems[0].Untagged != tt.untagged {
				t.Fatalf("got %v", err)
			}
			if told := strings.Contains(err.Error(), "that image is there, but not under the tag"); told != tt.untagged {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Only with deep does a diff ask for blobs; a verify does in any case.
func TestVerifyCatalogDeep(t *testing.T) {
	b := testbed.NewRegistries(t)
	b.Fill(t)
	b.Before["local"] = testbed.RefuseReads("openstack-base/blobs", 404)
	v := newVerifyCatalog(b)
	if _, err := v.Diff(t.Context(), &runner.Disk{}, nil); err != nil {
		t.Errorf("not deep: %v", err)
	}
	v.Deep = true
	_, err := v.Diff(t.Context(), &runner.Disk{}, nil)
	problems := fault.Problems(err)
	if len(problems) != 4 { // a configuration and three layers
		t.Fatalf("got %v", err)
	}
	for _, p := range problems {
		if p.Kind != "incomplete" || p.Name != testbed.LocalHost+"/rhosp13/openstack-base:13.0-40" || !strings.HasPrefix(p.Lacks, "blob sha256:") {
			t.Errorf("got %+v", p)
		}
	}
}

// What has a digest is looked for by it, and nobody is asked at the source.
func TestVerifyCatalogOfReferences(t *testing.T) {
	b := testbed.NewRegistries(t)
	b.Fill(t)
	f, err := newVerifyCatalog(b).Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	images := f.Outputs["images"].Items()
	if len(images) != 3 || !strings.HasPrefix(images[0], testbed.LocalHost+"/rhosp13/openstack-base:13.0-40@sha256:") {
		t.Fatalf("got %v", images)
	}
	b.Before["upstream"] = func(w http.ResponseWriter, r *http.Request) bool {
		t.Errorf("the source is asked: %s %s", r.Method, r.URL)
		w.WriteHeader(http.StatusNotFound)
		return true
	}
	v := newVerifyCatalog(b)
	v.Expect = testbed.Inline(images...)
	if f, err = v.Diff(t.Context(), &runner.Disk{}, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(images, f.Outputs["images"].Items()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	b.Remove(t, "/v2/rhosp13/openstack-base/manifests/13.0-40")
	_, err = v.Diff(t.Context(), &runner.Disk{}, nil)
	_, digest, _ := strings.Cut(images[0], "@")
	want := []fault.Problem{{
		Kind: "missing", What: "image", Name: testbed.LocalHost + "/rhosp13/openstack-base:13.0-40", Want: digest, Untagged: true,
	}}
	if diff := cmp.Diff(want, fault.Problems(err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What keeps all images from being looked at is told once.
func TestVerifyCatalogUnseen(t *testing.T) {
	b := testbed.NewRegistries(t)
	b.Fill(t)
	b.Before["upstream"] = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "nova-compute") {
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	_, err := newVerifyCatalog(b).Diff(t.Context(), &runner.Disk{}, nil)
	if err == nil || strings.Count(err.Error(), "asks for credentials") != 1 || !strings.Contains(err.Error(), "openstack-base:13.0-40 and 1 more") ||
		!strings.Contains(err.Error(), "openstack-nova-compute:13.0-40: source: ") {
		t.Errorf("got %v", err)
	}
	if got := fault.Problems(err); len(got) > 0 {
		t.Errorf("nothing is known to be wrong: %+v", got)
	}
}

// A repository without a tag is no extra one.
func TestVerifyCatalogUntagged(t *testing.T) {
	b := testbed.NewRegistries(t)
	b.Put(t, "rhosp13/openstack-bare:latest", "left/over:1")
	b.Put(t, "rhosp13/openstack-base:13.0-40", "rhosp13/openstack-base:13.0-40")
	b.Remove(t, "/v2/left/over/manifests/1")
	b.List(t, "base")
	if _, err := newVerifyCatalog(b).Diff(t.Context(), &runner.Disk{}, nil); err != nil {
		t.Error(err)
	}
}

func TestVerifyCatalogMistakes(t *testing.T) {
	b := testbed.NewRegistries(t)
	v := &verifyCatalog{Registry: "local", out: b.Set}
	v.Expect = testbed.Inline("", "a.example/b:1", "a.example/b", "b:1")
	err := v.Validate()
	if err == nil || strings.Contains(err.Error(), "a.example/b:1") || !strings.Contains(err.Error(), "has no tag") || !strings.Contains(err.Error(), `"b:1"`) {
		t.Errorf("got %v", err)
	}
}

func TestVerifyCatalogWithoutCatalog(t *testing.T) {
	b := testbed.NewRegistries(t)
	b.Fill(t)
	b.Before["local"] = testbed.RefuseAll("GET", "/_catalog", http.StatusNotFound)
	_, err := newVerifyCatalog(b).Diff(t.Context(), &runner.Disk{}, nil)
	if err == nil || !strings.Contains(fault.Hint(err), "exact: true needs") {
		t.Errorf("got %v", err)
	}
	loose := newVerifyCatalog(b)
	loose.Exact = false
	if f, err := loose.Diff(t.Context(), &runner.Disk{}, nil); err != nil || f.Outputs["count"].String() != "3" {
		t.Errorf("got %+v, %v", f, err)
	}
	b.Remove(t, "/v2/rhosp13/openstack-base/manifests/13.0-40")
	if _, err := loose.Diff(t.Context(), &runner.Disk{}, nil); err == nil || !strings.Contains(err.Error(), "missing: 192.0.2.1:8787/rhosp13/openstack-base:13.0-40") {
		t.Errorf("got %v", err)
	}
}

func TestVerifyCatalogErrors(t *testing.T) {
	tests := map[string]struct {
		set  func(t *testing.T, b *testbed.Registries)
		want string
	}{
		"the source does not answer": {
			func(_ *testing.T, b *testbed.Registries) {
				b.Before["upstream"] = testbed.RefuseReads("", http.StatusForbidden)
			},
			"source: registry.access.redhat.com/rhosp13/openstack-base:13.0-40: there is no such repository, or an anonymous user has no right to it",
		},
		"a blob is gone": {
			func(_ *testing.T, b *testbed.Registries) {
				b.Before["local"] = testbed.RefuseReads("openstack-base/blobs", 404)
			},
			"incomplete: 192.0.2.1:8787/rhosp13/openstack-base:13.0-40 lacks blob",
		},
		"another destination": {
			func(t *testing.T, b *testbed.Registries) {
				b.Write(t, "container_images:\n- imagename: a.example/b:1\n  push_destination: c.example\n")
			}, `is to be pushed to "c.example"`,
		},
		"the list is gone": {
			func(t *testing.T, b *testbed.Registries) { steptest.Remove(t, string(b.File())) }, "images.yaml",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := testbed.NewRegistries(t)
			b.Fill(t)
			tt.set(t, b)
			_, err := newVerifyCatalog(b).Verify(t.Context(), &runner.Disk{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
