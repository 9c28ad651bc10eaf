package tripleo_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/tripleo"
)

func TestFormats(t *testing.T) {
	names := tripleo.FormatNames()
	if !slices.Contains(names, "overcloud-images-env") || !slices.Contains(names, "container-image-prepare") {
		t.Errorf("formats = %v", names)
	}
	for _, name := range append(names, "") {
		f, err := tripleo.FindFormat(name)
		if err != nil || (name != "" && f.Name != name) {
			t.Errorf("%q: %q, %v", name, f.Name, err)
		}
		if name == "" && f.Name != "overcloud-images-env" {
			t.Errorf("by default: %s", f.Name)
		}
	}
	_, err := tripleo.FindFormat("kolla")
	var unknown *tripleo.UnknownError
	if !errors.As(err, &unknown) || unknown.Got != "kolla" || !slices.Equal(unknown.Known, names) {
		t.Errorf("error = %v", err)
	}
}

// writeFormat returns the result of a request in a format.
func writeFormat(t *testing.T, format string, f files, req tripleo.Request) string {
	t.Helper()
	form, err := tripleo.FindFormat(format)
	if err != nil {
		t.Fatal(err)
	}
	s := selectFrom(t, f, req)
	text, _, err := form.Write(tripleo.Result{Release: req.Release, Images: s.Images, Strategies: s.Strategies})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The list for default settings is the list that the product writes by default,
// without the entries that have no effect.
func TestContainerImagePrepareFormat(t *testing.T) {
	const defaults = `parameter_defaults:
  ContainerImagePrepare:
  - push_destination: 192.0.2.1:8787
    set:
      ceph_alertmanager_image: ose-prometheus-alertmanager
      ceph_alertmanager_namespace: registry.redhat.io/openshift4
      ceph_alertmanager_tag: v4.6
      ceph_grafana_image: rhceph-4-dashboard-rhel8
      ceph_grafana_namespace: registry.redhat.io/rhceph
      ceph_grafana_tag: '4'
      ceph_image: rhceph-4-rhel8
      ceph_namespace: registry.redhat.io/rhceph
      ceph_node_exporter_image: ose-prometheus-node-exporter
      ceph_node_exporter_namespace: registry.redhat.io/openshift4
      ceph_node_exporter_tag: v4.6
      ceph_prometheus_image: ose-prometheus
      ceph_prometheus_namespace: registry.redhat.io/openshift4
      ceph_prometheus_tag: v4.6
      ceph_tag: latest
      name_prefix: openstack-
      name_suffix: ''
      namespace: registry.redhat.io/rhosp-rhel8
      rhel_containers: false
      tag: '16.2'
`
	got := writeFormat(t, "container-image-prepare", files{}, tripleo.Request{Release: "rhosp16.2", PushDestination: "192.0.2.1:8787"})
	if diff := cmp.Diff(defaults, got); diff != "" {
		t.Errorf("by default (-want +got):\n%s", diff)
	}
	got = writeFormat(t, "container-image-prepare", files{}, tripleo.Request{
		Release: "wallaby", TagFromLabel: "{version}-{release}", Namespace: "h:1/ns", NeutronDriver: "other",
		Excludes: regexps(`ceph.*:\d`, "it's: # one"), Includes: regexps("[a-c]"), Set: map[string]string{"rhel_containers": "True"},
	})
	for _, want := range []string{
		"  - excludes:\n    - ceph.*:\\d\n    - 'it''s: # one'\n    includes:\n    - '[a-c]'\n    set:\n",
		"      namespace: h:1/ns\n      neutron_driver: other\n      rhel_containers: true\n    tag_from_label: '{version}-{release}'\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if strings.Contains(got, "      tag:") || strings.Contains(got, "push_destination") {
		t.Errorf("a tag or a destination is in\n%s", got)
	}
}

// Reading the written list selects the same images.
func TestContainerImagePrepareFormatReadsBack(t *testing.T) {
	tests := map[string]tripleo.Request{
		"defaults":        {},
		"settings":        {Namespace: "h:1/n", Prefix: "p", Suffix: "s", Tag: "16.10", NeutronDriver: "other", Excludes: regexps("aodh", ":16", "^h:1/n/p-c.*")},
		"a label":         {TagFromLabel: "rdo_version", Includes: regexps("nova|ceph"), PushDestination: "h:2/sub"},
		"variables":       {Set: map[string]string{"name_prefix": "", "ceph_images": "no", "tag": "1_0"}},
		"a list":          {Environments: []string{"/list.yaml"}, PushDestination: "h:3"},
		"a label in list": {Environments: []string{"/label.yaml"}},
	}
	f := files{
		"/list.yaml": list("  - excludes: [cinder]\n    push_destination: true\n  - includes: [cinder-volume]\n    push_destination: h:9/x\n    set: {namespace: h:4/n, tag: 010}\n") +
			"  ContainerImageRegistryCredentials: {h: {user: s3cr3t}}\n",
		"/label.yaml": list("  - tag_from_label: version\n    pull_source: docker.io\n    set: {namespace: ns}\n    push_destination: h:1\n"),
	}
	for name, req := range tests {
		for _, release := range []string{"train", "rhosp16.2", "wallaby", "rhosp17.1"} {
			t.Run(release+" "+name, func(t *testing.T) {
				req.Release = release
				text := writeFormat(t, "container-image-prepare", f, req)
				if strings.Contains(text, "s3cr3t") {
					t.Errorf("credentials are in\n%s", text)
				}
				read := files{"/again.yaml": text}
				again := selectFrom(t, read, tripleo.Request{Release: release, Environments: read.names(), PushDestination: req.PushDestination})
				if diff := cmp.Diff(selectFrom(t, f, req).Images, again.Images); diff != "" {
					t.Errorf("images (-first +again):\n%s\nof\n%s", diff, text)
				}
			})
		}
	}
}

func TestContainerImagePrepareFormatCheck(t *testing.T) {
	f, err := tripleo.FindFormat("container-image-prepare")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		req  tripleo.Request
		want string
	}{
		{tripleo.Request{Release: "rhosp13"}, "release rhosp13 does not read ContainerImagePrepare; the format is for rhosp16.2, train, rhosp17.1, wallaby"},
		{tripleo.Request{Release: "train", Tag: "x", TagFromLabel: "y"}, "with a tag, ContainerImagePrepare does not look up tag_from_label"},
		{tripleo.Request{Release: "train", Set: map[string]string{"tag": "x"}, TagFromLabel: "y"}, "with a tag"},
		{tripleo.Request{Release: "nova"}, `unknown release "nova"`},
	} {
		wantWords(t, f.Check(tt.req), tt.want)
	}
	for _, req := range []tripleo.Request{{Release: "train", Tag: "x"}, {Release: "rhosp17", TagFromLabel: "x"}} {
		if err := f.Check(req); err != nil {
			t.Errorf("%+v: %v", req, err)
		}
	}
}
