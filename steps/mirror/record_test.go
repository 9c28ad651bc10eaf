package mirror

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/registryserver"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/connections"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// layer gives the digest of the first layer of an image at the local registry,
// which all images of the bench share.
func layer(t *testing.T, b *testbed.Registries, name string) string {
	t.Helper()
	var m struct{ Layers []struct{ Digest string } }
	w := b.Ask(t, b.Local, "GET", "/v2/rhosp13/"+name+"/manifests/13.0-40")
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil || len(m.Layers) == 0 {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return m.Layers[0].Digest
}

// mirrored applies a mirror step and gives the record that the runner would keep.
func mirrorOnce(t *testing.T, b *testbed.Registries) *runner.Record {
	t.Helper()
	m := newMirror(b)
	f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
		t.Fatal(err)
	}
	out, err := m.Verify(t.Context(), &runner.Disk{})
	if err != nil {
		t.Fatal(err)
	}
	return &runner.Record{Outputs: out}
}

// An image that has lost a blob is found by verify. A record is believed, so
// it costs nothing to look as long as there is one; without it the next apply
// mends the image.
func TestMirrorMendsHoles(t *testing.T) {
	b := testbed.NewRegistries(t)
	record := mirrorOnce(t, b)
	lost := layer(t, b, "openstack-nova-api")
	b.Remove(t, "/v2/rhosp13/openstack-nova-api/blobs/"+lost)

	if f, err := newMirror(b).Diff(t.Context(), &runner.Disk{}, record); err != nil || f.Change != nil {
		t.Errorf("with its record: %+v, %v", f, err)
	}
	_, err := newMirror(b).Verify(t.Context(), &runner.Disk{})
	if want := "incomplete: 192.0.2.1:8787/rhosp13/openstack-nova-api:13.0-40 lacks blob " + lost; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	f, err := newMirror(b).Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil || f.Change == nil {
		t.Fatalf("without its record: %+v, %v", f, err)
	}
	if want := "1 image: 0 blobs (0 B) to pull, 1 mount; 2 images unchanged"; f.Change.Summary != want {
		t.Errorf("summary %q, want %q", f.Change.Summary, want)
	}
	if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
		t.Fatal(err)
	}
	if _, err := newMirror(b).Verify(t.Context(), &runner.Disk{}); err != nil {
		t.Error(err)
	}
}

// What a tag shows is noticed whatever the record says.
func TestMirrorNoticesInSpiteOfItsRecord(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, b *testbed.Registries){
		"a tag is deleted": func(t *testing.T, b *testbed.Registries) {
			b.Remove(t, "/v2/rhosp13/openstack-nova-api/manifests/13.0-40")
		},
		"a tag is moved": func(t *testing.T, b *testbed.Registries) {
			b.Put(t, "rhosp13/openstack-base:13.0-40", "rhosp13/openstack-nova-api:13.0-40")
		},
		"all is deleted": func(t *testing.T, b *testbed.Registries) {
			b.Local = testbed.OpenRegistry(t, registryserver.Config{User: "stack", Password: testbed.RegistryPassword})
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := testbed.NewRegistries(t)
			record := mirrorOnce(t, b)
			damage(t, b)
			f, err := newMirror(b).Diff(t.Context(), &runner.Disk{}, record)
			if err != nil || f.Change == nil {
				t.Fatalf("got %+v, %v", f, err)
			}
			if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
				t.Fatal(err)
			}
			if _, err := newMirror(b).Verify(t.Context(), &runner.Disk{}); err != nil {
				t.Error(err)
			}
		})
	}
}

// A record that says more than is true is found out when what it says is
// built on, and then nothing is believed any more.
func TestMirrorIsNotMisledByItsRecord(t *testing.T) {
	b := testbed.NewRegistries(t)
	record := mirrorOnce(t, b)
	for _, name := range []string{"base", "nova-api", "nova-compute"} {
		b.Remove(t, "/v2/rhosp13/openstack-"+name+"/blobs/"+layer(t, b, "openstack-"+name))
	}
	b.List(t, "base", "nova-api", "nova-compute", "ahead")
	m := newMirror(b)
	f, err := m.Diff(t.Context(), &runner.Disk{}, record)
	if err != nil {
		t.Fatal(err)
	}
	if want := " to pull, 1 mount; 3 images unchanged"; !strings.HasSuffix(f.Change.Summary, want) {
		t.Errorf("summary %q, want ...%q", f.Change.Summary, want)
	}
	var p steptest.Progress
	if _, err := f.Change.Apply(t.Context(), &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Items) != 4 {
		t.Errorf("%d images were copied, want the new one and the three that had lost a blob", len(p.Items))
	}
	if _, err := newMirror(b).Verify(t.Context(), &runner.Disk{}); err != nil {
		t.Error(err)
	}
}

// How many requests a plan costs that says nothing of signatures, at
// registries that ask for no login.
func TestMirrorRequests(t *testing.T) {
	const many = 45
	var images []registryserver.Image
	var names []string
	for i := range many {
		repository := fmt.Sprintf("rhosp13/openstack-%02d", i)
		images = append(images, registryserver.Image{Repository: repository, Tags: []string{"13.0-40"}})
		names = append(names, testbed.UpstreamHost+"/"+repository+":13.0-40")
	}
	b := testbed.NewRegistries(t)
	b.Upstream = testbed.OpenRegistry(t, registryserver.Config{Images: images})
	b.Local = testbed.OpenRegistry(t, registryserver.Config{})
	client, err := registry.New([]registry.Host{
		{Name: testbed.UpstreamHost, Handler: b.Answer("upstream", &b.Upstream)},
		{Name: testbed.LocalHost, Handler: b.Answer("local", &b.Local)},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Set = connections.With(map[string]string{"upstream": testbed.UpstreamHost, "local": testbed.LocalHost}, client, nil)
	counts := counting(b)

	step := func() *mirror {
		m := Type(b.Set).New().(*mirror)
		m.To, m.Images = to("local"), testbed.Inline(names...)
		return m
	}
	m := step()
	f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var blobs, mounts int
	if _, err := fmt.Sscanf(f.Change.Summary[strings.Index(f.Change.Summary, ":")+1:], "%d blobs", &blobs); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(f.Change.Summary[strings.Index(f.Change.Summary, "pull,")+5:], "%d mounts", &mounts); err != nil {
		t.Fatal(err)
	}
	out, err := f.Change.Apply(t.Context(), &steptest.Progress{})
	if err != nil || out == nil {
		t.Fatalf("the outputs are %v, %v, and should be confirmed", out, err)
	}
	// A GET for each image and one for each blob; a HEAD and a PUT for each
	// image, two for each blob, one for each mount, and the catalog.
	want := map[string]int{"upstream": many + blobs, "local": 2*many + 2*blobs + mounts + 1}
	if diff := cmp.Diff(want, counts()); diff != "" {
		t.Errorf("cold (-want +got):\n%s", diff)
	}
	warm := func(what string, record *runner.Record, want map[string]int) {
		t.Helper()
		if f, err := step().Diff(t.Context(), &runner.Disk{}, record); err != nil || f.Change != nil {
			t.Errorf("%s: %+v, %v", what, f, err)
		}
		if diff := cmp.Diff(want, counts()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	record := &runner.Record{Outputs: out}
	warm("warm", record, map[string]int{"upstream": many, "local": many})
	warm("without a record", nil, map[string]int{"upstream": many, "local": 2*many + blobs + mounts})
	names = nil
	for _, ref := range out["images"].Items() {
		names = append(names, testbed.UpstreamHost+strings.TrimPrefix(ref, testbed.LocalHost))
	}
	warm("warm and by digest", record, map[string]int{"local": many})
}

// counting counts the requests to the registries. What it gives tells how many
// there were since it was last asked.
func counting(b *testbed.Registries) func() map[string]int {
	var mu sync.Mutex
	counts := map[string]int{}
	for _, name := range []string{"upstream", "local"} {
		b.Before[name] = func(http.ResponseWriter, *http.Request) bool {
			mu.Lock()
			defer mu.Unlock()
			counts[name]++
			return false
		}
	}
	return func() map[string]int {
		mu.Lock()
		defer mu.Unlock()
		since := counts
		counts = map[string]int{}
		return since
	}
}

// What a record says is held against names with tags and names with digests.
func TestMirrorRecorded(t *testing.T) {
	one, two, three := "sha256:"+strings.Repeat("1", 64), "sha256:"+strings.Repeat("2", 64), "sha256:"+strings.Repeat("3", 64)
	record := &runner.Record{Outputs: outputs([]string{testbed.LocalHost + "/a:1@" + one, testbed.LocalHost + "/b@" + two, testbed.LocalHost + "/b@" + three}, nil)}
	client, err := registry.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	record.Outputs["images"] = plan.List(append(record.Outputs["images"].Items(), "R.example:443/c:1@"+one, "index.docker.io/busybox:1@"+two)...)
	var got []string
	for _, im := range trustRecorded(client, []registry.Image{
		{Target: "r.example/c:1"},
		{Target: "docker.io/library/busybox:1"},
		{Target: "r.example:80/c:1"},
		{Target: testbed.LocalHost + "/a:1"},
		{Target: testbed.LocalHost + "/a:2"},
		{Target: testbed.LocalHost + "/b@" + two},
		{Target: testbed.LocalHost + "/b@" + three},
		{Target: testbed.LocalHost + "/b@" + one},
		{Target: "198.51.100.7:5000/a:1"},
	}, record) {
		got = append(got, im.Whole)
	}
	if diff := cmp.Diff([]string{one, two, "", one, "", two, three, "", ""}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A list does what it can: an image that cannot be copied loses nobody else's, the error
// names it with its reason, and the next run does not check again what is there.
func TestMirrorDoesWhatItCan(t *testing.T) {
	refuse := func(part string, status int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, part) {
				return false
			}
			w.WriteHeader(status)
			return true
		}
	}
	tests := map[string]struct {
		set  func(t *testing.T, b *testbed.Registries)
		want []string
	}{
		"a tag is gone": {
			func(t *testing.T, b *testbed.Registries) { b.List(t, "base", "nova-api", "nope") },
			[]string{"openstack-nope:13.0-40: source: registry.access.redhat.com/rhosp13/openstack-nope:13.0-40: not found"},
		},
		"a manifest is broken": {
			func(t *testing.T, b *testbed.Registries) {
				b.List(t, "base", "nova-api", "bare")
				b.Before["upstream"] = func(w http.ResponseWriter, r *http.Request) bool {
					if !strings.Contains(r.URL.Path, "openstack-bare/manifests") {
						return false
					}
					w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
					fmt.Fprint(w, "{")
					return true
				}
			},
			[]string{"openstack-bare:13.0-40: source: "},
		},
		"a repository is closed": {
			func(t *testing.T, b *testbed.Registries) {
				b.List(t, "base", "nova-api", "nova-compute")
				b.Before["upstream"] = refuse("openstack-nova-compute/", http.StatusForbidden)
			},
			[]string{"openstack-nova-compute:13.0-40: source: "},
		},
		"another host gives no answer": {
			func(t *testing.T, b *testbed.Registries) {
				b.Write(t, testbed.UpstreamHost+"/rhosp13/openstack-base:13.0-40\n"+testbed.UpstreamHost+"/rhosp13/openstack-nova-api:13.0-40\n"+
					"127.0.0.1:1/a/b:1\n127.0.0.1:1/a/c:1\n127.0.0.1:1/a/d:1\n")
			},
			[]string{"source: 127.0.0.1:1: no connection: ", ", for 192.0.2.1:8787/a/b:1, 192.0.2.1:8787/a/c:1 and 1 more"},
		},
		"a repository is gone": {
			func(t *testing.T, b *testbed.Registries) {
				b.List(t, "base", "nova-api", "ahead")
				b.Before["upstream"] = refuse("openstack-ahead/", http.StatusNotFound)
			},
			[]string{"openstack-ahead:13.0-40: source: "},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := testbed.NewRegistries(t)
			tt.set(t, b)
			f, err := newMirror(b).Diff(t.Context(), &runner.Disk{}, nil)
			if err != nil || f.Change == nil || f.Err == nil {
				t.Fatalf("%+v, %v", f, err)
			}
			names := ""
			for _, it := range f.Change.Items {
				names += it.Name + " "
			}
			if want := "192.0.2.1:8787/rhosp13/openstack-base:13.0-40 192.0.2.1:8787/rhosp13/openstack-nova-api:13.0-40 "; names != want {
				t.Errorf("items are %s", names)
			}
			_, err = f.Change.Apply(t.Context(), &steptest.Progress{})
			for _, want := range tt.want {
				if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(f.Err.Error(), want) {
					t.Errorf("%v\n%v\nwant %s", err, f.Err, want)
				}
			}
			var part *runner.IncompleteError
			if !errors.As(err, &part) || len(part.Done["images"].Items()) != 2 {
				t.Fatalf("what is done: %+v", part)
			}
			asked := 0
			b.Before["local"] = func(_ http.ResponseWriter, r *http.Request) bool {
				if strings.Contains(r.URL.Path, "/blobs/") {
					asked++
				}
				return false
			}
			f, err = newMirror(b).Diff(t.Context(), &runner.Disk{}, &runner.Record{Partial: part.Done})
			if err != nil || f.Change != nil || f.Err == nil || asked > 0 {
				t.Errorf("the next run: %+v, %v, %d blobs were asked for", f, err, asked)
			}
		})
	}
}

// Nothing is removed while the list is not there as a whole.
func TestMirrorPrunesOnlyAfterAll(t *testing.T) {
	b := testbed.NewRegistries(t)
	mirrorOnce(t, b)
	b.List(t, "base", "nope")
	m := newMirror(b)
	m.Prune = &pruneRule{Repositories: []string{"rhosp13/*"}}
	f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil || f.Change != nil || f.Err == nil {
		t.Errorf("%+v, %v", f, err)
	}
}

// Items name the digests before and after.
func TestMirrorItemsNameDigests(t *testing.T) {
	b := testbed.NewRegistries(t)
	b.Put(t, "rhosp13/openstack-base:13.0-40", "rhosp13/openstack-nova-api:13.0-40")
	b.Put(t, "rhosp13/openstack-base:13.0-40", "rhosp13/openstack-base:old")
	base, api := b.Resolved(t, "base:13.0-40"), b.Resolved(t, "nova-api:13.0-40")
	m := newMirror(b)
	b.List(t, "base", "nova-api")
	m.Prune = &pruneRule{}
	f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil || f.Change == nil {
		t.Fatalf("%+v, %v", f, err)
	}
	got := ""
	for _, it := range f.Change.Items {
		got += fmt.Sprintf("%s %s: %q to %q\n", it.Op, it.Name, it.From, it.To)
	}
	const at = testbed.LocalHost + "/rhosp13/openstack-"
	want := fmt.Sprintf("create %sbase:13.0-40: %q to %q\nupdate %snova-api:13.0-40: %q to %q\nremove %sbase:old: %q to %q\n", at, "", base, at, base, api, at, base, "")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
