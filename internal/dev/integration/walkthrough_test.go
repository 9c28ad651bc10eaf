//go:build integration

package integration

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestWalkthrough runs the whole plan on real servers, from an empty machine to the
// end. Each subtest builds on the previous one.
func TestWalkthrough(t *testing.T) {
	var passed recorder
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	dest := rawRegistry{url: startRegistry(t, t.TempDir())}
	cloud := startCloud(t, func(glance string) string { return passed.proxy(t, "glance", glance) })
	digests := fillRegistry(t, source, sourceImages(t))

	s := newSite(t)
	s.upstream = connectionTo(upstreamHost, passed.proxy(t, "source", source.url), "")
	s.local = connectionTo(localHost, passed.proxy(t, "destination", dest.url), "")
	s.useCloud(cloud)

	part := func(name string, f func(t *testing.T)) {
		if !t.Run(name, f) {
			t.FailNow()
		}
	}
	part("validate", func(t *testing.T) {
		s.mustRun(t, 0, []string{"validate"})
		if got := passed.take(); len(got) != 0 {
			t.Errorf("validate sent %d requests, the first one %s %s", len(got), got[0].method, got[0].path)
		}
	})
	part("diff writes nothing", func(t *testing.T) {
		s.connections(t)
		before := s.files(t)
		s.mustRun(t, 3, []string{"diff", "--exit-code"})
		if diff := cmp.Diff(before, s.files(t)); diff != "" {
			t.Errorf("files (-before +after):\n%s", diff)
		}
		onlyReads(t, passed.take())
		if got := dest.catalog(t); len(got) != 0 {
			t.Errorf("the destination has %v", got)
		}
	})
	part("apply", func(t *testing.T) {
		s.mustRun(t, 0, []string{"apply"}, "6 changed, 2 unchanged, 0 failed")
		passed.take()
	})
	part("the environment file is the sample's", func(t *testing.T) { s.hasSample(t) })
	part("the destination has the images", func(t *testing.T) { hasImages(t, dest, digests) })
	part("Glance has the images", func(t *testing.T) {
		cloud.hasOvercloudImages(t, s.home("images"), 0)
		var listed []struct{ Name, Status string }
		if err := json.Unmarshal([]byte(cloud.openstack(t, "image", "list", "-f", "json")), &listed); err != nil {
			t.Fatal(err)
		}
		status := map[string]string{}
		for _, img := range listed {
			status[img.Name] = img.Status
		}
		want := map[string]string{}
		for _, img := range overcloudImages() {
			want[img[0]] = "active"
		}
		if diff := cmp.Diff(want, status); diff != "" {
			t.Errorf("openstack image list (-want +got):\n%s", diff)
		}
		passed.take()
	})
	part("the agent can be booted", func(t *testing.T) {
		sameFiles(t, s.home("images", "ironic-python-agent.kernel"), s.path("world", "httpboot", "agent.kernel"))
		sameFiles(t, s.home("images", "ironic-python-agent.initramfs"), s.path("world", "httpboot", "agent.ramdisk"))
	})
	part("applied again, nothing moves", func(t *testing.T) {
		start := time.Now()
		s.mustRun(t, 0, []string{"apply"}, "0 changed, 8 unchanged, 0 failed")
		all := passed.take()
		t.Logf("%d requests, %v", len(all), time.Since(start).Round(time.Millisecond))
		onlyReads(t, all)
		labels := map[string]bool{} // configurations, which prepare may read again
		for _, img := range sourceImages(t) {
			labels[digest(config(t, img))] = true
		}
		for _, x := range all {
			if strings.Contains(x.path, "/blobs/") && x.received.Load() > 0 && !labels[x.digest] {
				t.Errorf("%d bytes of %s came from %s", x.received.Load(), x.path, x.side)
			}
		}
	})
	part("verify", func(t *testing.T) { s.mustRun(t, 0, []string{"verify"}) })
	part("a changed image is uploaded and the old one renamed", func(t *testing.T) {
		old := cloud.images(t)["overcloud-full"]
		changeArchive(t, s.path("overcloud-full.tar"), "overcloud-full.qcow2")
		passed.take()
		s.mustRun(t, 0, []string{"apply"}, "2 changed, 6 unchanged, 0 failed")
		uploads := 0
		for _, x := range passed.take() {
			if x.side == "glance" && x.method == http.MethodPut {
				uploads++
			}
		}
		if uploads != 1 {
			t.Errorf("%d uploads, want 1", uploads)
		}
		images := cloud.hasOvercloudImages(t, s.home("images"), 1)
		for name, img := range images {
			if img.ID == old.ID && !strings.HasPrefix(name, "overcloud-full_20") {
				t.Errorf("the old image is called %q", name)
			}
		}
		if images["overcloud-full"].ID == old.ID {
			t.Error("the image called overcloud-full is still the old one")
		}
		s.mustRun(t, 0, []string{"apply"}, "0 changed, 8 unchanged, 0 failed")
	})
	part("verify finds damage", func(t *testing.T) {
		const repo = "rhosp13/openstack-nova-api"
		dest.do(t, dest.request(t, "DELETE", "/v2/"+repo+"/manifests/"+digests[repo], nil), http.StatusAccepted)
		s.mustRun(t, 1, []string{"verify"}, repo)
		s.mustRun(t, 0, []string{"apply"}, "0 failed")
		hasImages(t, dest, digests)
	})
}

// sourceImages returns the images of the sample and the one for tag-discover.
func sourceImages(t *testing.T) []image {
	t.Helper()
	return append(sampleImages(t), image{repo: "rhosp13/openstack-base", tag: "13.0-41"})
}

// hasSample compares the environment file of prepare with the sample.
func (s *site) hasSample(t *testing.T) {
	t.Helper()
	sample, err := os.ReadFile(walkthrough + "overcloud_images.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(s.home("templates", "environments", "overcloud_images.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(sample), withoutHeader(string(got))); diff != "" {
		t.Errorf("overcloud_images.yaml (-sample +got):\n%s", diff)
	}
}

// withoutHeader removes the leading comments and empty lines.
func withoutHeader(text string) string {
	for strings.HasPrefix(text, "#") || strings.HasPrefix(text, "\n") {
		_, text, _ = strings.Cut(text, "\n")
	}
	return text
}

// hasImages compares the destination with the walk-through's catalog and the
// digests of the source.
func hasImages(t *testing.T, dest rawRegistry, digests map[string]string) {
	t.Helper()
	if diff := cmp.Diff(lines(t, walkthrough+"catalog-repositories.txt"), dest.catalog(t)); diff != "" {
		t.Errorf("_catalog (-want +got):\n%s", diff)
	}
	for _, img := range sampleImages(t) {
		if got, want := dest.manifest(t, img.repo, img.tag), digests[img.repo]; got != want {
			t.Errorf("%s:%s is %s, want %s", img.repo, img.tag, got, want)
		}
		if diff := cmp.Diff([]string{img.tag}, dest.tags(t, img.repo)); diff != "" {
			t.Errorf("tags of %s (-want +got):\n%s", img.repo, diff)
		}
	}
}

// onlyReads fails the test if an exchange could have changed a server.
func onlyReads(t *testing.T, all []*exchange) {
	t.Helper()
	for _, x := range all {
		if x.method != http.MethodGet && x.method != http.MethodHead {
			t.Errorf("%s %s at the %s", x.method, x.path, x.side)
		}
	}
}

func sameFiles(t *testing.T, want, got string) {
	t.Helper()
	a, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(got)
	if err != nil {
		t.Fatal(err)
	}
	if string(a) != string(b) {
		t.Errorf("%s (%d bytes) is not %s (%d bytes)", got, len(b), want, len(a))
	}
}
