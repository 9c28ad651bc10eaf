package mirror

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

func TestRenamed(t *testing.T) {
	rules := imagelist.Renames{{From: "rhosp13/openstack-", To: "osp13/"}, {From: "rhosp13/", To: "other/"}, {From: "ceph/", To: ""}, {From: "app/web:1.2", To: "app/web:stable"}}
	for name, want := range map[string]string{
		"rhosp13/openstack-base:13.0-40": "osp13/base:13.0-40",
		"rhosp13/neutron:1":              "other/neutron:1",
		"ceph/daemon:v3.0":               "daemon:v3.0",
		"rhosp14/openstack-base:1":       "rhosp14/openstack-base:1",
		"x/rhosp13/a:1":                  "x/rhosp13/a:1",
		"app/web:1.2":                    "app/web:stable",
		"app/web:1.3":                    "app/web:1.3",
	} {
		if got := (&mirror{Rename: rules}).renamed(name); got != want {
			t.Errorf("%s became %s, want %s", name, got, want)
		}
	}
	if got := (&mirror{}).renamed("a/b:1"); got != "a/b:1" {
		t.Errorf("without rules: %s", got)
	}
}

func TestValidateRename(t *testing.T) {
	for name, tt := range map[string]struct {
		rules imagelist.Renames
		want  string
	}{
		"none":          {nil, ""},
		"good":          {imagelist.Renames{{From: "a/b", To: "x"}, {From: "a/", To: "y"}}, ""},
		"not known yet": {imagelist.Renames{{From: "", To: ""}, {From: "a/", To: "y"}}, ""},
		"never applies": {imagelist.Renames{{From: "a/", To: "x"}, {From: "a/b", To: "y"}}, `rename[1].from: "a/b" never applies: rule 1 ("a/") comes before it`},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := errors.Join(tt.rules.Validate("rename")...); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMirrorRenames(t *testing.T) {
	b := testbed.NewRegistries(t)
	b.Write(t, "container_images:\n- imagename: "+testbed.UpstreamHost+"/rhosp13/openstack-base:13.0-40\n  push_destination: "+testbed.LocalHost+"/sub\n"+
		"- imagename: "+testbed.UpstreamHost+"/rhosp13/openstack-nova-api:13.0-40\n")
	m := newMirror(b)
	m.Rename = imagelist.Renames{{From: "rhosp13/openstack-", To: "osp/"}}
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
	want := []string{
		testbed.LocalHost + "/sub/osp/base:13.0-40@" + b.Resolved(t, "base:13.0-40"),
		testbed.LocalHost + "/osp/nova-api:13.0-40@" + b.Resolved(t, "nova-api:13.0-40"),
	}
	if diff := cmp.Diff(want, out["images"].Items()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	m.Rename = imagelist.Renames{{From: "rhosp13/openstack-base", To: "one"}, {From: "rhosp13/openstack-nova-api", To: "one"}}
	b.Write(t, testbed.UpstreamHost+"/rhosp13/openstack-base:13.0-40\n"+testbed.UpstreamHost+"/rhosp13/openstack-nova-api:13.0-40\n")
	if err := steptest.Failure(m.Diff(t.Context(), &runner.Disk{}, nil)); err == nil || !strings.Contains(err.Error(), "are to be there") {
		t.Errorf("two images under one name: %v", err)
	}
}
