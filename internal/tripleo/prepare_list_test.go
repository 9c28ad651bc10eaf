package tripleo_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/tripleo"
)

// list makes an environment file with a ContainerImagePrepare list.
func list(entries string) string {
	return "parameter_defaults:\n  ContainerImagePrepare:\n" + entries
}

func TestListDecides(t *testing.T) {
	tests := []struct {
		name    string
		entries string
		more    string // parameters beside the list
		push    string // push_destination of the step
		want    []string
	}{
		{
			"set, on top of the release's defaults",
			"  - set: {namespace: h:1/ns, tag: '9'}\n    includes: [aodh-api]\n", "", "",
			[]string{"h:1/ns/centos-binary-aodh-api:9"},
		},
		{
			"excludes have no effect beside includes",
			"  - includes: [aodh-api, aodh-evaluator]\n    excludes: [aodh]\n", "", "",
			[]string{"quay.io/tripleotrain/centos-binary-aodh-api:current-tripleo", "quay.io/tripleotrain/centos-binary-aodh-evaluator:current-tripleo"},
		},
		{
			"an unquoted number is the text that it was written as",
			"  - set: {tag: 16.10, ceph_grafana_tag: 4, name_suffix: }\n    includes: ['^.*/(centos-binary-cron|ceph-grafana):']\n", "", "",
			[]string{"quay.io/ceph/ceph-grafana:4", "quay.io/tripleotrain/centos-binary-cron:16.10"},
		},
		{
			"one after the other; each has its own destination",
			"  - includes: [centos-binary-cron]\n    push_destination: h:1\n" +
				"  - includes: [centos-binary-etcd]\n    push_destination: h:2/sub/\n" +
				"  - includes: [centos-binary-frr, centos-binary-redis]\n    push_destination: false\n", "", "",
			[]string{
				"quay.io/tripleotrain/centos-binary-cron:current-tripleo => h:1",
				"quay.io/tripleotrain/centos-binary-etcd:current-tripleo => h:2/sub",
				"quay.io/tripleotrain/centos-binary-redis:current-tripleo",
			},
		},
		{
			"true is what the step says",
			"  - includes: [centos-binary-cron]\n    push_destination: true\n", "", "192.0.2.1:8787",
			[]string{"quay.io/tripleotrain/centos-binary-cron:current-tripleo => 192.0.2.1:8787"},
		},
		{
			"true is the local registry where one is named",
			"  - includes: [centos-binary-cron]\n    push_destination: true\n", "  LocalContainerRegistry: uc.ctlplane.example\n", "192.0.2.1:8787",
			[]string{"quay.io/tripleotrain/centos-binary-cron:current-tripleo => uc.ctlplane.example:8787"},
		},
		{
			"a destination of the step is for none but true",
			"  - includes: [centos-binary-cron]\n", "", "192.0.2.1:8787",
			[]string{"quay.io/tripleotrain/centos-binary-cron:current-tripleo"},
		},
		{
			"a source to pull from is put ahead of the name",
			"  - includes: ['^ns/centos-binary-cron']\n    set: {namespace: ns}\n    pull_source: docker.io/\n    push_destination: h:1\n", "", "",
			[]string{"docker.io/ns/centos-binary-cron:current-tripleo => h:1"},
		},
		{
			"a label is looked up from the default tag",
			"  - includes: [centos-binary-cron]\n    tag_from_label: rdo_version\n", "", "",
			[]string{"quay.io/tripleotrain/centos-binary-cron:current-tripleo ? rdo_version"},
		},
		{
			"a label has no effect if a tag is set",
			"  - includes: [centos-binary-cron]\n    tag_from_label: rdo_version\n    set: {tag: x}\n", "", "",
			[]string{"quay.io/tripleotrain/centos-binary-cron:x"},
		},
		{
			"an empty tag is none that is set",
			"  - includes: [centos-binary-cron]\n    tag_from_label: rdo_version\n    set: {tag: ''}\n", "", "",
			nil, // no tag at all
		},
		{
			"keys about changing images say nothing without modify_role",
			"  - includes: [centos-binary-cron]\n    modify_append_tag: -x\n    modify_vars: {a: b}\n    modify_only_with_labels: [a]\n    modify_only_with_source: [kolla]\n    modify_role:\n    multi_arch: true\n", "", "",
			[]string{"quay.io/tripleotrain/centos-binary-cron:current-tripleo"},
		},
		{
			"a plug-in's image in place of the release's",
			"  - excludes: [cinder-volume, 'centos-binary-(?:[^c]|c[^i])', ceph, prometheus]\n    set: {namespace: h/n, tag: 1}\n" +
				"  - includes: [cinder-volume]\n    set: {namespace: h/vendor, name_prefix: openstack, name_suffix: plugin, tag: 2}\n", "", "",
			[]string{"h/n/centos-binary-cinder-api:1", "h/n/centos-binary-cinder-backup:1", "h/n/centos-binary-cinder-scheduler:1", "h/vendor/openstack-cinder-volume-plugin:2"},
		},
		{"variables of image families that the release lacks", "  - includes: [nothing]\n    set: {ceph_haproxy_image: x, ceph_haproxy_tag: y}\n", "", "", []string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := files{"/e.yaml": list(tt.entries) + tt.more}
			s, err := tripleo.Select(tripleo.Request{Release: "train", Environments: f.names(), PushDestination: tt.push}, f.open)
			if tt.want == nil {
				wantWords(t, err, `environment file /e.yaml:3: ContainerImagePrepare: image cron would be called`)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := []string{}
			for _, image := range s.Images {
				text := image.Ref()
				if image.TagFromLabel != "" {
					text += " ? " + image.TagFromLabel
				}
				if image.PushDestination != "" {
					text += " => " + image.PushDestination
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(sorted(tt.want), sorted(got)); diff != "" {
				t.Errorf("images (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLaterEntryHasTheParameter(t *testing.T) {
	f := files{"/e.yaml": list("  - includes: [cinder-volume]\n  - includes: [cinder-volume]\n    set: {namespace: h/vendor}\n")}
	s := selectFrom(t, f, tripleo.Request{Release: "wallaby", Environments: f.names()})
	if len(s.Images) != 2 {
		t.Errorf("images = %v", s.Images)
	}
	if got := (tripleo.Result{Images: s.Images}).Parameters()["ContainerCinderVolumeImage"]; got != "h/vendor/openstack-cinder-volume:current-tripleo" {
		t.Errorf("parameter = %s", got)
	}
}

// Without a list, or with an empty one, the release's defaults apply. A later list
// replaces an earlier one.
func TestWhichListCounts(t *testing.T) {
	tests := []struct {
		name  string
		files files
		want  int
	}{
		{"none", files{"/1.yaml": "parameter_defaults: {}"}, 103},
		{"an empty one", files{"/1.yaml": list("    []\n")}, 103},
		{"nothing", files{"/1.yaml": list("")}, 103},
		{"a later one", files{"/1.yaml": list("  - includes: [a]\n"), "/2.yaml": list("  - includes: [centos-binary-cron]\n")}, 1},
		{"a later nothing", files{"/1.yaml": list("  - includes: [centos-binary-cron]\n"), "/2.yaml": list("")}, 103},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := selectFrom(t, tt.files, tripleo.Request{Release: "train", Environments: tt.files.names()})
			if len(s.Images) != tt.want {
				t.Errorf("%d images, want %d", len(s.Images), tt.want)
			}
		})
	}
}

func TestListIsNotForEarlierReleases(t *testing.T) {
	f := files{"/e.yaml": list("  - modify_role: x\n")}
	for _, release := range []string{"queens", "rhosp13"} {
		selectFrom(t, f, tripleo.Request{Release: release, Environments: f.names(), Tag: "x"})
	}
}

func TestListErrors(t *testing.T) {
	tests := []struct{ name, entries, want, hint string }{
		{"modify_role", "  - set: {}\n    modify_role: tripleo-modify-image\n", "/e.yaml:4: ContainerImagePrepare: entry 1: modify_role: images are copied as they are", "pushed elsewhere"},
		{"an unknown key", "  - {}\n  - sets: {}\n", `/e.yaml:4: ContainerImagePrepare: entry 2: sets: unknown key "sets"; known are set, tag_from_label`, ""},
		{"an unknown variable", "  - set:\n      namspace: x\n", `entry 1: set: /e.yaml:4: unknown variable "namspace"; known are ceph3_image`, ""},
		{"a variable that is a list", "  - set:\n      tag: [x]\n", "/e.yaml:4: tag: a single value is wanted, this is a list", ""},
		{"set is a list", "  - set: []\n", "/e.yaml:3: ContainerImagePrepare: entry 1: set: a mapping of variables is wanted, this is a list", ""},
		{"excludes is a text", "  - excludes: cinder\n", "/e.yaml:3: ContainerImagePrepare: entry 1: excludes: a list of regular expressions is wanted, this is a single value", ""},
		{"no expression", "  - includes: [a, '(']\n", "entry 1: includes: item 2: error parsing regexp: missing closing )", ""},
		{"an expression that is a list", "  - includes: [[a]]\n", "includes: item 1: a single value is wanted, this is a list", ""},
		{"a label that is a list", "  - tag_from_label: [a]\n", "tag_from_label: a single value is wanted, this is a list", ""},
		{"a destination that is a mapping", "  - push_destination: {a: b}\n", "push_destination: a single value is wanted, this is a mapping", ""},
		{"true, and nobody says what", "  - push_destination: true\n", "push_destination: true stands for the undercloud's own registry, which is not known here", "push_destination of the step"},
		{"an entry that is a text", "  - a\n", "/e.yaml:3: ContainerImagePrepare: entry 1: a mapping is wanted: this is a single value", ""},
		{"a mapping", "    a: b\n", "environment file /e.yaml:3: ContainerImagePrepare: a list is wanted, this is a mapping", ""},
		{"a name that is none", "  - set: {namespace: 'h/N'}\n", `/e.yaml:3: ContainerImagePrepare: image aodh-api would be called "h/N/centos-binary-aodh-api:current-tripleo"`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := files{"/e.yaml": list(tt.entries)}
			_, err := tripleo.Select(tripleo.Request{Release: "train", Environments: f.names()}, f.open)
			wantWords(t, err, "environment file /e.yaml", tt.want)
			if hint := fault.Hint(err); !strings.Contains(hint, tt.hint) {
				t.Errorf("hint = %q", hint)
			}
		})
	}
}

func TestListReportsAllMistakes(t *testing.T) {
	f := files{"/e.yaml": list("  - modify_role: x\n  - seet: {}\n  - {}\n  - excludes: x\n")}
	_, err := tripleo.Select(tripleo.Request{Release: "train", Environments: f.names()}, f.open)
	wantWords(t, err, "entry 1: modify_role", "entry 2: seet", "entry 4: excludes")
}

func TestListAndTheStepsOwnSettings(t *testing.T) {
	f := files{"/e.yaml": list("  - {}\n")}
	for name, req := range map[string]tripleo.Request{
		"namespace": {Namespace: "h/n"}, "prefix": {Prefix: "x"}, "suffix": {Suffix: "x"}, "tag": {Tag: "x"}, "tag_from_label": {TagFromLabel: "x"},
		"neutron_driver": {NeutronDriver: "ovn"}, "set": {Set: map[string]string{"tag": "x"}}, "includes": {Includes: regexps("x")}, "excludes": {Excludes: regexps("x")},
	} {
		req.Release, req.Environments = "train", f.names()
		_, err := tripleo.Select(req, f.open)
		wantWords(t, err, "environment file /e.yaml:3: ContainerImagePrepare: the list says where images come from; "+name+" of the step would have no effect")
	}
}

// From train on, services run in containers unless an environment switches them off.
// Without roles all images are selected.
func TestFilterOfLaterReleases(t *testing.T) {
	roles := "- name: Controller\n  CountDefault: 1\n  ServicesDefault:\n  - OS::TripleO::Services::Keystone\n  - OS::TripleO::Services::Redis\n" +
		"- name: Compute\n  ServicesDefault:\n  - OS::TripleO::Services::NovaCompute\n"
	tests := []struct {
		name string
		env  string
		want string
	}{
		{"none switched off", "", "keystone redis"},
		{"one switched off", env("Redis: OS::Heat::None"), "keystone"},
		{"puppet is not off", env("Redis: ../puppet/services/redis.yaml"), "keystone redis"},
		{"another role has nodes", "parameter_defaults: {ComputeCount: 2, ControllerCount: 0, ComputeServices: 'OS::TripleO::Services::Memcached'}", "memcached"},
		{"other services", "parameter_defaults: {ControllerServices: ['OS::TripleO::Services::CephMon']}", "{ceph_image}"},
		{"all off", env("Redis: OS::Heat::None", "Keystone: OS::Heat::None"), ""},
	}
	for _, release := range []string{"train", "wallaby", "rhosp16", "rhosp17.1"} {
		for _, tt := range tests {
			t.Run(release+" "+tt.name, func(t *testing.T) {
				f := files{"/e.yaml": tt.env, "/roles.yaml": roles}
				s := selectFrom(t, f, tripleo.Request{Release: release, Environments: []string{"/e.yaml"}, RolesFile: "/roles.yaml"})
				var names []string
				for _, image := range s.Images {
					names = append(names, image.Basename)
				}
				if got := strings.Join(names, " "); got != tt.want || !s.Filtered {
					t.Errorf("images = %q, want %q", got, tt.want)
				}
			})
		}
	}
	if s := selectFrom(t, files{}, tripleo.Request{Release: "wallaby"}); s.Filtered || len(s.Images) != 93 {
		t.Errorf("without roles: filtered %v, %d images", s.Filtered, len(s.Images))
	}
}

func TestDriverOfLaterReleases(t *testing.T) {
	tests := []struct {
		name, env, set, train, wallaby string
	}{
		{"by default", "", "", "ovn", "ovn"},
		{"a list", "{NeutronMechanismDrivers: [sriovnicswitch, ovn]}", "", "ovn", "ovn"},
		{"a text", "{NeutronMechanismDrivers: 'sriovnicswitch,ovn'}", "", "ovn", "ovn"},
		{"neither", "{NeutronMechanismDrivers: [openvswitch]}", "", "other", "other"},
		{"neither, as a text", "{NeutronMechanismDrivers: 'openvswitch,l2population'}", "", "other", "other"},
		{"OpenDaylight", "{NeutronMechanismDrivers: [opendaylight_v2, ovn]}", "", "odl", "other"},
		{"a list is not searched inside its names", "{NeutronMechanismDrivers: [novn]}", "", "other", "other"},
		{"a text is, which finds ovn in sriovnicswitch", "{NeutronMechanismDrivers: 'sriovnicswitch,openvswitch'}", "", "ovn", "ovn"},
		{"but not in a list", "{NeutronMechanismDrivers: [sriovnicswitch, openvswitch]}", "", "other", "other"},
		{"set wins", "{NeutronMechanismDrivers: [openvswitch]}", "ovn", "ovn", "ovn"},
		{"set wins the other way round", "", "other", "other", "other"},
	}
	for _, tt := range tests {
		for release, want := range map[string]string{"train": tt.train, "wallaby": tt.wallaby} {
			f := files{"/e.yaml": "parameter_defaults: " + tt.env}
			req := tripleo.Request{Release: release, Environments: f.names(), NeutronDriver: tt.set}
			if s := selectFrom(t, f, req); s.NeutronDriver != want {
				t.Errorf("%s, %s: driver = %q, want %q", tt.name, release, s.NeutronDriver, want)
			}
			entry := "  - {}\n"
			if tt.set != "" {
				entry = fmt.Sprintf("  - set: {neutron_driver: %s}\n", tt.set)
			}
			f["/list.yaml"] = list(entry)
			if s := selectFrom(t, f, tripleo.Request{Release: release, Environments: f.names()}); s.NeutronDriver != want {
				t.Errorf("%s, %s, by a list: driver = %q, want %q", tt.name, release, s.NeutronDriver, want)
			}
		}
	}
	f := files{"/e.yaml": list("  - set: {neutron_driver: null}\n  - set: {neutron_driver: ''}\n") + "  NeutronMechanismDrivers: [openvswitch]\n"}
	if s := selectFrom(t, f, tripleo.Request{Release: "rhosp16.2", Environments: f.names()}); s.NeutronDriver != "other" {
		t.Errorf("a driver set to nothing: %q", s.NeutronDriver)
	}
}
