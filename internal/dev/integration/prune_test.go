//go:build integration

package integration

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/dev/pinned"
)

const (
	prunedRepo  = "rhosp13/openstack-pruned"
	prunedIndex = "rhosp13/openstack-pruned-index"
)

// fillVersions pushes two repositories with three versions each, and a second tag
// for the last version. One repository has indexes.
func fillVersions(t *testing.T, r rawRegistry) set {
	t.Helper()
	m := newSetMaker(t, r, sizes{base: 4 << 10, service: 2 << 10, own: 1 << 10})
	for i, tags := range [][]string{{"1.9"}, {"1.10"}, {"1.11", "stable"}} {
		for repo, made := range map[string]manifest{
			prunedRepo:  m.manifest(docker, prunedRepo, i),
			prunedIndex: m.index(oci, prunedIndex, i),
		} {
			digest := m.put(repo, made, tags...).Digest
			for _, tag := range tags {
				m.set.images = append(m.set.images, setImage{repo: repo, tag: tag, digest: digest})
			}
		}
	}
	return m.set
}

// only returns the images of a set that have one of the tags.
func (s set) only(tags ...string) set {
	var kept set
	for _, img := range s.images {
		if slices.Contains(tags, img.tag) {
			kept.images = append(kept.images, img)
		}
	}
	return kept
}

// TestPrune prunes each kind of registry, in its own way of deleting: mirror
// removes what its list no longer names, and keeps what the remaining tags need.
func TestPrune(t *testing.T) {
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	all := fillVersions(t, source)
	for _, kind := range registryKinds() {
		t.Run(kind.name, func(t *testing.T) {
			dest := rawRegistry{url: kind.start(t)}
			upstream, local := connectionTo(upstreamHost, source.url, ""), connectionTo(localHost, dest.url, "")
			fillVersions(t, dest)

			s := newMirror(t, all.only("1.11"), upstream, local, ", prune: { keep: 1 }")
			s.mustRun(t, 3, []string{"diff", "--exit-code"}, prunedRepo+":1.9", prunedRepo+":stable", prunedIndex+":1.9", prunedIndex+":stable")
			all.checkAt(t, dest)
			s.mustRun(t, 0, []string{"apply"}, "1 changed, 0 unchanged, 0 failed")
			hasTags(t, dest, "1.10", "1.11")
			all.only("1.10", "1.11").checkAt(t, dest)
			s.mustRun(t, 0, []string{"apply"}, "0 changed, 1 unchanged, 0 failed")
			s.mustRun(t, 0, []string{"verify"})
		})
	}
}

// TestPruneRefused checks what a user reads if a registry refuses to delete.
func TestPruneRefused(t *testing.T) {
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	all := fillVersions(t, source)
	for name, start := range map[string]func(t *testing.T) string{
		"docker-registry 2.8.2": func(t *testing.T) string {
			return startRegistryWith(t, []string{"REGISTRY_STORAGE_DELETE_ENABLED=false"}, t.TempDir())
		},
		"distribution 3.1.2": func(t *testing.T) string {
			return startRegistryWith(t, []string{"REGISTRY_STORAGE_DELETE_ENABLED=false", "PROGRAM=" + program(t, pinned.Distribution)}, t.TempDir())
		},
		"bayplan serve registry": func(t *testing.T) string { return serveRegistry(t, "--no-delete") },
	} {
		t.Run(name, func(t *testing.T) {
			dest := rawRegistry{url: start(t)}
			upstream, local := connectionTo(upstreamHost, source.url, ""), connectionTo(localHost, dest.url, "")
			fillVersions(t, dest)
			s := newMirror(t, all.only("1.11"), upstream, local, ", prune: {}")
			s.mustRun(t, 1, []string{"apply"}, localHost, "does not allow deletion")
			hasTags(t, dest, "1.10", "1.11", "1.9", "stable")
			all.checkAt(t, dest)
		})
	}
}

func hasTags(t *testing.T, r rawRegistry, want ...string) {
	t.Helper()
	for _, repo := range []string{prunedRepo, prunedIndex} {
		tags := r.tags(t, repo)
		slices.Sort(tags)
		if diff := cmp.Diff(want, tags); diff != "" {
			t.Errorf("tags of %s (-want +got):\n%s", repo, diff)
		}
	}
}

// TestKillPrune kills a prune at many points, at a registry that deletes only
// manifests. The remaining images are complete each time, and a second run finishes
// the work.
func TestKillPrune(t *testing.T) {
	const points = 9
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	all := fillVersions(t, source)
	fresh := func(t *testing.T, passed *recorder) (*site, rawRegistry) {
		dest := rawRegistry{url: startRegistry(t, t.TempDir())}
		upstream, local := connectionTo(upstreamHost, source.url, ""), connectionTo(localHost, passed.proxy(t, "destination", dest.url), "")
		fillVersions(t, dest)
		return newMirror(t, all.only("1.11"), upstream, local, ", prune: { keep: 1 }"), dest
	}
	var passed recorder
	s, dest := fresh(t, &passed)
	s.mustRun(t, 0, []string{"apply"}, "1 changed")
	whole := len(passed.take())
	hasTags(t, dest, "1.10", "1.11")

	for i := range points {
		n, when := 1+whole*i/points, phase(i%3)
		t.Run(fmt.Sprintf("%s %d of %d", when, n, whole), func(t *testing.T) {
			s, dest := fresh(t, &passed)
			s.kill(t, &passed, n, when)
			all.only("1.10", "1.11").checkAt(t, dest)
			s.mustRun(t, 0, []string{"apply"}, "0 failed")
			hasTags(t, dest, "1.10", "1.11")
			all.only("1.10", "1.11").checkAt(t, dest)
			s.mustRun(t, 0, []string{"apply"}, "0 changed, 1 unchanged, 0 failed")
			passed.take()
		})
	}
}

// TestReplaced keeps what a tag stood for in each kind of registry, images and indexes, and
// prunes the rest.
func TestReplaced(t *testing.T) {
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	all := fillVersions(t, source)
	for _, kind := range registryKinds() {
		t.Run(kind.name, func(t *testing.T) {
			dest := rawRegistry{url: kind.start(t)}
			upstream, local := connectionTo(upstreamHost, source.url, ""), connectionTo(localHost, dest.url, "")
			var digests []string
			for _, tag := range []string{"1.9", "1.10", "1.11"} {
				settings := fmt.Sprintf(`, prune: {}, replaced: { keep: 2 }, rename: [{ from: %q, to: "a:now" }, { from: %q, to: "b:now" }]`, prunedRepo+":"+tag, prunedIndex+":"+tag)
				version := all.only(tag)
				newMirror(t, version, upstream, local, settings).mustRun(t, 0, []string{"apply"}, "1 changed, 0 unchanged, 0 failed")
				for _, img := range version.images {
					digests = append(digests, img.repo+" "+img.digest)
				}
			}
			for place, tag := range []string{"now", "now.before", "now.before-2"} {
				for repo, original := range map[string]string{"a": prunedRepo, "b": prunedIndex} {
					got := original + " " + dest.manifest(t, repo, tag)
					if at := slices.Index(digests, got); at/2 != 2-place {
						t.Errorf("%s:%s is version %d, want %d", repo, tag, at/2, 2-place)
					}
				}
			}
		})
	}
}
