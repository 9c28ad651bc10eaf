package prepare

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

func TestPrepareErrors(t *testing.T) {
	tests := []struct {
		name string
		harm func(t *testing.T, p *prepare)
		want string
		hint string
	}{
		{
			"no environment file", func(_ *testing.T, p *prepare) { p.Environments[0] = "/none/env.yaml" },
			"environment file /none/env.yaml: no such file or directory", "must be there",
		},
		{
			"no roles file", func(_ *testing.T, p *prepare) { p.RolesFile = "/none/roles.yaml" },
			"roles file /none/roles.yaml: no such file or directory", "must be there",
		},
		{
			"an environment that is a directory",
			func(_ *testing.T, p *prepare) { p.Environments[0] = plan.Path(filepath.Dir(string(p.EnvFile))) },
			"it is a directory", "or the files that are in it",
		},
		{
			"an environment that is no YAML",
			func(t *testing.T, p *prepare) { t.Helper(); prepareWrite(t, string(p.Environments[0]), "a: [\n") },
			"neutron-ovn-dvr-ha.yaml:1: this [ is never closed", "",
		},
		{
			"a registry that is not there",
			func(t *testing.T, p *prepare) {
				t.Helper()
				reg := newPrepareRegistry(t)
				reg.err = fault.AsConnection(errors.New("registry.access.redhat.com: connection refused"))
				p.registry = reg
			},
			"registry.access.redhat.com: connection refused", "",
		},
		{
			"a label that is not there", func(_ *testing.T, p *prepare) { p.TagFromLabel = "{version}-{build}" },
			`image registry.access.redhat.com/rhosp13/openstack-aodh-api:latest: no label "build"; the labels are release, version`, "all images have",
		},
		{
			"a starting tag that is not there", func(_ *testing.T, p *prepare) { p.Tag = "99" },
			"openstack-aodh-api:99: not found", "",
		},
		{
			"no directory for the files", func(_ *testing.T, p *prepare) { p.EnvFile = "/none/env.yaml" },
			"write /none/env.yaml: the directory /none is not there", "mkdir",
		},
		{
			"a file for a directory", func(_ *testing.T, p *prepare) { p.ImagesFile = p.Environments[0] + "/images.yaml" },
			"not a directory", "",
		},
		{
			"a directory for a file",
			func(_ *testing.T, p *prepare) { p.EnvFile = plan.Path(filepath.Dir(string(p.EnvFile))) },
			"is a directory, and a file has to be written there", "",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPrepare(t)
			tt.harm(t, p)
			_, err := p.Inputs(t.Context(), &runner.Disk{})
			if err == nil {
				_, err = p.Diff(t.Context(), &runner.Disk{}, nil)
			}
			prepareWantError(t, err, tt.want)
			if hint := fault.Hint(err); !strings.Contains(hint, tt.hint) {
				t.Errorf("hint = %q, want %q", hint, tt.hint)
			}
			left, globErr := filepath.Glob(filepath.Join(filepath.Dir(string(p.Environments[0])), "..", "..", "*images*"))
			if globErr != nil || len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestPrepareValidate(t *testing.T) {
	tests := []struct {
		name string
		step prepare
		want []string
	}{
		{"nothing is known yet", prepare{}, nil},
		{"all is well", prepare{
			Release: "queens", Namespace: "host:5000/ns", Suffix: "rpm", TagFromLabel: "{version}-{release}", PushDestination: "[::1]:8787/sub",
			Set: map[string]string{"ceph_tag": "latest", "logging": "stdout"}, Excludes: []string{"^a", "b$"}, NeutronDriver: "other",
			Environments: []plan.Path{"/a", ""}, EnvFile: "/b", ImagesFile: "/c",
		}, nil},
		{"everything is wrong", prepare{
			Release: "rhosp31", Namespace: "https://host/ns", PushDestination: "host/", NeutronDriver: "ovs",
			TagFromLabel: "{version", Excludes: []string{"a", "("}, EnvFile: "/a", ImagesFile: "/a",
		}, []string{
			`"rhosp31" is not one of rhosp13, queens`,
			`"https://host/ns" holds a scheme`,
			`"host/" begins or ends with a slash`,
			`"ovs" is not one of odl, ovn, other`,
			"it is the same file as env_file",
			`label template "{version"`,
			"missing closing )",
		}},
		{"a format of mirrors without a mirror", prepare{Release: "train", Mode: "remote", Format: "idms", EnvFile: "/b"}, []string{
			"format idms names the mirror that images are pulled from, and mode remote has none",
		}},
		{"all is well from train on", prepare{
			Release: "rhosp16", Format: "container-image-prepare", TagFromLabel: "rdo_version", Includes: []string{"a"}, InsecureRegistries: []string{"h:1", "[::1]:5"},
			Set: map[string]string{"ceph_grafana_tag": "4", "namespace_stein": "h:1/stein"}, NeutronDriver: "other", Tree: "/tht", EnvironmentDirectories: []plan.Path{"/d"},
		}, nil},
		{"a template has variables of its own", prepare{Release: "queens", Template: "/t", Set: map[string]string{"mine": "x"}, Logging: "stdout"}, nil},
		{"everything else is wrong", prepare{
			Release: "train", Format: "container_images", Logging: "stdout", Includes: []string{"["}, Excludes: []string{"a", "("}, InsecureRegistries: []string{"h:1/ns", "http://h", "undercloud"},
			Template: "/a", EnvFile: "/a",
		}, []string{
			`"container_images" is not one of overcloud-images-env, container-image-prepare`,
			"the images of release train do not depend on it",
			"missing closing ]",
			"missing closing )",
			`"h:1/ns" is more than a registry's host`,
			`"http://h" is more than a registry's host`,
			`"undercloud" does not begin with a registry's host`,
			"/a would be read and written",
		}},
		{"a driver of the past", prepare{Release: "rhosp17", NeutronDriver: "odl"}, []string{"release rhosp17 has no images for odl; its drivers are ovn, other"}},
		{"a list for an early release", prepare{Release: "rhosp13", Format: "container-image-prepare"}, []string{"release rhosp13 does not read ContainerImagePrepare"}},
		{"a list with a tag and a label", prepare{Release: "train", Format: "container-image-prepare", Tag: "x", TagFromLabel: "y"}, []string{"leave one of them out"}},
		{"a space in a name", prepare{Namespace: "host:1/a b"}, []string{`"host:1/a b" is not a registry's host with a path below it`}},
		{"no host", prepare{Release: "queens", Namespace: "tripleoqueens", PushDestination: "undercloud", Set: map[string]string{"ceph_namespace": "ceph", "ceph_image": "ceph"}}, []string{
			`"tripleoqueens" does not begin with a registry's host`,
			`"undercloud" does not begin with a registry's host`,
			`"ceph" does not begin with a registry's host`,
		}},
		{"short hosts", prepare{Release: "queens", Namespace: "localhost/ns", PushDestination: "undercloud:8787"}, nil},
		{"unknown variables", prepare{Release: "rhosp13", Set: map[string]string{"ceph_tags": "a", "prefix": "b"}}, []string{`"ceph_tags" is not one of`, `"prefix" is not one of`}},
		{"reading what is written", prepare{Environments: []plan.Path{"/a"}, ImagesFile: "/a"}, []string{"/a would be read and written"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.step.Validate()
			if tt.want == nil {
				if err != nil {
					t.Errorf("error = %v", err)
				}
				return
			}
			prepareWantError(t, err, tt.want...)
			if lines := strings.Count(err.Error(), "\n") + 1; lines != len(tt.want) {
				t.Errorf("%d mistakes, want %d:\n%v", lines, len(tt.want), err)
			}
		})
	}
}

func TestPrepareValidateSuggests(t *testing.T) {
	step := prepare{Release: "rhosp31"}
	if hint := fault.Hint(step.Validate()); !strings.Contains(hint, "rhosp13") {
		t.Errorf("hint = %q", hint)
	}
}

// The paths alone do not show that one file is a link to another.
func TestPrepareRefusesLinkedFiles(t *testing.T) {
	tests := map[string]func(p *prepare) (from, to plan.Path){
		"env_file to an environment":  func(p *prepare) (from, to plan.Path) { return p.EnvFile, p.Environments[0] },
		"images_file to the env_file": func(p *prepare) (from, to plan.Path) { return p.ImagesFile, p.EnvFile },
	}
	for name, files := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPrepare(t)
			from, to := files(p)
			if to == p.EnvFile {
				prepareWrite(t, string(to), "")
			}
			if err := os.Symlink(string(to), string(from)); err != nil {
				t.Fatal(err)
			}
			_, err := p.Diff(t.Context(), &runner.Disk{}, nil)
			prepareWantError(t, err, string(from), "the same file as", string(to))
		})
	}
}

// What selects nothing is an error, and writes no file.
func TestPrepareSelectsSomething(t *testing.T) {
	for name, tt := range map[string]struct {
		set  func(p *prepare)
		want string
	}{
		"includes of a typo":      {func(p *prepare) { p.Includes = []string{"keystome"} }, `includes[0], "keystome", matches none of the `},
		"excludes of a typo":      {func(p *prepare) { p.Excludes = []string{"keystome"} }, `excludes[0], "keystome", matches none of the `},
		"includes of what is off": {func(p *prepare) { p.Includes = []string{"manila-share"} }, "includes leave no image: no service needs one that they match"},
		"includes of a given list": {func(p *prepare) {
			p.Release = ""
			p.Images = testbed.Inline("quay.io/a/b:1")
			p.Includes = []string{"c"}
		}, `includes[0], "c", matches none of the 1 image`},
		"includes that match":     {func(p *prepare) { p.Includes = []string{"keystone"} }, ""},
		"excludes of what is off": {func(p *prepare) { p.Excludes = []string{"manila-share"} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPrepare(t)
			p.registry = newPrepareRegistry(t)
			tt.set(p)
			_, err := p.Diff(t.Context(), &runner.Disk{}, nil)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
