package mirror

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/connections"
	"github.com/bayplan/bayplan/steps/internal/destination"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// newSpread copies three images to several destinations. The client has a spool.
func newSpread(t *testing.T, b *testbed.Registries, at destination.Setting) *mirror {
	t.Helper()
	b.Registry().BoundSpool(1 << 30)
	b.Registry().KeepSpool(filepath.Join(t.TempDir(), "spool"))
	return spreadTo(b, at)
}

func spreadTo(b *testbed.Registries, at destination.Setting) *mirror {
	m := newStep(b.Set)
	m.To, m.Images = at, testbed.Inline(
		testbed.UpstreamHost+"/rhosp13/openstack-base:13.0-40",
		testbed.UpstreamHost+"/rhosp13/openstack-nova-api:13.0-40",
		testbed.UpstreamHost+"/rhosp13/openstack-nova-compute:13.0-40")
	return m
}

func TestMirrorToTwoRegistriesLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type((*connections.Set)(nil)), Fresh: func(t *testing.T) *steptest.Fixture {
		b := testbed.NewRegistries(t)
		newSpread(t, b, to("local", "edge"))
		const tag = "/v2/rhosp13/openstack-base/manifests/13.0-40"
		return &steptest.Fixture{
			New:      func() runner.Step { return spreadTo(b, to("local", "edge")) },
			Dirs:     []string{b.Dir},
			Snapshot: func() string { return b.Snapshot(t) + fmt.Sprint(b.HoldsAt(t, testbed.EdgeHost)) },
			Close: func(t *testing.T) func() {
				open, before := b.CloseLocal(t), b.Before["edge"]
				b.Before["edge"] = b.Before["local"]
				return func() { open(); b.Before["edge"] = before }
			},
			Secrets: []string{testbed.RegistryPassword},
			Break: []steptest.Break{
				{Name: "a tag is deleted at the first", Do: func(t *testing.T) { b.Remove(t, tag) }},
				{Name: "a tag is deleted at the second", Do: func(t *testing.T) {
					if w := b.Ask(t, b.Edge, "DELETE", tag); w.Code != http.StatusAccepted {
						t.Fatalf("%d %s", w.Code, w.Body)
					}
				}},
			},
		}
	}})
}

func TestMirrorToRegistryAndLayoutLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type((*connections.Set)(nil)), Fresh: func(t *testing.T) *steptest.Fixture {
		b := testbed.NewRegistries(t)
		media := filepath.Join(b.Dir, "media")
		at := to("edge")
		at.Items = append(at.Items, layoutAt(media).Items...)
		newSpread(t, b, at)
		return &steptest.Fixture{
			New:      func() runner.Step { return spreadTo(b, at) },
			Dirs:     []string{b.Dir},
			Snapshot: func() string { return fmt.Sprint(b.HoldsAt(t, testbed.EdgeHost)) },
			Break: []steptest.Break{
				{Name: "the index is lost", Do: func(t *testing.T) { steptest.Remove(t, filepath.Join(media, "index.json")) }},
			},
		}
	}})
}

// reads counts the blobs that are read from the upstream registry.
func reads(b *testbed.Registries) *atomic.Int64 {
	var n atomic.Int64
	b.Before["upstream"] = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
			n.Add(1)
		}
		return false
	}
	return &n
}

func TestMirrorToTwoRegistries(t *testing.T) {
	b := testbed.NewRegistries(t)
	n := reads(b)
	f, err := newSpread(t, b, to("local", "edge")).Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := "6 images: 9 blobs ("; !strings.HasPrefix(f.Change.Summary, want) || !strings.HasSuffix(f.Change.Summary, " to pull, 9 shared, 6 mounts") {
		t.Errorf("summary %q, want %s...", f.Change.Summary, want)
	}
	var hosts []string
	var sum int64
	for _, it := range f.Change.Items {
		host, _, _ := strings.Cut(it.Name, "/")
		if hosts, sum = append(hosts, host), sum+it.Bytes; host == testbed.EdgeHost && it.Bytes != 0 {
			t.Errorf("item %+v counts bytes twice", it)
		}
	}
	want := []string{testbed.LocalHost, testbed.LocalHost, testbed.LocalHost, testbed.EdgeHost, testbed.EdgeHost, testbed.EdgeHost}
	if diff := cmp.Diff(want, hosts); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	var p steptest.Progress
	out, err := f.Change.Apply(t.Context(), &p)
	if err != nil {
		t.Fatal(err)
	}
	if n.Load() != 9 || p.Bytes != sum || len(p.Items) != 6 || len(f.Notes) != 0 {
		t.Errorf("%d blobs were read; told of %d bytes and %d items, want %d and 6; notes %q", n.Load(), p.Bytes, len(p.Items), sum, f.Notes)
	}
	if diff := cmp.Diff(b.Holds(t), b.HoldsAt(t, testbed.EdgeHost)); diff != "" || out["count"].String() != "6" {
		t.Errorf("%s images; (-local +edge):\n%s", out["count"], diff)
	}
	refs := out["images"].Items()
	for i, ref := range refs[:3] {
		if other := strings.Replace(ref, testbed.LocalHost, testbed.EdgeHost, 1); refs[3+i] != other {
			t.Errorf("image %d is %s, want %s", 3+i, refs[3+i], other)
		}
	}
}

// Without room the step says what it read twice.
func TestMirrorSaysWhatItReadsAgain(t *testing.T) {
	b := testbed.NewRegistries(t)
	m := spreadTo(b, to("local", "edge"))
	f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := " to pull, 6 mounts"; !strings.HasPrefix(f.Change.Summary, "6 images: 18 blobs (") || !strings.HasSuffix(f.Change.Summary, want) {
		t.Errorf("summary %q", f.Change.Summary)
	}
	// Both have read all blobs before one has any.
	var begun sync.WaitGroup
	begun.Add(2 * 9)
	for _, name := range []string{"local", "edge"} {
		b.Before[name] = func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/blobs/") {
				begun.Done()
				begun.Wait()
			}
			return false
		}
	}
	if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
		t.Fatal(err)
	}
	if len(f.Notes) != 1 || !strings.HasPrefix(f.Notes[0], "9 blobs (") || !strings.HasSuffix(f.Notes[0], "were read from the source again: there is no spool") {
		t.Errorf("notes %q", f.Notes)
	}
}

// What a step brings to the registry of a step before is read there.
func TestMirrorAfterMirror(t *testing.T) {
	b := testbed.NewRegistries(t)
	n := reads(b)
	first := newSpread(t, b, to("local"))
	first.Sign("plan", "first")
	second := spreadTo(b, to("edge"))
	second.Sign("plan", "second")
	var findings []*runner.Finding
	for _, m := range []*mirror{first, second} {
		f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		findings = append(findings, f)
	}
	if got, want := findings[1].Change.Summary, "3 images: 0 blobs (0 B) to pull, 9 shared, 3 mounts"; got != want {
		t.Errorf("summary %q, want %q", got, want)
	}
	for _, f := range findings {
		if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
			t.Fatal(err)
		}
	}
	if n.Load() != 9 {
		t.Errorf("%d blobs were read, want 9", n.Load())
	}
}

func TestMirrorDestinations(t *testing.T) {
	b := testbed.NewRegistries(t)
	at := to("local", "edge")
	at.Items = append(at.Items, layoutAt("/media").Items...)
	m := spreadTo(b, at)
	m.Prune = &pruneRule{}
	paths := m.Paths()
	var fills, asks []string
	for _, p := range paths.Fills {
		fills = append(fills, p.Where.String())
	}
	for _, s := range paths.Asks {
		if s.Name != "" {
			asks = append(asks, s.Field+" "+s.Name)
		}
	}
	wantFills := []string{
		"layout /media",
		"registry " + testbed.LocalHost, "unlisted images of registry " + testbed.LocalHost,
		"registry " + testbed.EdgeHost, "unlisted images of registry " + testbed.EdgeHost,
	}
	if diff := cmp.Diff(wantFills, fills); diff != "" {
		t.Errorf("fills (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"to[0] local", "to[1] edge"}, asks); diff != "" {
		t.Errorf("asks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"/media"}, paths.Into); diff != "" {
		t.Errorf("into (-want +got):\n%s", diff)
	}
	for want, at := range map[string]destination.Setting{
		"registry " + testbed.LocalHost: to("local"),
		"registry " + testbed.LocalHost + ", registry 2 " + testbed.EdgeHost + ", registry 3 oci:/media": at,
	} {
		in, err := spreadTo(b, at).Inputs(t.Context(), &runner.Disk{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, one := range in {
			got = append(got, one.Name+" "+one.Digest)
		}
		if diff := cmp.Diff(want, strings.Join(got, ", ")); diff != "" {
			t.Errorf("inputs (-want +got):\n%s", diff)
		}
	}
}

// A tag that leaves the list leaves all destinations.
func TestMirrorPrunesAllDestinations(t *testing.T) {
	b := testbed.NewRegistries(t)
	m := newSpread(t, b, to("local", "edge"))
	var prior *runner.Record
	for n := range 2 {
		f, err := m.Diff(t.Context(), &runner.Disk{}, prior)
		if err != nil {
			t.Fatal(err)
		}
		if want := "4 images unchanged; 2 tags to remove"; n == 1 && f.Change.Summary != want {
			t.Errorf("summary %q, want %q", f.Change.Summary, want)
		}
		out, err := f.Change.Apply(t.Context(), &steptest.Progress{})
		if err != nil {
			t.Fatal(err)
		}
		prior = &runner.Record{Outputs: out}
		m = spreadTo(b, to("local", "edge"))
		m.Images.Other, m.Prune = m.Images.Other[:2], &pruneRule{}
	}
	for _, host := range []string{testbed.LocalHost, testbed.EdgeHost} {
		if got := b.HoldsAt(t, host); len(got) != 2 {
			t.Errorf("%s has %v", host, got)
		}
	}
	if _, err := m.Verify(t.Context(), &runner.Disk{}); err != nil {
		t.Error(err)
	}
}
