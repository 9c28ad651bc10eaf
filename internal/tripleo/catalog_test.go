package tripleo_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/tripleo"
)

// The catalogs are those of each release's template, row by row. They may change
// only if the release changes.
func TestCatalogDigests(t *testing.T) {
	for name, want := range map[string]string{
		"queens":  "fa6c80518fe8311a305dd8c2f47d534e80aef6174c604fd52107d4999e5577be",
		"train":   "6d5c43d912ec42825f0e48d473568104f9328146cd21e3ef5e76f051b8dcf1ab",
		"wallaby": "d8cadc119009f34b312c8088f18bf6734ce2265e9c6c4931841d1f32ce33ee7f",
	} {
		text, err := os.ReadFile(filepath.Join("data", name+"-catalog.tsv"))
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(text)); got != want {
			t.Errorf("%s: the table's digest is %s, want %s", name, got, want)
		}
	}
}

// The catalog has every row of the table, in the same order.
func TestCatalogIsItsTable(t *testing.T) {
	tests := []struct {
		table         string
		releases      []string
		rows, entries int
	}{
		{"queens", []string{"queens", "rhosp13"}, 157, 98},
		{"train", []string{"train", "rhosp16.2", "rhosp16"}, 185, 118},
		{"wallaby", []string{"wallaby", "rhosp17.1", "rhosp17"}, 150, 94},
	}
	for _, tt := range tests {
		want := tableRows(t, tt.table)
		if len(want) != tt.rows {
			t.Errorf("%s: %d rows, want %d", tt.table, len(want), tt.rows)
		}
		for _, release := range tt.releases {
			got, entries := catalogRows(t, release)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-table +catalog):\n%s", release, diff)
			}
			if entries != tt.entries {
				t.Errorf("%s: %d entries, want %d: one image with several parameters is one entry", release, entries, tt.entries)
			}
		}
	}
	if _, err := tripleo.Catalog("diablo"); err == nil {
		t.Error("diablo: no error")
	}
}

func tableRows(t *testing.T, table string) [][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("data", table+"-catalog.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for _, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")[1:] {
		f := strings.Split(line, "\t")
		rows = append(rows, []string{f[0], f[5], f[6], f[7], f[8], f[9]})
	}
	return rows
}

func catalogRows(t *testing.T, release string) (rows [][]string, entries int) {
	t.Helper()
	all, err := tripleo.Catalog(release)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		params := e.Params
		if len(params) == 0 {
			params = []string{""}
		}
		for _, param := range params {
			rows = append(rows, []string{e.Basename, param, strings.Join(e.Services, ","), e.Driver, e.Condition, e.Source})
		}
	}
	return rows, len(all)
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

// The sample images of a later release are all images that the release needs.
func TestSampleImagesOfLaterReleases(t *testing.T) {
	for release, least := range map[string]int{"rhosp16.2": 80, "rhosp17.1": 80} {
		images, err := tripleo.SampleImages(release)
		if err != nil || len(images) < least {
			t.Errorf("%s: %d images, %v", release, len(images), err)
		}
		tags := map[string][]string{}
		for _, image := range images {
			tags[image.Repository] = image.Tags()
		}
		selection, err := tripleo.Select(tripleo.Request{Release: release}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, image := range selection.Images {
			_, repository, _ := strings.Cut(image.Name, "/")
			if !slices.Contains(tags[repository], image.Tag) {
				t.Errorf("%s: %s has the tags %v", release, image.Ref(), tags[repository])
			}
		}
	}
}

// The base environment of rhosp13 is environments/docker.yaml. The small template
// tree in testdata has the services of that file.
func TestBaseEnvironmentIsDockerYAML(t *testing.T) {
	for _, more := range [][]string{
		{},
		{"environments/services-docker/neutron-ovn-dvr-ha.yaml"},
		{"environments/docker-ha.yaml", "environments/ceph-ansible/ceph-rgw.yaml"},
		{"environments/baremetal-services.yaml"},
	} {
		builtIn := selectFromDisk(t, tripleo.Request{Release: "rhosp13", Environments: tht(t, more...)})
		read := selectFromDisk(t, tripleo.Request{Release: "queens", Environments: tht(t, append([]string{"environments/docker.yaml"}, more...)...)})
		if diff := cmp.Diff(read.Services, builtIn.Services); diff != "" {
			t.Errorf("%v: services (-read +built in):\n%s", more, diff)
		}
	}
}
