package steps

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/registryserver"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
)

// locking has the bench look up tags through a lock file in its directory.
func (b *registryBench) locking(t *testing.T) *Lock {
	t.Helper()
	l, err := ReadLock(filepath.Join(b.dir, "bayplan.lock.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	b.UseLock(l)
	return l
}

// counted counts what a registry is asked.
func (b *registryBench) counted(name string) *atomic.Int64 {
	n := &atomic.Int64{}
	b.before[name] = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/v2/" {
			n.Add(1)
		}
		return false
	}
	return n
}

// lookups are the steps that ask what tags stand for.
func (b *registryBench) lookups() []runner.Step {
	return []runner.Step{b.tagDiscover("base", "{version}-{release}"), b.mirror(), b.verifyCatalog()}
}

// What is locked is not looked up again: neither in the same run nor in the
// next one, which reads the lock from its file.
func TestLockedTagsAreNotLookedUp(t *testing.T) {
	b := newRegistryBench(t)
	l := b.locking(t)
	steptest.Apply(t, b.mirror())
	for _, s := range b.lookups() {
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
	l = b.locking(t)
	l.Strict = true
	asked := b.counted("upstream")
	for _, s := range b.lookups() {
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

// moveBase has base:13.0-40 and latest stand for another image.
func (b *registryBench) moveBase(t *testing.T) {
	t.Helper()
	images := benchImages()
	images[0].Labels = map[string]string{"version": "13.0", "release": "40", "build": "2"}
	b.upstream = openRegistry(t, registryserver.Config{Images: images})
}

func TestMovedTags(t *testing.T) {
	b := newRegistryBench(t)
	l := b.locking(t)
	steptest.Apply(t, b.mirror())
	if err := l.Save(); err != nil {
		t.Fatal(err)
	}
	was := resolved(t, b, "base:13.0-40")
	b.moveBase(t)
	now := resolved(t, b, "base:13.0-40")
	if was == now {
		t.Fatal("the tag has not moved")
	}

	l = b.locking(t)
	f, err := b.mirror().Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil || f.Change != nil || len(f.Notes) != 0 {
		t.Errorf("when nobody watches: %+v, %v", f, err)
	}
	l.Watchful = true
	f, err = b.mirror().Diff(t.Context(), &runner.Disk{}, nil)
	want := []string{upstreamHost + "/rhosp13/openstack-base:13.0-40 has moved on to " + now + "; the lock file keeps " + was}
	if err != nil || f.Change != nil || !cmp.Equal(f.Notes, want) {
		t.Errorf("%+v, %v", f, err)
	}
	if f, err := b.mirror().Diff(t.Context(), &runner.Disk{}, nil); err != nil || len(f.Notes) != 0 {
		t.Errorf("told twice: %+v, %v", f, err)
	}

	l = b.locking(t)
	if n := l.Forget("*/openstack-base:*"); n != 1 {
		t.Errorf("forgot %d", n)
	}
	steptest.Apply(t, b.mirror())
	wantChange := []LockChange{{Image: upstreamHost + "/rhosp13/openstack-base:13.0-40", Old: was, New: now}}
	if diff := cmp.Diff(wantChange, l.Changes()); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// Offline, a diff says that it could not ask, and goes on.
func TestMovedTagsOffline(t *testing.T) {
	b := newRegistryBench(t)
	l := b.locking(t)
	steptest.Apply(t, b.mirror())
	if err := l.Save(); err != nil {
		t.Fatal(err)
	}
	l = b.locking(t)
	l.Watchful = true
	b.before["upstream"] = func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusForbidden)
		return true
	}
	f, err := b.mirror().Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil || f.Change != nil || len(f.Notes) != 3 || !strings.Contains(f.Notes[0], "could not be asked") {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestStrictLock(t *testing.T) {
	b := newRegistryBench(t)
	b.locking(t).Strict = true
	for _, s := range b.lookups() {
		_, err := s.Diff(t.Context(), &runner.Disk{}, nil)
		if err == nil || !strings.Contains(err.Error(), "is not locked, and --locked allows no look-up") || fault.Hint(err) == "" {
			t.Errorf("%T: %v", s, err)
		}
	}
}

// A registry may no longer have what a tag was locked to.
func TestLockedAway(t *testing.T) {
	b := newRegistryBench(t)
	l := b.locking(t)
	for _, tag := range []string{"latest", "13.0-40"} {
		l.file.Add(upstreamHost+"/rhosp13/openstack-base:"+tag, "sha256:"+strings.Repeat("0", 64))
	}
	if err := l.Save(); err != nil {
		t.Fatal(err)
	}
	for _, s := range []runner.Step{b.tagDiscover("base", "{version}-{release}"), b.mirror()} {
		_, err := s.Diff(t.Context(), &runner.Disk{}, nil)
		if hint := fault.Hint(err); err == nil || !strings.Contains(hint, "bayplan lock --update") {
			t.Errorf("%T: %v, hint %q", s, err, hint)
		}
	}
}

func TestLockName(t *testing.T) {
	for image, want := range map[string]string{
		"quay.io/a/b:1":                "quay.io/a/b:1",
		"[2001:db8::1]:5000/a:1":       "[2001:db8::1]:5000/a:1",
		"quay.io/a/b":                  "",
		"quay.io/a/b:1@sha256:" + "12": "",
		"oci:/srv/layout:a/b:1":        "",
		"nonsense":                     "",
	} {
		if got := lockName(image); got != want {
			t.Errorf("%s: got %q, want %q", image, got, want)
		}
	}
}

func TestPinLeavesWhatNeedsNone(t *testing.T) {
	b := newRegistryBench(t)
	b.locking(t)
	asked := b.counted("upstream")
	given := []registry.Image{
		{Source: upstreamHost + "/a:1", Digest: "sha256:" + strings.Repeat("1", 64)},
		{Source: localHost + "/a:1", Target: localHost + "/a:1"},
		{Source: "oci:/srv/layout:a:1"},
	}
	got, err := b.pin(given)
	if err != nil || !cmp.Equal(got, given) || asked.Load() != 0 {
		t.Errorf("%+v, %v, %d requests", got, err, asked.Load())
	}
}
