package tripleo_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/tripleo"
)

// refs returns the references of the images whose basename begins with begin.
func refs(s *tripleo.Selection, begin string) []string {
	var all []string
	for _, image := range s.Images {
		if strings.HasPrefix(image.Basename, begin) {
			all = append(all, image.Ref())
		}
	}
	return all
}

func TestNames(t *testing.T) {
	tests := []struct {
		name string
		req  tripleo.Request
		want string // of aodh-api
	}{
		{"rhosp13", tripleo.Request{Release: "rhosp13"}, "registry.access.redhat.com/rhosp13/openstack-aodh-api:latest"},
		{"queens", tripleo.Request{}, "docker.io/tripleoqueens/centos-binary-aodh-api:current-tripleo"},
		{"hyphens are added", tripleo.Request{Prefix: "rhel", Suffix: "rpm"}, "docker.io/tripleoqueens/rhel-aodh-api-rpm:current-tripleo"},
		{"hyphens are not doubled", tripleo.Request{Prefix: "rhel-", Suffix: "-rpm"}, "docker.io/tripleoqueens/rhel-aodh-api-rpm:current-tripleo"},
		{"namespace with a port", tripleo.Request{Namespace: "host:5000/ns", Tag: "13.0"}, "host:5000/ns/centos-binary-aodh-api:13.0"},
		{"namespace without a host", tripleo.Request{Namespace: "tripleo"}, "tripleo/centos-binary-aodh-api:current-tripleo"},
		{
			"set wins over all",
			tripleo.Request{
				Namespace: "a", Prefix: "b", Suffix: "c", Tag: "d",
				Set: map[string]string{"namespace": "w", "name_prefix": "x", "name_suffix": "y", "tag": "z"},
			},
			"w/x-aodh-api-y:z",
		},
		{"set to nothing", tripleo.Request{Set: map[string]string{"name_prefix": ""}}, "docker.io/tripleoqueens/aodh-api:current-tripleo"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := refs(selectFrom(t, files{}, tt.req), "aodh-api")
			if diff := cmp.Diff([]string{tt.want}, got); diff != "" {
				t.Errorf("reference (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCephHasVariablesOfItsOwn(t *testing.T) {
	req := walkthrough(t)
	req.Environments = append(req.Environments, tht(t, "environments/ceph-ansible/ceph-ansible.yaml")...)
	req.Tag = "13.0"
	if got := refs(selectFromDisk(t, req), "{"); len(got) != 1 || got[0] != "docker.io/ceph/daemon:v3.0.3-stable-3.0-luminous-centos-7-x86_64" {
		t.Errorf("by default: %v", got)
	}
	req.Set = map[string]string{"ceph_namespace": "registry.access.redhat.com/rhceph", "ceph_image": "rhceph-3-rhel7", "ceph_tag": "latest"}
	s := selectFromDisk(t, req)
	if got := refs(s, "{"); len(got) != 1 || got[0] != "registry.access.redhat.com/rhceph/rhceph-3-rhel7:latest" {
		t.Errorf("as set: %v", got)
	}
	tags, err := tripleo.DiscoverTags(t.Context(), s.Images[len(s.Images)-1:], newSample(t))
	if err != nil {
		t.Fatal(err)
	}
	got := tripleo.Result{Images: tripleo.WithTags(s.Images, tags)}.Parameters()["DockerCephDaemonImage"]
	if got != "192.0.2.1:8787/rhceph/rhceph-3-rhel7:3-12" {
		t.Errorf("discovered: %s", got)
	}
}

func TestNeutronDriver(t *testing.T) {
	ovn, odl := tht(t, "environments/services-docker/neutron-ovn-dvr-ha.yaml"), tht(t, "environments/services-docker/neutron-opendaylight.yaml")
	tests := []struct {
		name   string
		req    tripleo.Request
		driver string
		image  string // of DockerNeutronApiImage
	}{
		{"neither", tripleo.Request{}, "", "neutron-server"},
		{"OVN", tripleo.Request{Environments: ovn}, "ovn", "neutron-server-ovn"},
		{"OpenDaylight", tripleo.Request{Environments: odl}, "odl", "neutron-server-opendaylight"},
		{"OpenDaylight wins over OVN", tripleo.Request{Environments: append(odl, ovn...)}, "odl", "neutron-server-opendaylight"},
		{"given", tripleo.Request{Environments: ovn, NeutronDriver: "other"}, "other", "neutron-server"},
		{"set wins over given", tripleo.Request{NeutronDriver: "ovn", Set: map[string]string{"neutron_driver": "odl"}}, "odl", "neutron-server-opendaylight"},
		{"set to nothing wins over derived", tripleo.Request{Environments: ovn, Set: map[string]string{"neutron_driver": ""}}, "", "neutron-server"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.req.Release = "rhosp13"
			tt.req.Set = withNames(tt.req.Set)
			s := selectFromDisk(t, tt.req)
			if s.NeutronDriver != tt.driver {
				t.Errorf("driver = %q, want %q", s.NeutronDriver, tt.driver)
			}
			if got := paramBasenames(s.Images)["DockerNeutronApiImage"]; got != tt.image {
				t.Errorf("image = %s, want %s", got, tt.image)
			}
		})
	}
}

// withNames adds to variables the prefix that basename removes.
func withNames(set map[string]string) map[string]string {
	all := map[string]string{"name_prefix": "centos-binary-"}
	for name, value := range set {
		all[name] = value
	}
	return all
}

func TestNoFilterAndEmptyFilter(t *testing.T) {
	none := selectFrom(t, files{}, tripleo.Request{})
	if none.Filtered || none.Services != nil || len(none.Images) != 88 {
		t.Errorf("without environments: filtered %v, %d images", none.Filtered, len(none.Images))
	}
	empty := selectFrom(t, files{"/e.yaml": "{}"}, tripleo.Request{Environments: []string{"/e.yaml"}})
	if !empty.Filtered || empty.Services == nil || len(empty.Images) != 0 {
		t.Errorf("with an empty environment: filtered %v, %d images", empty.Filtered, len(empty.Images))
	}
	base := selectFrom(t, files{}, tripleo.Request{Release: "rhosp13"})
	if !base.Filtered || len(base.Images) != 44 {
		t.Errorf("rhosp13 without environments: filtered %v, %d images", base.Filtered, len(base.Images))
	}
}

func TestEnvironmentSwitchesBuiltInServiceOff(t *testing.T) {
	f := files{"/e.yaml": env("Redis: OS::Heat::None", "Keystone: ../puppet/services/keystone.yaml")}
	s := selectFrom(t, f, tripleo.Request{Release: "rhosp13", Environments: f.names()})
	for _, name := range []string{"redis", "keystone"} {
		if got := refs(s, name); got != nil {
			t.Errorf("%s is there: %v", name, got)
		}
	}
}

func TestLoggingToStdout(t *testing.T) {
	s := selectFrom(t, files{}, tripleo.Request{Set: map[string]string{"logging": "stdout"}})
	if got := refs(s, "rsyslog-base"); len(got) != 1 {
		t.Errorf("rsyslog-base = %v", got)
	}
}

func TestExcludes(t *testing.T) {
	all := len(selectFromDisk(t, walkthrough(t)).Images)
	tests := []struct {
		name string
		re   string
		left int
	}{
		{"found inside the name", "aodh", all - 4},
		{"the registry and the starting tag belong to it", `^registry\.access.*swift.*:latest$`, all - 4},
		{"found nowhere", "^aodh", all},
		{"all", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := walkthrough(t)
			req.Excludes = []*regexp.Regexp{regexp.MustCompile(tt.re)}
			s := selectFromDisk(t, req)
			if len(s.Images) != tt.left {
				t.Errorf("%d images left, want %d", len(s.Images), tt.left)
			}
			if params := (tripleo.Result{Images: s.Images}).Parameters(); tt.re == "aodh" && params["DockerAodhApiImage"] != "" {
				t.Error("the parameter of an excluded image is there")
			}
		})
	}
}

func TestSelectErrors(t *testing.T) {
	tests := []struct {
		name string
		req  tripleo.Request
		want string
	}{
		{"unknown release", tripleo.Request{Release: "quens"}, `unknown release "quens"; known are rhosp13, queens`},
		{"upper case", tripleo.Request{Namespace: "host/Name"}, `image aodh-api would be called "host/Name/centos-binary-aodh-api:current-tripleo", which is not an image reference`},
		{"slash at the end", tripleo.Request{Namespace: "host/ns/"}, "which is not an image reference"},
		{"tag with a space", tripleo.Request{Tag: "a b"}, "which is not an image reference"},
		{"no tag", tripleo.Request{Set: map[string]string{"tag": ""}}, "which is not an image reference"},
		{"no Ceph image", tripleo.Request{Set: map[string]string{"ceph_image": ""}}, "image {ceph_image} would be called"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.req.Release == "" {
				tt.req.Release = "queens"
			}
			_, err := tripleo.Select(tt.req, files{}.open)
			wantWords(t, err, tt.want)
		})
	}
}

func regexps(texts ...string) []*regexp.Regexp {
	var all []*regexp.Regexp
	for _, text := range texts {
		all = append(all, regexp.MustCompile(text))
	}
	return all
}
