package mirror

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/connections"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

const moving = "rhosp13/openstack-base:13.0-40"

// moveOn lets the tag at the destination stand for an image of upstream, so that a run moves it.
func moveOn(t *testing.T, b *testbed.Registries, name string) {
	t.Helper()
	b.Put(t, "rhosp13/openstack-"+name+":latest", moving)
}

func TestMirrorReplacedLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type((*connections.Set)(nil)), Fresh: func(t *testing.T) *steptest.Fixture {
		b := testbed.NewRegistries(t)
		moveOn(t, b, "bare")
		return &steptest.Fixture{
			New: func() runner.Step {
				m := newMirror(b)
				m.Replaced, m.Prune = &replacedRule{Keep: new(2)}, &pruneRule{}
				return m
			},
			Dirs:     []string{b.Dir},
			Snapshot: func() string { return b.Snapshot(t) },
			Close:    b.CloseLocal,
			Secrets:  []string{testbed.RegistryPassword},
			Break:    []steptest.Break{{Name: "the tag is another image", Do: func(t *testing.T) { moveOn(t, b, "ahead") }}},
		}
	}})
}

// kept gives what the tags of the moving tag's repository stand for, by names of images.
func kept(t *testing.T, b *testbed.Registries) map[string]string {
	t.Helper()
	names := map[string]string{}
	for _, name := range []string{"base", "bare", "ahead", "nova-api", "nova-compute"} {
		names[b.Resolved(t, name+":latest")] = name
	}
	found := map[string]string{}
	for image, digest := range b.Holds(t) {
		if tag, ok := strings.CutPrefix(image, "rhosp13/openstack-base:"); ok {
			found[tag] = names[digest]
		}
	}
	return found
}

// What a tag stood for is kept, the latest first, and prune leaves it alone. A diff tells it.
func TestMirrorReplaced(t *testing.T) {
	b := testbed.NewRegistries(t)
	b.List(t, "base")
	m := newMirror(b)
	m.Replaced, m.Prune = &replacedRule{Keep: new(2)}, &pruneRule{}
	apply := func() *runner.Finding {
		t.Helper()
		f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
			t.Fatal(err)
		}
		return f
	}
	moveOn(t, b, "bare")
	f := apply()
	if it := f.Change.Items[0]; it.Op != runner.Create || it.Name != testbed.LocalHost+"/"+moving+".before" || it.To != b.Resolved(t, "bare:latest") {
		t.Errorf("the diff tells %+v", it)
	}
	if !strings.Contains(f.Change.Summary, "; 1 tag for what is replaced") {
		t.Errorf("summary: %s", f.Change.Summary)
	}
	for _, tt := range []struct {
		name string
		want map[string]string
	}{
		{"ahead", map[string]string{"13.0-40": "base", "13.0-40.before": "ahead", "13.0-40.before-2": "bare"}},
		{"nova-api", map[string]string{"13.0-40": "base", "13.0-40.before": "nova-api", "13.0-40.before-2": "ahead"}},
		{"ahead", map[string]string{"13.0-40": "base", "13.0-40.before": "ahead", "13.0-40.before-2": "nova-api"}}, // each once
	} {
		moveOn(t, b, tt.name)
		apply()
		if diff := cmp.Diff(tt.want, kept(t, b)); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", tt.name, diff)
		}
	}
	if f, err := m.Diff(t.Context(), &runner.Disk{}, nil); err != nil || f.Change != nil {
		t.Errorf("there is something left to do: %+v, %v", f, err)
	}
	m.Replaced.Keep = new(1) // prune removes those beyond
	apply()
	if diff := cmp.Diff(map[string]string{"13.0-40": "base", "13.0-40.before": "ahead"}, kept(t, b)); diff != "" {
		t.Errorf("with fewer (-want +got):\n%s", diff)
	}
}

// killing kills a run at a manifest's PUT.
func killing(n int, cancel context.CancelFunc) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/manifests/") {
			return false
		}
		if n--; n >= 0 {
			return false
		}
		cancel()
		w.WriteHeader(http.StatusForbidden)
		return true
	}
}

// A run that is killed at any moment, and repeated, keeps what a run keeps that is not.
func TestMirrorReplacedKilled(t *testing.T) {
	for n := range 5 {
		b := testbed.NewRegistries(t)
		b.List(t, "base")
		for tag, name := range map[string]string{"": "ahead", ".before": "nova-api", ".before-2": "nova-compute", ".before-3": "bare"} {
			b.Put(t, "rhosp13/openstack-"+name+":latest", moving+tag)
		}
		m := newMirror(b)
		m.Replaced = &replacedRule{Keep: new(3)}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for try, run := range []context.Context{ctx, t.Context(), t.Context()} {
			f, err := m.Diff(run, &runner.Disk{}, nil)
			if err == nil && f.Change != nil {
				if b.Before["local"] = nil; try == 0 {
					b.Before["local"] = killing(n, cancel)
				}
				_, err = f.Change.Apply(run, &steptest.Progress{})
			}
			if (err != nil) != (try == 0 && n < 4) {
				t.Fatalf("killed at PUT %d, run %d: %v", n, try, err)
			}
		}
		want := map[string]string{"13.0-40": "base", "13.0-40.before": "ahead", "13.0-40.before-2": "nova-api", "13.0-40.before-3": "nova-compute"}
		if diff := cmp.Diff(want, kept(t, b)); diff != "" {
			t.Errorf("killed at PUT %d (-want +got):\n%s", n, diff)
		}
	}
}

// An image whose predecessor cannot be kept is not copied; the others are.
func TestMirrorReplacedRefused(t *testing.T) {
	b := testbed.NewRegistries(t)
	moveOn(t, b, "bare")
	m := newMirror(b)
	m.Replaced = &replacedRule{}
	b.Before["local"] = testbed.RefuseAll("PUT", ".before", http.StatusForbidden)
	f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Change.Apply(t.Context(), &steptest.Progress{})
	if err == nil || !strings.Contains(err.Error(), "keeping what "+testbed.LocalHost+"/"+moving+" stands for: destination: ") {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(map[string]string{"13.0-40": "bare"}, kept(t, b)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := len(b.Holds(t)); got != 3 {
		t.Errorf("%d tags are there", got)
	}
}

// A layout keeps them, too.
func TestMirrorReplacedInLayout(t *testing.T) {
	for _, file := range []string{"media", "media.tar"} {
		b := testbed.NewRegistries(t)
		path := filepath.Join(b.Dir, file)
		for _, name := range []string{"bare", "ahead", "base"} {
			m := newMirror(b)
			b.Write(t, testbed.UpstreamHost+"/rhosp13/openstack-"+name+":latest\n")
			m.To, m.Replaced, m.Prune = layoutAt(path), &replacedRule{Tag: "old-{tag}", Keep: new(2)}, &pruneRule{}
			m.Rename = imagelist.Renames{{From: "rhosp13/openstack-" + name, To: "app"}}
			f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
				t.Fatal(err)
			}
			if _, err := m.Verify(t.Context(), &runner.Disk{}); err != nil {
				t.Error(err)
			}
		}
		images, err := b.Registry().LayoutImages(path)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, image := range images {
			name, digest, _ := strings.Cut(strings.TrimPrefix(image, registry.LayoutPrefix+path+":"), "@")
			got[name] = digest
		}
		want := map[string]string{"app:latest": b.Resolved(t, "base:latest"), "app:old-latest": b.Resolved(t, "ahead:latest"), "app:old-latest-2": b.Resolved(t, "bare:latest")}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

// Two images are never kept under one name, whether or not their tags move on in this run.
func TestReplacedOneName(t *testing.T) {
	for name, tt := range map[string]struct {
		rule    replacedRule
		targets []string
		want    string
	}{
		"the second image of one tag": {replacedRule{"old-{tag}", new(2)}, []string{"r.test/a:1.0", "r.test/a:1.0-2"}, "r.test/a:1.0 and r.test/a:1.0-2 would both be kept as r.test/a:old-1.0-2"},
		"in the other order":          {replacedRule{"old-{tag}", new(3)}, []string{"r.test/a:1.0-3", "r.test/a:1.0"}, "would both be kept as r.test/a:old-1.0-3"},
		"in a layout":                 {replacedRule{"old.{tag}", new(9)}, []string{"oci:/x:a:7", "oci:/x:a:7-9"}, "would both be kept as oci:/x:a:old.7-9"},
		"one image each":              {replacedRule{"old-{tag}", new(1)}, []string{"r.test/a:1.0", "r.test/a:1.0-2"}, ""},
		"the tag comes first":         {replacedRule{"{tag}-old", new(2)}, []string{"r.test/a:1.0", "r.test/a:1.0-2"}, ""},
		"two repositories":            {replacedRule{"old-{tag}", new(2)}, []string{"r.test/a:1.0", "r.test/b:1.0-2"}, ""},
		"one image twice":             {replacedRule{"old-{tag}", new(2)}, []string{"r.test/a:1.0", "r.test/a:1.0"}, ""},
		"no tag":                      {replacedRule{"old-{tag}", new(2)}, []string{"r.test:5000/a@sha256:1", "r.test:5000/b@sha256:2"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			table := &registry.TransferPlan{}
			for _, target := range tt.targets {
				table.Images = append(table.Images, &registry.ImagePlan{Image: registry.Image{Target: target}})
			}
			err := (&mirror{Replaced: &tt.rule}).checkNames(table)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// An image of which is not known what is kept already is not copied; the others are.
func TestMirrorReplacedUnknown(t *testing.T) {
	for name, tt := range map[string]struct {
		part   string
		status int
	}{
		"no access":                      {moving + ".before", http.StatusForbidden},
		"no access to the second one":    {moving + ".before-2", http.StatusForbidden},
		"the registry takes no such tag": {moving + ".before", http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			b := testbed.NewRegistries(t)
			moveOn(t, b, "bare")
			m := newMirror(b)
			m.Replaced = &replacedRule{Keep: new(2)}
			b.Before["local"] = testbed.RefuseReads(strings.Replace(tt.part, ":", "/manifests/", 1), tt.status)
			f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if want := "keeping what " + testbed.LocalHost + "/" + moving + " stands for: destination: "; f.Err == nil || !strings.Contains(f.Err.Error(), want) {
				t.Errorf("got %v, want %s", f.Err, want)
			}
			for _, it := range f.Change.Items {
				if strings.Contains(it.Name, moving) {
					t.Errorf("the diff tells %+v", it)
				}
			}
			if _, err = f.Change.Apply(t.Context(), &steptest.Progress{}); err == nil {
				t.Error("the run succeeds")
			}
			b.Before["local"] = nil
			if diff := cmp.Diff(map[string]string{"13.0-40": "bare"}, kept(t, b)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := len(b.Holds(t)); got != 3 {
				t.Errorf("%d tags are there", got)
			}
		})
	}
}

func TestValidateReplaced(t *testing.T) {
	for tag, want := range map[string]string{
		"": "", "{tag}.before": "", "old_{tag}": "", "before": `replaced.tag: "before" has no {tag} in it, and the images of all tags would have one name`,
		"{tag}": "replaced.tag: {tag} alone is the tag that moves on", "{tag}/x": `replaced.tag: "{tag}/x" is not {tag} with letters, digits and _ . - beside it`,
		"{tag}-{digest}": `replaced.tag: "{tag}-{digest}" is not {tag} with letters, digits and _ . - beside it`, "-{tag}": `replaced.tag: "-{tag}" is not {tag} with letters, digits and _ . - beside it`,
	} {
		got := ""
		if err := errors.Join((&replacedRule{Tag: tag}).validate()...); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", tag, got, want)
		}
	}
	b := testbed.NewRegistries(t)
	b.Write(t, testbed.UpstreamHost+"/rhosp13/openstack-ahead:13.0-39\n"+testbed.UpstreamHost+"/rhosp13/openstack-ahead:13.0-40\n")
	m := newMirror(b)
	m.Replaced = &replacedRule{Tag: "{tag}"}
	m.Rename = imagelist.Renames{{From: "rhosp13/openstack-ahead:13.0-40", To: "rhosp13/openstack-ahead:13.0-39.old"}}
	m.Replaced.Tag = "{tag}.old"
	if err := steptest.Failure(m.Diff(t.Context(), &runner.Disk{}, nil)); err == nil || !strings.Contains(err.Error(), "which the list names too") {
		t.Errorf("got %v", err)
	}
}
