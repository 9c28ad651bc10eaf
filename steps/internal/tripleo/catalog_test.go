package tripleo_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/steps/internal/tripleo"
)

// Every row of the table is in the catalog, in its order.
func TestCatalogIsItsTable(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("data", "queens-catalog.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var want [][]string
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		f := strings.Split(line, "\t")
		want = append(want, []string{f[0], f[5], f[6], f[7], f[8]})
	}
	for _, release := range tripleo.Releases() {
		entries, err := tripleo.Catalog(release)
		if err != nil {
			t.Fatal(err)
		}
		var got [][]string
		for _, e := range entries {
			params := e.Params
			if len(params) == 0 {
				params = []string{""}
			}
			for _, param := range params {
				got = append(got, []string{e.Basename, param, strings.Join(e.Services, ","), e.Driver, e.Condition})
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-table +catalog):\n%s", release, diff)
		}
		if len(entries) != 98 {
			t.Errorf("%s: %d entries, want 98: one image with several parameters is one entry", release, len(entries))
		}
	}
	if _, err := tripleo.Catalog("diablo"); err == nil {
		t.Error("diablo: no error")
	}
}

func TestVariables(t *testing.T) {
	got, err := tripleo.Variables("rhosp13")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"ceph_image", "ceph_namespace", "ceph_tag", "logging", "name_prefix", "name_suffix", "namespace", "neutron_driver", "tag"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
	if _, err := tripleo.Variables("diablo"); err == nil {
		t.Error("diablo: no error")
	}
}

func TestSampleImages(t *testing.T) {
	images, err := tripleo.SampleImages("rhosp13")
	if err != nil {
		t.Fatal(err)
	}
	sample := map[string]tripleo.SampleImage{}
	for _, image := range images {
		if _, twice := sample[image.Repository]; twice {
			t.Errorf("%s is there twice", image.Repository)
		}
		sample[image.Repository] = image
	}
	entries, err := tripleo.Catalog("rhosp13")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := sample["rhosp13/openstack-"+e.Basename]; !ok && e.Basename != "{ceph_image}" {
			t.Errorf("no sample of %s", e.Basename)
		}
	}
	if _, ok := sample["rhosp13/openstack-base"]; !ok {
		t.Error("no sample of the base image")
	}
	if got := sample["rhosp13/openstack-cron"].Tags(); !slices.Equal(got, []string{"13.0-43", "13.0", "latest"}) {
		t.Errorf("tags = %v", got)
	}
	if _, err := tripleo.SampleImages("queens"); err == nil {
		t.Error("queens: no error")
	}
}

// The environment that rhosp13 loads ahead is environments/docker.yaml, of
// which the little template tree holds the services.
func TestBaseEnvironmentIsDockerYAML(t *testing.T) {
	for _, more := range [][]string{
		{},
		{"environments/services-docker/neutron-ovn-dvr-ha.yaml"},
		{"environments/docker-ha.yaml", "environments/ceph-ansible/ceph-rgw.yaml"},
		{"environments/baremetal-services.yaml"},
	} {
		builtIn := sel(t, tripleo.Request{Release: "rhosp13", Environments: tht(t, more...)})
		read := sel(t, tripleo.Request{Release: "queens", Environments: tht(t, append([]string{"environments/docker.yaml"}, more...)...)})
		if diff := cmp.Diff(read.Services, builtIn.Services); diff != "" {
			t.Errorf("%v: services (-read +built in):\n%s", more, diff)
		}
	}
}
