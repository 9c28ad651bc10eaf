//go:build integration

package integration

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestKill kills an apply at 20 points of its talk with the registries, each
// time from nothing, and lets a second apply finish the work.
func TestKill(t *testing.T) {
	const points = 20
	var passed tape
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	digests := fillRegistry(t, source, sourceImages(t))
	sourceURL := passed.proxy(t, "source", source.url)

	fresh := func(t *testing.T) (*site, rawRegistry) {
		dest := rawRegistry{url: startRegistry(t, t.TempDir())}
		s := newSite(t)
		s.upstream = reach(upstreamHost, sourceURL, "")
		s.local = reach(localHost, passed.proxy(t, "destination", dest.url), "")
		return s, dest
	}
	s, dest := fresh(t)
	s.must(t, 0, []string{"apply"})
	all := passed.take()
	whole, finishable := len(all), len(effects(created(all)))
	hasImages(t, dest, digests)

	kept := 0
	for i := range points {
		n, when := 1+whole*i/points, phase(i%3)
		t.Run(fmt.Sprintf("%s %d of %d", when, n, whole), func(t *testing.T) {
			s, dest := fresh(t)
			finished := effects(s.kill(t, &passed, n, when))
			s.must(t, 0, []string{"apply"})
			for e := range effects(passed.take()) {
				if finished[e] {
					t.Errorf("done twice: %s", e)
				}
			}
			kept += len(finished)
			s.hasSample(t)
			hasImages(t, dest, digests)
			s.must(t, 0, []string{"apply"}, "0 changed, 8 unchanged, 0 failed")
			onlyReads(t, passed.take())
			s.must(t, 0, []string{"verify"})
			passed.take()
		})
	}
	if kept < points*finishable/5 {
		t.Errorf("only %d of %d uploads were finished before the kills: they came too early", kept, points*finishable)
	}
}

// TestKillUpload does the same to the upload into Glance.
func TestKillUpload(t *testing.T) {
	const points = 30
	var passed tape
	cloud := startCloud(t, func(glance string) string { return passed.proxy(t, "glance", glance) })
	fresh := func(t *testing.T) *site {
		cloud.clear(t)
		s := newSite(t)
		s.useCloud(cloud)
		return s
	}
	s := fresh(t)
	s.must(t, 0, []string{"apply"})
	whole := len(passed.take())

	for i := range points {
		n, when := 1+whole*i/points, phase(i%3)
		t.Run(fmt.Sprintf("%s %d of %d", when, n, whole), func(t *testing.T) {
			s := fresh(t)
			s.kill(t, &passed, n, when)
			before := cloud.images(t)
			s.must(t, 0, []string{"apply"})
			after := map[string]bool{}
			for _, img := range cloud.hasOvercloudImages(t, s.home("images"), 0) {
				after[img.ID] = true
			}
			for _, img := range before {
				if img.Status == "active" && !after[img.ID] {
					t.Errorf("uploaded again, though it was whole: %+v", img)
				}
			}
			passed.take()
			s.must(t, 0, []string{"apply"}, "0 changed, 8 unchanged, 0 failed")
			onlyReads(t, passed.take())
		})
	}
}

// kill runs apply, kills it -9 in the given phase of its n-th exchange, and
// returns the exchanges that the servers had finished by then.
func (s *site) kill(t *testing.T, passed *tape, n int, when phase) []*exchange {
	t.Helper()
	return created(s.killWhen(t, passed, func(kill func()) { passed.at(n, when, kill) }))
}

// killWhen runs apply and kills it -9 when arrange has it killed. It returns
// the exchanges there were by then.
func (s *site) killWhen(t *testing.T, passed *tape, arrange func(kill func())) []*exchange {
	t.Helper()
	cmd := s.command(t, "apply")
	started := make(chan *os.Process, 1)
	arrange(func() {
		p := <-started
		_ = p.Kill()
	})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	started <- cmd.Process
	err := cmd.Wait()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("apply was to be killed, but ended by itself: %v", err)
	}
	return passed.take()
}

// created keeps the exchanges in which a server has made something.
func created(all []*exchange) []*exchange {
	return slices.DeleteFunc(slices.Clone(all), func(x *exchange) bool { return x.status.Load() != http.StatusCreated })
}

// effects names what the exchanges changed at the destination for good: blobs
// that it has got, manifests under their names. A mount is none: it moves nothing
// and costs as much as to ask whether it is there, so it may be repeated.
func effects(all []*exchange) map[string]bool {
	found := map[string]bool{}
	for _, x := range all {
		switch {
		case x.side != "destination" || x.method != http.MethodPut:
		case strings.Contains(x.path, "/manifests/"):
			found["manifest "+x.path] = true
		case x.digest != "":
			found["upload "+x.digest] = true
		}
	}
	return found
}
