package tripleo_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/tripleo"
)

// An answer holds a request's selection and the files written for it.
type answer struct {
	*tripleo.Selection
	env, list string
	params    map[string]string
}

func answerTo(t *testing.T, f files, req tripleo.Request, insecure ...string) answer {
	t.Helper()
	s := selectFrom(t, f, req)
	r := tripleo.Result{Images: s.Images, Insecure: func(host string) bool { return slices.Contains(insecure, host) }}
	return answer{s, string(r.EnvFile()), string(r.ImagesFile()), r.Parameters()}
}

// has reports whether the selection has an image with a basename.
func (a answer) has(basename string) bool {
	return slices.ContainsFunc(a.Images, func(i tripleo.Image) bool { return i.Basename == basename })
}

// The traps of the old tools, by number. Each test shows how the package avoids the
// trap, or keeps it where others rely on it.
var traps = []struct {
	name string
	test func(t *testing.T)
}{
	{"01 no environment at all is no filter: also what no service needs and no parameter names", func(t *testing.T) {
		a := answerTo(t, nil, tripleo.Request{})
		expect(t, len(a.Images) == 88 && len(a.params) == 136 && a.NeutronDriver == "" && !a.Filtered)
		for _, name := range []string{"heat-all", "manila-base", "octavia-base", "neutron-server"} {
			expect(t, a.has(name))
		}
		expect(t, !a.has("ovn-base") && !a.has("neutron-server-ovn") && !a.has("rsyslog-base"))
	}},
	{"02 a filter without any service is not no filter: nothing is left", func(t *testing.T) {
		a := answerTo(t, files{"/e.yaml": "parameter_defaults: {A: b}"}, tripleo.Request{Environments: []string{"/e.yaml"}})
		expect(t, a.env == "parameter_defaults: {}\n" && a.list == "container_images: []\n" && a.Filtered)
	}},
	{"03 an image that no service needs is gone once there is a filter", func(t *testing.T) {
		a := answerTo(t, containers("HeatEngine", "OctaviaApi", "ManilaApi"), anEnvironment)
		expect(t, a.has("heat-engine") && !a.has("heat-all") && !a.has("manila-base") && !a.has("octavia-base"))
	}},
	{"04 the default registry is not read: one environment of upstream's gives OVN alone", func(t *testing.T) {
		ovn := tht(t, "environments/services-docker/neutron-ovn-dvr-ha.yaml")
		expect(t, len(selectFromDisk(t, tripleo.Request{Release: "queens", Environments: ovn}).Images) == 5)
		expect(t, len(selectFromDisk(t, tripleo.Request{Release: "rhosp13", Environments: ovn}).Images) == 45)
	}},
	{"05 the slash before docker/ is part of the test: paths are resolved first, so even the root directory's tree has it", func(t *testing.T) {
		f := files{"/environments/e.yaml": env("Redis: ../docker/services/redis.yaml")}
		expect(t, answerTo(t, f, tripleo.Request{Environments: f.names()}).has("redis"))
		f = files{"/e.yaml": env("Redis: mydocker/services/redis.yaml")}
		expect(t, !answerTo(t, f, tripleo.Request{Environments: f.names()}).has("redis"))
	}},
	{"06 an alias of a containerised service is not containerised", func(t *testing.T) {
		f := files{"/e.yaml": env("Keystone: ../docker/services/keystone.yaml", "Redis: OS::TripleO::Services::Keystone")}
		a := answerTo(t, f, tripleo.Request{Environments: f.names()})
		expect(t, a.has("keystone") && !a.has("redis"))
	}},
	{"07 a later file takes a service out of its container again", func(t *testing.T) {
		f := files{"/1.yaml": env("SwiftProxy: ../docker/services/s.yaml", "Redis: ../docker/services/r.yaml"), "/2.yaml": env("SwiftProxy: OS::Heat::None")}
		expect(t, !answerTo(t, f, tripleo.Request{Environments: []string{"/1.yaml", "/2.yaml"}}).has("swift-proxy-server"))
		expect(t, answerTo(t, f, tripleo.Request{Environments: []string{"/2.yaml", "/1.yaml"}}).has("swift-proxy-server"))
	}},
	{"08 a count of '0' in quotes is none, as it was not for Python 2", func(t *testing.T) {
		f := containers("Keystone")
		f["/e.yaml"] += "parameter_defaults: {ControllerCount: '0'}"
		expect(t, len(answerTo(t, f, anEnvironment).Images) == 0)
	}},
	{"09 a role without count and default count has no nodes", func(t *testing.T) {
		f := containers("Keystone", "Redis")
		f["/roles.yaml"] = "- name: A\n  ServicesDefault: ['OS::TripleO::Services::Keystone']\n- name: B\n  CountDefault: 1\n  ServicesDefault: ['OS::TripleO::Services::Redis']\n"
		req := anEnvironment
		req.RolesFile = "/roles.yaml"
		a := answerTo(t, f, req)
		expect(t, !a.has("keystone") && a.has("redis"))
	}},
	{"10 <Role>Services takes the place of the role's, it does not add to them", func(t *testing.T) {
		f := containers("Keystone", "Redis")
		f["/e.yaml"] += "parameter_defaults: {ControllerServices: ['OS::TripleO::Services::Redis']}"
		a := answerTo(t, f, anEnvironment)
		expect(t, !a.has("keystone") && a.has("redis"))
	}},
	{"11 a file that is not there is a mistake, and not an empty file", func(t *testing.T) {
		for _, req := range []tripleo.Request{{Environments: []string{"/no.yaml"}}, {RolesFile: "/no.yaml"}, {Template: "/no.yaml"}, {Tree: "/no"}} {
			req.Release = "rhosp13"
			_, err := tripleo.Select(req, files{}.open)
			wantWords(t, err, "/no", "file does not exist")
		}
	}},
	{"12 OpenDaylight wins over OVN", func(t *testing.T) {
		a := answerTo(t, containers("OpenDaylightApi", "OVNController", "NeutronApi"), itsRoles())
		expect(t, a.NeutronDriver == "odl" && a.has("opendaylight") && !a.has("ovn-controller"))
	}},
	{"13 the first releases derive the driver from services, not from NeutronMechanismDrivers", func(t *testing.T) {
		f := containers("NeutronApi")
		f["/e.yaml"] += "parameter_defaults: {NeutronMechanismDrivers: ovn}"
		expect(t, answerTo(t, f, anEnvironment).NeutronDriver == "")
	}},
	{"14 a driver without services of its own: set beats what is derived, and empty beats it too", func(t *testing.T) {
		f, req := containers("OVNController", "NeutronApi"), itsRoles()
		expect(t, answerTo(t, f, req).has("neutron-server-ovn"))
		req.Set = map[string]string{"neutron_driver": ""}
		expect(t, answerTo(t, f, req).has("neutron-server"))
		req.Set = map[string]string{"neutron_driver": "odl"}
		expect(t, answerTo(t, f, req).has("neutron-server-opendaylight"))
	}},
	{"15 two images claim one parameter: the later one has it", func(t *testing.T) {
		a := answerTo(t, containers("IronicNeutronAgent", "NeutronApi"), itsRoles())
		expect(t, strings.HasSuffix(a.params["DockerNeutronConfigImage"], "centos-binary-neutron-server:current-tripleo"))
		a = answerTo(t, containers("IronicNeutronAgent"), itsRoles())
		expect(t, strings.HasSuffix(a.params["DockerNeutronConfigImage"], "centos-binary-ironic-neutron-agent:current-tripleo"))
	}},
	{"16 a hyphen is added to prefix and suffix when missing, and to nothing else", func(t *testing.T) {
		req := tripleo.Request{Release: "queens", Prefix: "a", Suffix: "b", Namespace: "h/n"}
		expect(t, answerTo(t, nil, req).params["DockerCrondImage"] == "h/n/a-cron-b:current-tripleo")
		req.Prefix, req.Suffix = "a-", "-b"
		expect(t, answerTo(t, nil, req).params["DockerCrondImage"] == "h/n/a-cron-b:current-tripleo")
		req.Set = map[string]string{"name_prefix": "", "name_suffix": ""}
		expect(t, answerTo(t, nil, req).params["DockerCrondImage"] == "h/n/cron:current-tripleo")
	}},
	{"17 set beats every other setting, and its values stay the texts that they are", func(t *testing.T) {
		req := tripleo.Request{Tag: "1", Namespace: "h/n", Set: map[string]string{"tag": "010", "namespace": "h/m"}}
		expect(t, strings.HasPrefix(answerTo(t, nil, req).params["DockerCrondImage"], "h/m/") && strings.HasSuffix(answerTo(t, nil, req).params["DockerCrondImage"], ":010"))
	}},
	{"18 an exclude is searched for in the whole name with namespace and starting tag", func(t *testing.T) {
		all := len(answerTo(t, nil, tripleo.Request{}).Images)
		for re, gone := range map[string]int{"tripleoqueens": 87, ":current-tripleo$": 87, "^docker.io/": 87, "ceph-ci": 1, "^cron": 0, "heat-api": 2} {
			a := answerTo(t, nil, tripleo.Request{Excludes: regexps(re)})
			if len(a.Images) != all-gone {
				t.Errorf("%s leaves %d of %d", re, len(a.Images), all)
			}
		}
	}},
	{"19 the parameters of an excluded image are absent, not defaulted", func(t *testing.T) {
		a := answerTo(t, nil, tripleo.Request{Excludes: regexps("-cron:")})
		_, there := a.params["DockerCrondImage"]
		expect(t, !there && !strings.Contains(a.env, "Crond"))
	}},
	{"20 an excluded image is not asked for its labels", func(t *testing.T) {
		req := walkthrough(t)
		req.Excludes = regexps("keystone")
		reg := newSample(t)
		reg.wrong["rhosp13/openstack-keystone"] = errRefused
		_, err := tripleo.DiscoverTags(t.Context(), selectFromDisk(t, req).Images, reg)
		expect(t, err == nil)
	}},
	{"21 what stands before the first slash is replaced by the destination: a namespace without host is lost", func(t *testing.T) {
		for namespace, want := range map[string]string{"reg:5000/ns": "d:1/x/ns/", "tripleo": "d:1/x/"} {
			a := answerTo(t, nil, tripleo.Request{Namespace: namespace, PushDestination: "d:1/x"})
			expect(t, a.params["DockerCrondImage"] == want+"centos-binary-cron:current-tripleo")
		}
	}},
	{"22 the list of images keeps the source, and names the destination beside it", func(t *testing.T) {
		a := answerTo(t, nil, tripleo.Request{Namespace: "h:5/n", PushDestination: "d:1/x"})
		expect(t, strings.Contains(a.list, "- imagename: h:5/n/centos-binary-cron:current-tripleo\n  push_destination: d:1/x\n"))
	}},
	{"23 insecure are the hosts of the parameters' values: the destination, not the source", func(t *testing.T) {
		a := answerTo(t, nil, tripleo.Request{Namespace: "h:5/n", PushDestination: "d:1/x"}, "h:5", "d:1")
		expect(t, strings.Contains(a.env, "  DockerInsecureRegistryAddress:\n  - d:1\n  DockerIronicApiConfigImage:"))
		a = answerTo(t, nil, tripleo.Request{Namespace: "h:5/n"}, "quay.ceph.io", "h:5")
		expect(t, strings.Contains(a.env, "  DockerInsecureRegistryAddress:\n  - h:5\n  - quay.ceph.io\n"))
		a = answerTo(t, nil, tripleo.Request{Namespace: "h:5/n"}, "d:1")
		expect(t, !strings.Contains(a.env, "Insecure"))
	}},
	{"24 parameters are sorted by code point, capitals first", func(t *testing.T) {
		env := answerTo(t, nil, tripleo.Request{}).env
		expect(t, strings.Index(env, "DockerHAProxyImage") < strings.Index(env, "DockerHeatApiImage"))
		expect(t, strings.Index(env, "DockerNovaVncProxyImage") < strings.Index(env, "DockerNovajoin") || !strings.Contains(env, "DockerNovajoin"))
	}},
	{"25 the list of images is in the template's order and names an image as often as it is there", func(t *testing.T) {
		a := answerTo(t, files{"/e.yaml": list("  - includes: [cron, etcd]\n  - includes: [cron]\n")}, tripleo.Request{Release: "train", Environments: []string{"/e.yaml"}})
		expect(t, strings.Count(a.list, "centos-binary-cron:") == 2)
		names := refs(answerTo(t, nil, tripleo.Request{}).Selection, "heat")
		expect(t, strings.HasSuffix(names[0], "heat-api-cfn:current-tripleo") || strings.HasSuffix(names[0], "heat-all:current-tripleo"))
	}},
	{"26 Ceph has a namespace, a name and a tag of its own, and no prefix", func(t *testing.T) {
		a := answerTo(t, nil, tripleo.Request{Namespace: "h/n", Prefix: "p", Suffix: "s", Tag: "t"})
		expect(t, a.params["DockerCephDaemonImage"] == "quay.ceph.io/ceph-ci/daemon:v3.2.14-stable-3.2-luminous-centos-7-x86_64")
	}},
	{"27 a variable that is set to nothing leaves no name: a mistake, and not an image without one", func(t *testing.T) {
		_, err := tripleo.Select(tripleo.Request{Release: "queens", Set: map[string]string{"ceph_namespace": ""}}, files{}.open)
		wantWords(t, err, "which is not an image reference")
	}},
	{"28 logging to stdout adds an image", func(t *testing.T) {
		a := answerTo(t, nil, tripleo.Request{Set: map[string]string{"logging": "stdout"}})
		expect(t, len(a.Images) == 89 && a.has("rsyslog-base"))
	}},
	{"29 a service whose name nobody knows changes nothing", func(t *testing.T) {
		a := answerTo(t, containers("Keystone", "Kestone"), itsRoles())
		expect(t, len(a.Images) == 1 && slices.Contains(a.Services, "OS::TripleO::Services::Kestone"))
	}},
	{"30 from train on parameters have another name, but not all of them", func(t *testing.T) {
		train := answerTo(t, nil, tripleo.Request{Release: "train"}, "quay.io")
		for _, name := range []string{"ContainerKeystoneImage", "PrometheusContainerImage", "AlertManagerContainerImage", "NodeExporterContainerImage", "GrafanaContainerImage", "ContainerTripleoclientImage"} {
			expect(t, train.params[name] != "")
		}
		for name := range train.params {
			expect(t, !strings.HasPrefix(name, "Docker"))
		}
		expect(t, strings.Contains(train.env, "  DockerInsecureRegistryAddress:\n  - quay.io\n"))
		wallaby := answerTo(t, nil, tripleo.Request{Release: "wallaby"})
		expect(t, wallaby.params["ContainerTripleoClientImage"] != "" && wallaby.params["ContainerTripleoclientImage"] == "")
	}},
	{"31 from train on a service that is not mentioned is there unless it is switched off", func(t *testing.T) {
		req := itsRoles()
		req.Release = "train"
		a := answerTo(t, files{"/e.yaml": env("Redis: OS::Heat::None"), "/roles.yaml": rolesText("Keystone", "Redis")}, req)
		expect(t, a.has("keystone") && !a.has("redis"))
	}},
	{"32 a switch that is the text false is off", func(t *testing.T) {
		for value, there := range map[string]bool{"false": true, "False": true, "no": true, "true": false, "yes": false} {
			a := answerTo(t, nil, tripleo.Request{Release: "train", Set: map[string]string{"rhel_containers": value}})
			expect(t, a.has("fluentd") == there)
		}
	}},
	{"33 wallaby has one neutron-server whatever the driver, with other services", func(t *testing.T) {
		for driver, metadata := range map[string]bool{"ovn": true, "other": false, "odl": false} {
			a := answerTo(t, nil, tripleo.Request{Release: "wallaby", NeutronDriver: driver})
			expect(t, strings.HasSuffix(a.params["ContainerNeutronApiImage"], "/openstack-neutron-server:current-tripleo"))
			expect(t, a.has("neutron-metadata-agent-ovn") == metadata)
		}
		f, req := files{"/roles.yaml": rolesText("OVNController")}, tripleo.Request{Release: "wallaby", RolesFile: "/roles.yaml"}
		expect(t, answerTo(t, f, req).has("neutron-server"))
		req.NeutronDriver = "other"
		expect(t, !answerTo(t, f, req).has("neutron-server"))
	}},
	{"34 images for an upgrade are there when their namespace is set", func(t *testing.T) {
		a := answerTo(t, nil, tripleo.Request{Release: "train", Set: map[string]string{"namespace_stein": "h/stein", "tag_stein": "s", "ceph3_namespace": "h/c", "ceph3_image": "c", "ceph3_tag": "3"}})
		expect(t, len(a.Images) == 103+12 && a.params["ContainerKeystoneImageStein"] == "h/stein/keystone:s" && a.params["ContainerCeph3DaemonImage"] == "h/c/c:3")
	}},
	{"35 a password of an environment goes nowhere", func(t *testing.T) {
		f := files{"/e.yaml": list("  - {}\n") + "  ContainerImageRegistryCredentials: {quay.io: {user: s3cr3t}}\n"}
		a := answerTo(t, f, tripleo.Request{Release: "train", Environments: f.names()})
		expect(t, !strings.Contains(a.env+a.list+writeFormat(t, "container-image-prepare", f, tripleo.Request{Release: "train", Environments: f.names()}), "s3cr3t"))
	}},
	{"36 services and counts of a later environment win, those of parameters: do not count", func(t *testing.T) {
		f := containers("Keystone")
		f["/e.yaml"] += "parameters: {ControllerCount: 0}\nparameter_defaults: {ControllerCount: 1}"
		expect(t, answerTo(t, f, anEnvironment).has("keystone"))
	}},
}

func TestTraps(t *testing.T) {
	for _, trap := range traps {
		t.Run(trap.name, trap.test)
	}
}

func expect(t *testing.T, holds bool) {
	t.Helper()
	if !holds {
		t.Error("it is not so")
	}
}

var anEnvironment = tripleo.Request{Release: "queens", Environments: []string{"/e.yaml"}}

// containers makes an environment that puts services into containers, and a roles
// file with them for itsRoles.
func containers(services ...string) files {
	var lines []string
	for _, s := range services {
		lines = append(lines, s+": ../docker/services/s.yaml")
	}
	return files{"/e.yaml": env(lines...), "/roles.yaml": rolesText(services...)}
}

// itsRoles returns a request with the files of containers.
func itsRoles() tripleo.Request {
	req := anEnvironment
	req.RolesFile = "/roles.yaml"
	return req
}

func rolesText(services ...string) string {
	text := "- name: Controller\n  CountDefault: 1\n  ServicesDefault:\n"
	for _, s := range services {
		text += "  - OS::TripleO::Services::" + s + "\n"
	}
	return text
}

// Adding Ceph to the walkthrough adds one image and one parameter.
func TestCephVariant(t *testing.T) {
	req := walkthrough(t)
	without := selectFromDisk(t, req)
	req.Environments = append(req.Environments, tht(t, "environments/ceph-ansible/ceph-ansible.yaml")...)
	req.Set = map[string]string{"ceph_namespace": "registry.access.redhat.com/rhceph", "ceph_image": "rhceph-3-rhel7", "ceph_tag": "latest"}
	with := selectFromDisk(t, req)
	tags, err := tripleo.DiscoverTags(t.Context(), with.Images, newSample(t))
	if err != nil {
		t.Fatal(err)
	}
	before := tripleo.Result{Images: without.Images}.Parameters()
	after := tripleo.Result{Images: tripleo.WithTags(with.Images, tags)}.Parameters()
	var more []string
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if before[name] == "" {
			more = append(more, name+": "+after[name])
		}
	}
	if !slices.Equal(more, []string{"DockerCephDaemonImage: 192.0.2.1:8787/rhceph/rhceph-3-rhel7:3-12"}) || len(after) != 76 {
		t.Errorf("%d parameters, of which new: %v", len(after), more)
	}
}
