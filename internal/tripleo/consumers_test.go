package tripleo_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/tripleo"
)

const someDigest = "sha256:1111111111111111111111111111111111111111111111111111111111111111"

// givenImages makes images from references.
func givenImages(t *testing.T, req tripleo.Request, names ...string) []tripleo.Image {
	t.Helper()
	var listed []tripleo.ListedImage
	for i, name := range names {
		listed = append(listed, tripleo.ListedImage{Name: name, Place: tripleo.Place{File: "images.txt", Line: i + 1}})
	}
	s, err := tripleo.SelectListed(listed, req)
	if err != nil {
		t.Fatal(err)
	}
	return s.Images
}

func TestWriteConsumers(t *testing.T) {
	local := tripleo.Request{PushDestination: "local.example:5000"}
	tests := []struct {
		name, format string
		result       tripleo.Result
		want, holds  string
	}{
		{
			"a list, each once", "images-list",
			tripleo.Result{Comment: []string{"Generated"}, Images: givenImages(t, local, "quay.io/a/x:1", "quay.io/a/y:2@"+someDigest, "quay.io/a/x:1")},
			"# Generated\n\nlocal.example:5000/a/x:1\nlocal.example:5000/a/y:2@" + someDigest + "\n", "2 images",
		},
		{"a list of nothing", "images-list", tripleo.Result{}, "", "0 images"},
		{
			"kolla with one tag", "kolla-globals",
			tripleo.Result{Images: givenImages(t, local, "quay.io/openstack.kolla/nova-api:2025.1-rocky-9", "quay.io/openstack.kolla/mariadb-server:2025.1-rocky-9")},
			"docker_registry: local.example:5000\ndocker_namespace: openstack.kolla\nopenstack_tag: 2025.1-rocky-9\n",
			"3 variables of kolla, 0 images with their own",
		},
		{
			"kolla with tags, digests and another place of their own", "kolla-globals",
			tripleo.Result{Images: givenImages(t, tripleo.Request{}, "r.example/k/nova-api:1", "r.example/k/mariadb-server:2", "r.example/k/haproxy:1", "r.example/other/cron:1", "r.example/k/redis:1@"+someDigest)},
			"docker_registry: r.example\ndocker_namespace: k\nopenstack_tag: '1'\n" +
				"cron_image_full: r.example/other/cron:1\nmariadb_tag: '2'\nredis_image_full: r.example/k/redis:1@" + someDigest + "\n",
			"3 variables of kolla, 3 images with their own",
		},
		{"kolla without images", "kolla-globals", tripleo.Result{}, "{}\n", "no image"},
		{
			"an OpenStackVersion", "openstack-version",
			tripleo.Result{TargetVersion: "18.0", Images: givenImages(
				t, local, "registry.redhat.io/rhoso/openstack-nova-api-rhel9:18.0@"+someDigest,
				"registry.redhat.io/rhoso/openstack-cinder-volume-rhel9:18.0@"+someDigest,
				"quay.io/podified-antelope-centos9/openstack-frr:current@"+someDigest, "registry.redhat.io/ubi9/httpd-24:1@"+someDigest,
			)},
			`apiVersion: core.openstack.org/v1beta1
kind: OpenStackVersion
metadata:
  name: openstack
  namespace: openstack
spec:
  targetVersion: '18.0'
  customContainerImages:
    apacheImage: local.example:5000/ubi9/httpd-24@` + someDigest + `
    cinderVolumeImages:
      default: local.example:5000/rhoso/openstack-cinder-volume-rhel9@` + someDigest + `
    edpmFrrImage: local.example:5000/podified-antelope-centos9/openstack-frr@` + someDigest + `
    novaAPIImage: local.example:5000/rhoso/openstack-nova-api-rhel9@` + someDigest + "\n",
			"4 images of an OpenStackVersion",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := tripleo.FindFormat(tt.format)
			if err != nil {
				t.Fatal(err)
			}
			text, holds, err := f.Write(tt.result)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(text)); diff != "" || holds != tt.holds {
				t.Errorf("%q (-want +got):\n%s", holds, diff)
			}
		})
	}
}

func TestWriteConsumersRefuse(t *testing.T) {
	f, err := tripleo.FindFormat("openstack-version")
	if err != nil {
		t.Fatal(err)
	}
	for want, images := range map[string][]tripleo.Image{
		"has no field for image quay.io/a/unheard-of":                         givenImages(t, tripleo.Request{}, "quay.io/a/unheard-of:1"),
		"quay.io/a/nova-api and quay.io/b/nova-api are both for novaAPIImage": givenImages(t, tripleo.Request{}, "quay.io/a/nova-api:1", "quay.io/b/nova-api:1"),
	} {
		if _, _, err := f.Write(tripleo.Result{Images: images}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want %q", err, want)
		}
	}
	if err := f.Check(tripleo.Request{}); err == nil {
		t.Error("an OpenStackVersion without target_version: no error")
	}
}

var acme = tripleo.Satellite{
	Host: "satellite.example.com:5000", Organization: "ACME", Environment: "Production", ContentView: "myosp13", Product: "osp13_containers",
}

func TestSatellite(t *testing.T) {
	images := givenImages(t, tripleo.Request{}, "registry.redhat.io/rhosp13/openstack-aodh-api:13.0-40", "registry.redhat.io/rhceph/rhceph-3-rhel7:3")
	served, err := acme.Served(images)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, image := range served {
		got = append(got, image.Ref())
	}
	want := []string{
		"satellite.example.com:5000/acme-production-myosp13-osp13_containers-aodh-api:13.0-40",
		"satellite.example.com:5000/acme-production-myosp13-osp13_containers-rhceph-3-rhel7:3",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	for template, want := range map[string]string{
		"{org}/{name}":  "",
		"{org}-{what}":  "there is no {what}",
		"{org}-{env}":   "without {name}",
		"{Name}-{name}": "there is no {Name}",
	} {
		s := acme
		s.NameTemplate = template
		if err := s.Check(); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", template, err, want)
		}
	}
	bad := acme
	bad.Organization = "A C M E"
	if _, err := bad.Served(images); err == nil || !strings.Contains(err.Error(), "which is not an image reference") {
		t.Errorf("error = %v", err)
	}
}

// The script runs with a hammer that only prints its arguments.
func TestSatelliteScript(t *testing.T) {
	f, err := tripleo.FindFormat("satellite-script")
	if err != nil {
		t.Fatal(err)
	}
	s := acme
	s.Product = "it's ours"
	images := givenImages(t, tripleo.Request{}, "registry.redhat.io/rhosp13/openstack-aodh-api:1", "registry.redhat.io/rhosp13/openstack-aodh-api:2")
	text, holds, err := f.Write(tripleo.Result{Satellite: &s, Images: images})
	if err != nil || holds != "1 repository for Satellite" {
		t.Fatalf("%q, %v", holds, err)
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(sh)
	cmd.Stdin = strings.NewReader(`hammer() { if [ "$2" = info ]; then return 1; fi; for a in "$@"; do printf '<%s>' "$a"; done; echo; }` + "\n" + string(text))
	out, err := cmd.CombinedOutput()
	want := `<product><create><--organization-label><ACME><--name><it's ours>
<repository><create><--organization-label><ACME><--product><it's ours><--content-type><docker><--url><https://registry.redhat.io><--docker-upstream-name><rhosp13/openstack-aodh-api><--name><aodh-api>
<product><synchronize><--organization-label><ACME><--name><it's ours>
`
	if diff := cmp.Diff(want, string(out)); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if err := f.Check(tripleo.Request{}); err == nil {
		t.Error("a script without settings: no error")
	}
}

func TestSelectListedRefuses(t *testing.T) {
	for _, name := range []string{"nova-api:1", "quay.io/nova-api", "quay.io/Nova:1", "quay.io/a:1:2", ""} {
		_, err := tripleo.SelectListed([]tripleo.ListedImage{{Name: name, Place: tripleo.Place{File: "list", Line: 7}}}, tripleo.Request{})
		if err == nil || !strings.Contains(err.Error(), "list:7") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
