package steps

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lockfile"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/registryserver"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/connections"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// locking makes the bench look up tags through a lock file in its directory.
func locking(t *testing.T, b *testbed.Registries) *connections.TagLock {
	t.Helper()
	l, err := connections.ReadTagLock(lockFile(b))
	if err != nil {
		t.Fatal(err)
	}
	b.UseTagLock(l)
	return l
}

func lockFile(b *testbed.Registries) string { return filepath.Join(b.Dir, "bayplan.lock.yaml") }

// counted counts the requests to a registry.
func counted(b *testbed.Registries, name string) *atomic.Int64 {
	n := &atomic.Int64{}
	b.Before[name] = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/v2/" {
			n.Add(1)
		}
		return false
	}
	return n
}

// lookups are the steps that resolve tags.
func lookups(t *testing.T, b *testbed.Registries) []runner.Step {
	t.Helper()
	return []runner.Step{discover(t, b), mirrorAll(t, b), step(t, b, "verify-catalog", "registry: local, exact: true, expect: "+string(b.File()))}
}

// step makes a step on the connections of a bench.
func step(t *testing.T, b *testbed.Registries, typ, with string) runner.Step {
	t.Helper()
	found, ok := Builtin(b.Set).Find(typ)
	if !ok {
		t.Fatalf("there is no type %s", typ)
	}
	return steptest.Step(t, found, with)
}

func mirrorAll(t *testing.T, b *testbed.Registries) runner.Step {
	t.Helper()
	return step(t, b, "mirror", "to: local, images: "+string(b.File()))
}

func discover(t *testing.T, b *testbed.Registries) runner.Step {
	t.Helper()
	return step(t, b, "tag-discover", "image: "+testbed.UpstreamHost+`/rhosp13/openstack-base, tag_from_label: "{version}-{release}"`)
}

// A locked tag is not looked up again, neither in the same run nor in the next one,
// which reads the lock from its file.
func TestLockedTagsAreNotLookedUp(t *testing.T) {
	b := testbed.NewRegistries(t)
	l := locking(t, b)
	steptest.Apply(t, mirrorAll(t, b))
	for _, s := range lookups(t, b) {
		if _, err := s.Diff(t.Context(), &runner.Disk{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	// base:latest, whose labels were read, and the three of the list.
	if len(l.Changes()) != 4 {
		t.Errorf("locked: %v", l.Changes())
	}
	if err := l.Save(); err != nil {
		t.Fatal(err)
	}
	l = locking(t, b)
	l.Strict = true
	asked := counted(b, "upstream")
	for _, s := range lookups(t, b) {
		if f, err := s.Diff(t.Context(), &runner.Disk{}, nil); err != nil || f.Change != nil {
			t.Errorf("%T: %+v, %v", s, f, err)
		}
	}
	if asked.Load() != 0 {
		t.Errorf("the source was asked %d times", asked.Load())
	}
	if c := l.Changes(); len(c) != 0 {
		t.Errorf("changes: %v", c)
	}
}

// moveBase makes base:13.0-40 and base:latest stand for another image.
func moveBase(t *testing.T, b *testbed.Registries) {
	t.Helper()
	images := testbed.UpstreamImages()
	images[0].Labels = map[string]string{"version": "13.0", "release": "41", "build": "2"}
	b.Upstream = testbed.OpenRegistry(t, registryserver.Config{Images: images})
}

func TestMovedTags(t *testing.T) {
	b := testbed.NewRegistries(t)
	l := locking(t, b)
	steptest.Apply(t, mirrorAll(t, b))
	if err := l.Save(); err != nil {
		t.Fatal(err)
	}
	was := b.Resolved(t, "base:13.0-40")
	moveBase(t, b)
	now := b.Resolved(t, "base:13.0-40")
	if was == now {
		t.Fatal("the tag has not moved")
	}

	l = locking(t, b)
	f, err := mirrorAll(t, b).Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil || f.Change != nil || len(f.Notes) != 0 {
		t.Errorf("when nobody watches: %+v, %v", f, err)
	}
	l.ReportMoved = true
	f, err = mirrorAll(t, b).Diff(t.Context(), &runner.Disk{}, nil)
	want := []string{testbed.UpstreamHost + "/rhosp13/openstack-base:13.0-40 has moved on to " + now + " (version 13.0, release 41); the lock file keeps " + was}
	if err != nil || f.Change != nil || !cmp.Equal(f.Notes, want) {
		t.Errorf("%+v, %v", f, err)
	}
	wantLabels := []runner.LabelChange{{Label: "version", To: "13.0"}, {Label: "release", To: "41"}} // the old image is gone
	if len(f.Moved) != 1 || f.Moved[0].From != was || f.Moved[0].To != now || !cmp.Equal(f.Moved[0].Labels, wantLabels) {
		t.Errorf("moved: %+v", f.Moved)
	}
	if f, err := mirrorAll(t, b).Diff(t.Context(), &runner.Disk{}, nil); err != nil || len(f.Notes) != 0 {
		t.Errorf("told twice: %+v, %v", f, err)
	}

	l = locking(t, b)
	if n := l.Forget("*/openstack-base:*"); n != 1 {
		t.Errorf("forgot %d", n)
	}
	steptest.Apply(t, mirrorAll(t, b))
	wantChange := []lockfile.Change{{Name: testbed.UpstreamHost + "/rhosp13/openstack-base:13.0-40", Old: was, New: now}}
	if diff := cmp.Diff(wantChange, l.Changes()); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// Without a network, a diff notes that it could not ask, and goes on.
func TestMovedTagsOffline(t *testing.T) {
	b := testbed.NewRegistries(t)
	l := locking(t, b)
	steptest.Apply(t, mirrorAll(t, b))
	if err := l.Save(); err != nil {
		t.Fatal(err)
	}
	l = locking(t, b)
	l.ReportMoved = true
	b.Before["upstream"] = func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusForbidden)
		return true
	}
	f, err := mirrorAll(t, b).Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil || f.Change != nil || len(f.Notes) != 3 || !strings.Contains(f.Notes[0], "could not be asked") {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestStrictLock(t *testing.T) {
	b := testbed.NewRegistries(t)
	locking(t, b).Strict = true
	for _, s := range lookups(t, b) {
		err := steptest.Failure(s.Diff(t.Context(), &runner.Disk{}, nil))
		if err == nil || !strings.Contains(err.Error(), "is not in the lock file") || fault.Hint(err) == "" {
			t.Errorf("%T: %v", s, err)
		}
	}
}

// A registry may no longer have the image that a tag is locked to.
func TestLockedAway(t *testing.T) {
	b := testbed.NewRegistries(t)
	file, err := lockfile.Read(lockFile(b))
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"latest", "13.0-40"} {
		file.Add(testbed.UpstreamHost+"/rhosp13/openstack-base:"+tag, "sha256:"+strings.Repeat("0", 64))
	}
	if err := file.Write(); err != nil {
		t.Fatal(err)
	}
	locking(t, b)
	for _, s := range []runner.Step{discover(t, b), mirrorAll(t, b)} {
		err := steptest.Failure(s.Diff(t.Context(), &runner.Disk{}, nil))
		if hint := fault.Hint(err); err == nil || !strings.Contains(hint, "bayplan lock --update") {
			t.Errorf("%T: %v, hint %q", s, err, hint)
		}
	}
}

func TestPinLeavesWhatNeedsNone(t *testing.T) {
	b := testbed.NewRegistries(t)
	locking(t, b)
	asked := counted(b, "upstream")
	given := []registry.Image{
		{Source: testbed.UpstreamHost + "/a:1", Digest: "sha256:" + strings.Repeat("1", 64)},
		{Source: testbed.LocalHost + "/a:1", Target: testbed.LocalHost + "/a:1"},
		{Source: "oci:/srv/layout:a:1"},
	}
	got := b.Pin(given)
	if !cmp.Equal(got, given) || asked.Load() != 0 {
		t.Errorf("%+v, %d requests", got, asked.Load())
	}
}
