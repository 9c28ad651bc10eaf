package verifycatalog

import (
	"strings"
	"testing"

	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// Images of a list that names them by a digest alone are expected under the tag that a
// mirror step with the same setting gives them, and without the setting under any.
func TestVerifyCatalogTagForDigests(t *testing.T) {
	b := testbed.NewRegistries(t)
	digest := b.Resolved(t, "base:13.0-40")
	tag := digest[len("sha256:"):][:12]
	b.Put(t, "rhosp13/openstack-base:13.0-40", "rhosp13/openstack-base:other")
	v := newVerifyCatalog(b)
	v.Expect, v.Exact = testbed.Inline(testbed.UpstreamHost+"/rhosp13/openstack-base@"+digest), false
	if _, err := v.Verify(t.Context(), &runner.Disk{}); err != nil {
		t.Error(err)
	}
	v.TagForDigests = "{digest:12}"
	want := "missing: " + testbed.LocalHost + "/rhosp13/openstack-base:" + tag
	if _, err := v.Verify(t.Context(), &runner.Disk{}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "that image is there, but not under the tag") {
		t.Errorf("got %v", err)
	}
	b.Put(t, "rhosp13/openstack-base:13.0-40", "rhosp13/openstack-base:"+tag)
	out, err := v.Verify(t.Context(), &runner.Disk{})
	if err != nil {
		t.Fatal(err)
	}
	if got := out["images"].Items(); len(got) != 1 || got[0] != testbed.LocalHost+"/rhosp13/openstack-base:"+tag+"@"+digest {
		t.Errorf("got %v", got)
	}
	b.Put(t, "rhosp13/openstack-nova-api:13.0-40", "rhosp13/openstack-base:"+tag)
	if _, err := v.Verify(t.Context(), &runner.Disk{}); err == nil || !strings.Contains(err.Error(), "drifted: "+testbed.LocalHost+"/rhosp13/openstack-base:"+tag) {
		t.Errorf("got %v", err)
	}
}
