package mirror

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/connections"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

func TestMirrorPruneLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type((*connections.Set)(nil)), Fresh: func(t *testing.T) *steptest.Fixture {
		b := testbed.NewRegistries(t)
		b.Put(t, "rhosp13/openstack-bare:latest", "rhosp13/openstack-base:old")
		return &steptest.Fixture{
			New: func() runner.Step {
				m := newMirror(b)
				m.Prune = &pruneRule{Repositories: []string{"rhosp13/*"}}
				return m
			},
			Dirs:     []string{b.Dir},
			Snapshot: func() string { return b.Snapshot(t) },
			Close:    b.CloseLocal,
			Secrets:  []string{testbed.RegistryPassword},
			Break: []steptest.Break{
				{Name: "a tag is added", Do: func(t *testing.T) {
					b.Put(t, "rhosp13/openstack-bare:latest", "rhosp13/openstack-base:new")
				}},
				{Name: "a repository is added", Do: func(t *testing.T) {
					b.Put(t, "rhosp13/openstack-bare:latest", "rhosp13/another:1")
				}},
				{Name: "the list shrinks", Do: func(t *testing.T) { b.List(t, "base", "nova-api") }},
			},
		}
	}})
}

func TestMirrorPruneLayoutLaws(t *testing.T) {
	for _, file := range []string{"media", "media.tar"} {
		t.Run(file, func(t *testing.T) {
			steptest.Laws(t, steptest.Case{Type: Type((*connections.Set)(nil)), Fresh: func(t *testing.T) *steptest.Fixture {
				b := testbed.NewRegistries(t)
				path := filepath.Join(b.Dir, file)
				return &steptest.Fixture{
					New: func() runner.Step {
						m := newMirror(b)
						m.To, m.Prune = layoutAt(path), &pruneRule{Repositories: []string{"rhosp13/*"}}
						return m
					},
					Dirs:  []string{b.Dir},
					Break: []steptest.Break{{Name: "the list shrinks", Do: func(t *testing.T) { b.List(t, "base", "nova-api") }}},
				}
			}})
		})
	}
}

// What goes is told by the diff, each tag on its own, and goes after the copies.
func TestMirrorPrune(t *testing.T) {
	b := testbed.NewRegistries(t)
	m := newMirror(b)
	m.Prune = &pruneRule{Keep: 1}
	apply := func(prior *runner.Record) (*runner.Finding, *steptest.Progress) {
		t.Helper()
		f, err := m.Diff(t.Context(), &runner.Disk{}, prior)
		if err != nil {
			t.Fatal(err)
		}
		done := &steptest.Progress{}
		if f.Change != nil {
			if _, err := f.Change.Apply(t.Context(), done); err != nil {
				t.Fatal(err)
			}
		}
		return f, done
	}
	first, _ := apply(nil)
	b.List(t, "base")
	for _, tag := range []string{"12.0-9", "12.0-10", "old"} {
		b.Put(t, "rhosp13/openstack-bare:latest", "rhosp13/openstack-base:"+tag)
		b.Put(t, "rhosp13/openstack-bare:latest", "rhosp13/openstack-nova-api:"+tag)
		b.Put(t, "rhosp13/openstack-bare:latest", "other/thing:"+tag)
	}
	f, done := apply(&runner.Record{Outputs: first.Outputs})
	if want := "1 image unchanged; 5 tags to remove"; f.Change == nil || f.Change.Summary != want {
		t.Fatalf("got %+v, want %s", f.Change, want)
	}
	var names []string
	for _, it := range f.Change.Items {
		if it.Op != runner.Remove || it.What != "tag" || !strings.HasPrefix(it.Note, "sha256:") {
			t.Errorf("got %+v", it)
		}
		names = append(names, strings.TrimPrefix(it.Name, testbed.LocalHost+"/rhosp13/openstack-"))
	}
	want := []string{"base:12.0-9", "base:old", "nova-api:12.0-10", "nova-api:12.0-9", "nova-api:old"}
	if diff := cmp.Diff(want, names); diff != "" || len(done.Items) != 5 {
		t.Errorf("%d are done (-want +got):\n%s", len(done.Items), diff)
	}
	if got := b.Holds(t); len(got) != 2+1+1+3 {
		t.Errorf("it holds %v", got)
	}
	if f, _ = apply(&runner.Record{Outputs: f.Outputs}); f.Change != nil {
		t.Errorf("the second time: %+v", f.Change)
	}
}

// Nothing is removed as long as an image could not be copied.
func TestMirrorPruneAfterCopies(t *testing.T) {
	b := testbed.NewRegistries(t)
	b.Put(t, "rhosp13/openstack-bare:latest", "rhosp13/openstack-base:old")
	m := newMirror(b)
	m.Prune = &pruneRule{}
	f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil || !strings.HasSuffix(f.Change.Summary, "; 1 tag to remove") {
		t.Fatalf("%+v, %v", f, err)
	}
	b.Before["upstream"] = testbed.RefuseAll("GET", "/openstack-nova-api/blobs/", http.StatusForbidden)
	if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err == nil {
		t.Fatal("no error")
	}
	if got := b.Holds(t); got["rhosp13/openstack-base:old"] == "" {
		t.Errorf("it holds %v", got)
	}
	_, err = m.Verify(t.Context(), &runner.Disk{})
	if err == nil || !strings.Contains(err.Error(), "extra: "+testbed.LocalHost+"/rhosp13/openstack-base:old") {
		t.Errorf("got %v", err)
	}
	b.Before["upstream"] = nil
	b.Before["local"] = testbed.RefuseAll("DELETE", "/manifests/", http.StatusMethodNotAllowed)
	_, err = f.Change.Apply(t.Context(), &steptest.Progress{})
	if err == nil || !strings.Contains(err.Error(), "the registry does not allow deletion") || !strings.Contains(fault.Hint(err), "DELETE_ENABLED") {
		t.Errorf("got %v (%s)", err, fault.Hint(err))
	}
	if _, err := m.Verify(t.Context(), &runner.Disk{}); err == nil || fault.Hint(err) != "apply again: prune removes what is not in the list" {
		t.Errorf("got %v (%s)", err, fault.Hint(err))
	}
}

// A list that has become empty, as by accident, does not empty the registry.
func TestMirrorPruneEmptyList(t *testing.T) {
	b := testbed.NewRegistries(t)
	b.Fill(t)
	b.Write(t, "container_images: []\n")
	m := newMirror(b)
	m.Prune = &pruneRule{Repositories: []string{"*/*"}}
	_, err := m.Diff(t.Context(), &runner.Disk{}, nil)
	if err == nil || !strings.Contains(err.Error(), "the list names no image") || fault.Hint(err) == "" {
		t.Errorf("got %v (%s)", err, fault.Hint(err))
	}
}

func TestPruneValidate(t *testing.T) {
	for name, tt := range map[string]struct {
		rule *pruneRule
		want string
	}{
		"none":       {nil, ""},
		"empty":      {&pruneRule{}, ""},
		"patterns":   {&pruneRule{Repositories: []string{"a/*", "b", "c/[a-z]?", ""}, Keep: 3}, ""},
		"negative":   {&pruneRule{Keep: -1}, "prune.keep: -1 is less than 0"},
		"no pattern": {&pruneRule{Repositories: []string{"a", "b["}}, `prune.repositories[1]: "b[" is not a valid pattern`},
		"two stars":  {&pruneRule{Repositories: []string{"apps/**"}}, `prune.repositories[0]: "apps/**": * stands for text without a slash`},
		"a host":     {&pruneRule{Repositories: []string{"a.example:5000/app"}}, "has a host, a tag or a digest"},
		"a tag":      {&pruneRule{Repositories: []string{"app:old"}}, "has a host, a tag or a digest"},
		"of a tag":   {&pruneRule{Repositories: []string{"apps/*:old"}}, "has a host, a tag or a digest"},
		"no name":    {&pruneRule{Repositories: []string{"b", "a//b"}}, `prune.repositories[1]: "a//b" is not the name of a repository`},
		"upper case": {&pruneRule{Repositories: []string{"App"}}, `"App" is not the name of a repository`},
	} {
		t.Run(name, func(t *testing.T) {
			m := mirror{Parallel: 4, Signatures: keep("ignore"), Prune: tt.rule, out: (*connections.Set)(nil)}
			m.Images.Text = "/list"
			err := m.Validate()
			if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
