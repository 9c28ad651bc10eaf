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

// fillVersions pushes two repositories, one of them with indexes, with three
// versions each, and a tag more for the last version.
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

// only gives the images of a set that have one of the tags.
func (s set) only(tags ...string) set {
	var kept set
	for _, img := range s.images {
		if slices.Contains(tags, img.tag) {
			kept.images = append(kept.images, img)
		}
	}
	return kept
}

// TestPrune has a mirror remove what its list no longer names from each kind
// of registry, however that deletes. What a tag that stays needs does stay.
func TestPrune(t *testing.T) {
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	all := fillVersions(t, source)
	for _, kind := range kindsOfRegistries() {
		t.Run(kind.name, func(t *testing.T) {
			dest := rawRegistry{url: kind.start(t)}
			upstream, local := reach(upstreamHost, source.url, ""), reach(localHost, dest.url, "")
			fillVersions(t, dest)

			s := newMirror(t, all.only("1.11"), upstream, local, ", prune: { keep: 1 }")
			s.must(t, 3, []string{"diff", "--exit-code"}, prunedRepo+":1.9", prunedRepo+":stable", prunedIndex+":1.9", prunedIndex+":stable")
			all.isWholeAt(t, dest)
			s.must(t, 0, []string{"apply"}, "1 changed, 0 unchanged, 0 failed")
			hasTags(t, dest, "1.10", "1.11")
			all.only("1.10", "1.11").isWholeAt(t, dest)
			s.must(t, 0, []string{"apply"}, "0 changed, 1 unchanged, 0 failed")
			s.must(t, 0, []string{"verify"})
		})
	}
}

// TestPruneRefused shows what a user reads when a registry deletes nothing.
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
			upstream, local := reach(upstreamHost, source.url, ""), reach(localHost, dest.url, "")
			fillVersions(t, dest)
			s := newMirror(t, all.only("1.11"), upstream, local, ", prune: {}")
			s.must(t, 1, []string{"apply"}, localHost, "does not allow deletion")
			hasTags(t, dest, "1.10", "1.11", "1.9", "stable")
			all.isWholeAt(t, dest)
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

// TestKillPrune kills the removal at points all through it, at a registry that
// deletes manifests only. What is to stay is whole at each, and a second run
// ends the work.
func TestKillPrune(t *testing.T) {
	const points = 9
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	all := fillVersions(t, source)
	fresh := func(t *testing.T, passed *tape) (*site, rawRegistry) {
		dest := rawRegistry{url: startRegistry(t, t.TempDir())}
		upstream, local := reach(upstreamHost, source.url, ""), reach(localHost, passed.proxy(t, "destination", dest.url), "")
		fillVersions(t, dest)
		return newMirror(t, all.only("1.11"), upstream, local, ", prune: { keep: 1 }"), dest
	}
	var passed tape
	s, dest := fresh(t, &passed)
	s.must(t, 0, []string{"apply"}, "1 changed")
	whole := len(passed.take())
	hasTags(t, dest, "1.10", "1.11")

	for i := range points {
		n, when := 1+whole*i/points, phase(i%3)
		t.Run(fmt.Sprintf("%s %d of %d", when, n, whole), func(t *testing.T) {
			s, dest := fresh(t, &passed)
			s.kill(t, &passed, n, when)
			all.only("1.10", "1.11").isWholeAt(t, dest)
			s.must(t, 0, []string{"apply"}, "0 failed")
			hasTags(t, dest, "1.10", "1.11")
			all.only("1.10", "1.11").isWholeAt(t, dest)
			s.must(t, 0, []string{"apply"}, "0 changed, 1 unchanged, 0 failed")
			passed.take()
		})
	}
}
