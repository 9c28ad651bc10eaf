package tripleo_test

import (
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/tripleo"
)

// A scenario holds the output of the old tool for some environment files.
type scenario struct {
	Name             string
	EnvironmentFiles []string          `json:"environment_files"`
	NeutronDriver    string            `json:"neutron_driver"`
	Services         []string          `json:"services"`
	Images           []string          `json:"images_in_order"`
	Parameters       map[string]string `json:"parameters"`
}

func TestScenarios(t *testing.T) {
	for _, sc := range scenarios(t) {
		t.Run(sc.Name, func(t *testing.T) {
			req := tripleo.Request{Release: "queens", Environments: tht(t, sc.EnvironmentFiles...)}
			got := selectFromDisk(t, req)
			if got.Filtered != (sc.Services != nil) {
				t.Errorf("filtered = %v", got.Filtered)
			}
			if diff := cmp.Diff(sc.Services, got.Services); diff != "" {
				t.Errorf("services (-want +got):\n%s", diff)
			}
			if got.NeutronDriver != sc.NeutronDriver {
				t.Errorf("neutron driver = %q, want %q", got.NeutronDriver, sc.NeutronDriver)
			}
			if diff := cmp.Diff(sc.Images, basenames(got.Images)); diff != "" {
				t.Errorf("images (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(sc.Parameters, paramBasenames(got.Images)); diff != "" {
				t.Errorf("parameters (-want +got):\n%s", diff)
			}
		})
	}
}

func scenarios(t *testing.T) []scenario {
	t.Helper()
	text, err := os.ReadFile("testdata/prepare-scenarios.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []scenario
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 7 {
		t.Fatalf("%d scenarios, want 7", len(all))
	}
	return all
}

// basenames returns the names without the release's namespace and prefix, like the
// scenarios.
func basenames(images []tripleo.Image) []string {
	names := []string{}
	for _, image := range images {
		names = append(names, basename(image.Name))
	}
	return names
}

func basename(name string) string {
	return strings.TrimPrefix(name[strings.LastIndex(name, "/")+1:], "centos-binary-")
}

func paramBasenames(images []tripleo.Image) map[string]string {
	params := tripleo.Result{Images: images}.Parameters()
	for name, ref := range params {
		untagged, _, _ := strings.Cut(ref, ":")
		params[name] = basename(untagged)
	}
	return params
}

// tht returns the absolute paths of files of the small template tree.
func tht(t *testing.T, names ...string) []string {
	t.Helper()
	root, err := filepath.Abs("testdata/tht")
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, name := range names {
		paths = append(paths, filepath.Join(root, name))
	}
	return paths
}

// selectFromDisk selects images with files on disk.
func selectFromDisk(t *testing.T, req tripleo.Request) *tripleo.Selection {
	t.Helper()
	s, err := tripleo.Select(req, disk)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func disk(path string) (io.ReadCloser, error) { return os.Open(path) }

// walkthrough returns a request with one environment and the default roles. The
// release adds its base environment.
func walkthrough(t *testing.T) tripleo.Request {
	t.Helper()
	return tripleo.Request{
		Release:      "rhosp13",
		Namespace:    "registry.access.redhat.com/rhosp13",
		Prefix:       "openstack-",
		TagFromLabel: "{version}-{release}", PushDestination: "192.0.2.1:8787",
		Environments: tht(t, "environments/services-docker/neutron-ovn-dvr-ha.yaml"),
	}
}

func TestWalkthrough(t *testing.T) {
	s := selectFromDisk(t, walkthrough(t))
	tags, err := tripleo.DiscoverTags(t.Context(), s.Images, newSample(t))
	if err != nil {
		t.Fatal(err)
	}
	result := tripleo.Result{
		Images:   tripleo.WithTags(s.Images, tags),
		Insecure: func(host string) bool { return host == "192.0.2.1:8787" },
	}
	want, err := os.ReadFile("testdata/walkthrough/overcloud_images.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(result.EnvFile())); diff != "" {
		t.Errorf("environment file (-want +got):\n%s", diff)
	}
	if n := len(result.Parameters()); n != 75 {
		t.Errorf("%d parameters, want 75", n)
	}
	wantRepositories(t, result)
}

func wantRepositories(t *testing.T, result tripleo.Result) {
	t.Helper()
	text, err := os.ReadFile("testdata/walkthrough/catalog-repositories.txt")
	if err != nil {
		t.Fatal(err)
	}
	repositories := map[string]bool{}
	for _, image := range result.Images {
		_, path, _ := strings.Cut(image.Name, "/")
		repositories[path] = true
	}
	got := slices.Sorted(maps.Keys(repositories))
	if diff := cmp.Diff(strings.Fields(string(text)), got); diff != "" {
		t.Errorf("repositories (-want +got):\n%s", diff)
	}
}
