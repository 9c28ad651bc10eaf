package tripleo_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/tripleo"
)

// newMix makes a random deployment.
func newMix(r *rand.Rand, table string, services []string) mix {
	chance := func(n int) bool { return r.IntN(n) == 0 }
	some := func(most int) []string {
		var all []string
		for range r.IntN(most + 1) {
			all = append(all, services[r.IntN(len(services))])
		}
		return all
	}
	m := mix{table: table, product: chance(2), noRoles: table != "queens" && chance(3), set: mixNames(r, table)}
	for i := range 1 + r.IntN(3) {
		m.roles = append(m.roles, mixRole{fmt.Sprintf("Role%d", i), r.IntN(4) - 1, some(30)})
	}
	for range r.IntN(4) {
		e := mixEnv{registry: map[string]string{}, counts: map[string]int{}, services: map[string][]string{}}
		for _, s := range some(120) {
			e.registry[s] = []string{"docker", "docker", "docker", "puppet", "none", "alias"}[r.IntN(6)]
		}
		for _, role := range m.roles {
			if chance(4) {
				e.counts[role.name] = r.IntN(3)
			}
			if chance(5) {
				e.services[role.name] = some(20)
			}
		}
		m.envs = append(m.envs, e)
	}
	if len(m.envs) > 0 && chance(2) {
		m.drivers = [][]string{{"ovn"}, {"openvswitch"}, {"sriovnicswitch", "ovn"}, {"opendaylight_v2"}, {"l2population", "openvswitch"}}[r.IntN(5)]
	}
	if chance(3) {
		m.set["neutron_driver"] = []string{"ovn", "odl", "other", ""}[r.IntN(4)]
	}
	expressions := []string{"nova", "^h:1/", "-api", "ceph", ":t$", "neutron-server", "[x-z]", "heat-(api|engine)", "cinder-volume"}
	pick := func() []string {
		return []string{expressions[r.IntN(len(expressions))], expressions[r.IntN(len(expressions))]}
	}
	if chance(3) {
		m.excludes = pick()
	}
	if chance(5) {
		m.includes = pick()
	}
	if chance(2) {
		m.push = []string{"192.0.2.1:8787", "d.example/sub", "[2001:db8::1]:8787"}[r.IntN(3)]
	}
	return m
}

// mixNames sets all variables that make up image names, and some switches.
func mixNames(r *rand.Rand, table string) map[string]string {
	chance := func(n int) bool { return r.IntN(n) == 0 }
	set := map[string]string{
		"namespace": []string{"h:1/ns", "reg.example/a/b"}[r.IntN(2)], "tag": []string{"t", "16.10", "010"}[r.IntN(3)],
		"name_prefix": []string{"", "p", "openstack-"}[r.IntN(3)], "name_suffix": []string{"", "s", "-x"}[r.IntN(3)],
	}
	families := []string{"ceph"}
	if table != "queens" {
		families = append(families, "ceph_prometheus", "ceph_alertmanager", "ceph_node_exporter", "ceph_grafana")
	} else if chance(3) {
		set["logging"] = "stdout"
	}
	if table == "train" && chance(3) {
		families = append(families, "ceph3")
	}
	for i, family := range families {
		set[family+"_namespace"], set[family+"_image"], set[family+"_tag"] = "c.example/"+fmt.Sprint("n", i), fmt.Sprint("daemon", i), fmt.Sprint("v", i)
	}
	if table == "train" && chance(3) {
		set["namespace_stein"], set["tag_stein"] = "h:1/stein", "s"
		if chance(2) {
			set["name_prefix_stein"] = "q-"
		}
	}
	if table != "queens" && chance(4) {
		set["rhel_containers"] = []string{"true", "false"}[r.IntN(2)]
	}
	if table != "queens" && chance(4) {
		set["ceph_images"] = []string{"true", "false"}[r.IntN(2)]
	}
	return set
}

// files returns the mix as files, and the request that reads them.
func (m mix) files() (files, tripleo.Request) {
	f := files{"/roles.yaml": m.rolesText()}
	req := tripleo.Request{Release: m.release(), Set: m.set, PushDestination: m.push, Excludes: regexps(m.excludes...), Includes: regexps(m.includes...)}
	if !m.noRoles {
		req.RolesFile = "/roles.yaml"
	}
	for i, e := range m.envs {
		path := fmt.Sprintf("/tht/environments/%d.yaml", i)
		f[path] = e.text(m.driversText(i == len(m.envs)-1))
		req.Environments = append(req.Environments, path)
	}
	return f, req
}

func (m mix) release() string {
	if m.product {
		return map[string]string{"queens": "rhosp13", "train": "rhosp16.2", "wallaby": "rhosp17.1"}[m.table]
	}
	return m.table
}

func (m mix) rolesText() string {
	text := "# roles\n"
	for _, role := range m.roles {
		text += "- name: " + role.name + "\n  description: |\n    made up\n"
		if role.count >= 0 {
			text += fmt.Sprintf("  CountDefault: %d\n", role.count)
		}
		text += "  ServicesDefault: [" + quotedList(role.services) + "]\n"
	}
	return text
}

func (m mix) driversText(last bool) string {
	if m.drivers == nil || !last {
		return ""
	}
	if len(m.drivers)%2 == 0 {
		return "  NeutronMechanismDrivers: " + strings.Join(m.drivers, ",") + "\n"
	}
	return "  NeutronMechanismDrivers:\n  - " + strings.Join(m.drivers, "\n  - ") + "\n"
}

func (e mixEnv) text(drivers string) string {
	text := "resource_registry:\n  OS::TripleO::Tasks::X: x.yaml\n"
	for _, service := range slices.Sorted(maps.Keys(e.registry)) {
		target := map[string]string{
			"docker": "../docker/services/x.yaml", "puppet": "../puppet/services/x.yaml",
			"none": "OS::Heat::None", "alias": "OS::TripleO::Services::Keystone",
		}[e.registry[service]]
		text += "  " + service + ": " + target + "\n"
	}
	text += "parameter_defaults:\n  Debug: true\n" + drivers
	for _, role := range slices.Sorted(maps.Keys(e.counts)) {
		text += fmt.Sprintf("  %sCount: %d\n", role, e.counts[role])
	}
	for _, role := range slices.Sorted(maps.Keys(e.services)) {
		text += "  " + role + "Services: [" + quotedList(e.services[role]) + "]\n"
	}
	return text
}

func quotedList(texts []string) string {
	var all []string
	for _, text := range texts {
		all = append(all, "'"+text+"'")
	}
	return strings.Join(all, ", ")
}
