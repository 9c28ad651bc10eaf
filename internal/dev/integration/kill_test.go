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

// TestKill kills an apply during 20 of its exchanges with the registries. Each time
// it starts from nothing, and a second apply finishes the work.
func TestKill(t *testing.T) {
	const points = 20
	var passed recorder
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	digests := fillRegistry(t, source, sourceImages(t))
	sourceURL := passed.proxy(t, "source", source.url)

	fresh := func(t *testing.T) (*site, rawRegistry) {
		dest := rawRegistry{url: startRegistry(t, t.TempDir())}
		s := newSite(t)
		s.upstream = connectionTo(upstreamHost, sourceURL, "")
		s.local = connectionTo(localHost, passed.proxy(t, "destination", dest.url), "")
		return s, dest
	}
	s, dest := fresh(t)
	s.mustRun(t, 0, []string{"apply"})
	all := passed.take()
	whole, finishable := len(all), len(effects(created(all)))
	hasImages(t, dest, digests)

	kept := 0
	for i := range points {
		n, when := 1+whole*i/points, phase(i%3)
		t.Run(fmt.Sprintf("%s %d of %d", when, n, whole), func(t *testing.T) {
			s, dest := fresh(t)
			finished := effects(s.kill(t, &passed, n, when))
			s.mustRun(t, 0, []string{"apply"})
			for e := range effects(passed.take()) {
				if finished[e] {
					t.Errorf("done twice: %s", e)
				}
			}
			kept += len(finished)
			s.hasSample(t)
			hasImages(t, dest, digests)
			s.mustRun(t, 0, []string{"apply"}, "0 changed, 8 unchanged, 0 failed")
			onlyReads(t, passed.take())
			s.mustRun(t, 0, []string{"verify"})
			passed.take()
		})
	}
	if kept < points*finishable/5 {
		t.Errorf("only %d of %d uploads were finished before the kills: they came too early", kept, points*finishable)
	}
}

// TestKillUpload is TestKill for the upload to Glance.
func TestKillUpload(t *testing.T) {
	const points = 30
	var passed recorder
	cloud := startCloud(t, func(glance string) string { return passed.proxy(t, "glance", glance) })
	fresh := func(t *testing.T) *site {
		cloud.clear(t)
		s := newSite(t)
		s.useCloud(cloud)
		return s
	}
	s := fresh(t)
	s.mustRun(t, 0, []string{"apply"})
	whole := len(passed.take())

	for i := range points {
		n, when := 1+whole*i/points, phase(i%3)
		t.Run(fmt.Sprintf("%s %d of %d", when, n, whole), func(t *testing.T) {
			s := fresh(t)
			s.kill(t, &passed, n, when)
			before := cloud.images(t)
			s.mustRun(t, 0, []string{"apply"})
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
			s.mustRun(t, 0, []string{"apply"}, "0 changed, 8 unchanged, 0 failed")
			onlyReads(t, passed.take())
		})
	}
}

// kill runs apply, sends SIGKILL in the given phase of its n-th exchange, and
// returns the exchanges that the servers had finished by then.
func (s *site) kill(t *testing.T, passed *recorder, n int, when phase) []*exchange {
	t.Helper()
	return created(s.killWhen(t, passed, func(kill func()) { passed.onExchange(n, when, kill) }))
}

// killWhen runs apply and gives arrange a function that kills it with SIGKILL. It
// returns the exchanges up to the kill.
func (s *site) killWhen(t *testing.T, passed *recorder, arrange func(kill func())) []*exchange {
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

// created returns the exchanges with status 201.
func created(all []*exchange) []*exchange {
	return slices.DeleteFunc(slices.Clone(all), func(x *exchange) bool { return x.status.Load() != http.StatusCreated })
}

// effects names the lasting changes at the destination: uploaded blobs and named
// manifests. Mounts do not count and may be repeated: a mount moves nothing and
// costs no more than to ask whether the blob is there.
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
