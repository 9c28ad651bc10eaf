package tripleo_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/tripleo"
)

// A mix is a random deployment: the content of its files before it is written as
// YAML.
type mix struct {
	table    string // queens, train, wallaby
	product  bool   // rhosp13: the base registry comes first
	roles    []mixRole
	noRoles  bool // the request has no roles file
	envs     []mixEnv
	drivers  []string // NeutronMechanismDrivers; nil means that it is not set
	set      map[string]string
	excludes []string
	includes []string
	push     string
}

type mixRole struct {
	name     string
	count    int // -1 means that it is not set
	services []string
}

type mixEnv struct {
	registry map[string]string // service -> docker, puppet, none, alias
	counts   map[string]int    // by role
	services map[string][]string
}

// A model holds the expected images and parameters, computed from the table and the
// mix. It shares only the table with the package.
type model struct {
	services []string // nil if not filtered
	driver   string
	images   []string // basenames
	params   map[string]string
}

func (m mix) model(rows [][]string, baseRegistry map[string]string) model {
	var out model
	wanted := m.wanted(baseRegistry)
	if wanted != nil {
		out.services = []string{}
		for s := range wanted {
			out.services = append(out.services, s)
		}
		slices.Sort(out.services)
	}
	out.driver = m.driver(wanted)
	out.params = map[string]string{}
	names := m.names()
	last := ""
	for _, f := range rows {
		if !m.present(f, out.driver) || (wanted != nil && !slices.ContainsFunc(strings.Split(f[6], ","), func(s string) bool { return wanted[s] })) {
			continue
		}
		base := f[0]
		ref := names["namespace"] + "/" + names["name_prefix"] + base + names["name_suffix"] + ":" + names["tag"]
		if family, ok := strings.CutPrefix(base, "{"); ok {
			family = strings.TrimSuffix(family, "_image}")
			base = names[family+"_image"]
			ref = names[family+"_namespace"] + "/" + base + ":" + names[family+"_tag"]
		} else if strings.HasSuffix(f[1], "_stein") {
			ref = names["namespace_stein"] + "/" + names["name_prefix_stein"] + base + names["name_suffix_stein"] + ":" + names["tag_stein"]
		}
		if !m.takes(ref) {
			continue
		}
		if id := fmt.Sprint(f[0], f[1], f[6:9]); id != last {
			last = id
			out.images = append(out.images, ref)
		}
		if f[5] != "" {
			out.params[f[5]] = ref
			if m.push != "" {
				out.params[f[5]] = m.push + ref[strings.Index(ref, "/"):]
			}
		}
	}
	return out
}

// wanted returns the services whose images are needed, nil for all.
func (m mix) wanted(baseRegistry map[string]string) map[string]bool {
	later := m.table != "queens"
	if later && m.noRoles || !later && !m.product && len(m.envs) == 0 {
		return nil
	}
	registry := map[string]string{}
	if m.product && !later {
		for s, kind := range baseRegistry {
			registry[s] = kind
		}
	}
	for _, e := range m.envs {
		for s, kind := range e.registry {
			registry[s] = kind
		}
	}
	wanted := map[string]bool{}
	for _, role := range m.roles {
		count, services := max(role.count, 0), role.services
		for _, e := range m.envs {
			if n, ok := e.counts[role.name]; ok {
				count = n
			}
			if s, ok := e.services[role.name]; ok {
				services = s
			}
		}
		for _, s := range services {
			if count > 0 && (later && registry[s] != "none" || !later && registry[s] == "docker") {
				wanted[s] = true
			}
		}
	}
	return wanted
}

func (m mix) driver(wanted map[string]bool) string {
	given, ok := m.set["neutron_driver"]
	switch {
	case m.table == "queens" && ok:
		return given
	case m.table == "queens" && wanted["OS::TripleO::Services::OpenDaylightApi"]:
		return "odl"
	case m.table == "queens" && wanted["OS::TripleO::Services::OVNController"]:
		return "ovn"
	case m.table == "queens":
		return ""
	case given == "" && m.drivers == nil:
		given = "ovn"
	case given == "" && slices.Contains(m.drivers, "opendaylight_v2"):
		given = "odl"
	case given == "" && slices.Contains(m.drivers, "ovn"):
		given = "ovn"
	case given == "":
		given = "other"
	}
	if m.table == "wallaby" && given == "odl" {
		given = "other"
	}
	return given
}

// present reports whether the release has a row with the mix's variables.
func (m mix) present(f []string, driver string) bool {
	if f[7] == "other" && (driver == "odl" || driver == "ovn") || f[7] != "" && f[7] != "other" && f[7] != driver {
		return false
	}
	switch f[8] {
	case "logging=stdout":
		return m.set["logging"] == "stdout"
	case "rhel_containers=false":
		return m.set["rhel_containers"] != "true"
	case "ceph_images=true":
		return m.set["ceph_images"] != "false"
	case "ceph3_namespace defined", "namespace_stein defined":
		return m.set[strings.TrimSuffix(f[8], " defined")] != ""
	}
	return true
}

// names returns the variables that make up image names. The mix sets all of them.
func (m mix) names() map[string]string {
	names := map[string]string{}
	for k, v := range m.set {
		names[k] = v
	}
	if p := names["name_prefix"]; p != "" && p[len(p)-1] != '-' {
		names["name_prefix"] = p + "-"
	}
	if s := names["name_suffix"]; s != "" && s[0] != '-' {
		names["name_suffix"] = "-" + s
	}
	return names
}

func (m mix) takes(ref string) bool {
	found := func(res []string) bool {
		for _, re := range res {
			if regexp.MustCompile(re).MatchString(ref) {
				return true
			}
		}
		return false
	}
	if len(m.includes) > 0 {
		return found(m.includes)
	}
	return !found(m.excludes)
}

// TestLargeMixes compares the package with the model for many mixes.
func TestLargeMixes(t *testing.T) {
	base := baseRegistry(t)
	for _, table := range []string{"queens", "train", "wallaby"} {
		rows := rawRows(t, table)
		services := servicesOf(rows)
		compared := 0
		for seed := range uint64(150) {
			r := rand.New(rand.NewPCG(seed, 5))
			m := newMix(r, table, services)
			f, req := m.files()
			got, err := tripleo.Select(req, f.open)
			if err != nil {
				t.Fatalf("%s, seed %d: %v", table, seed, err)
			}
			want := m.model(rows, base)
			result := model{services: got.Services, driver: got.NeutronDriver, params: tripleo.Result{Images: got.Images}.Parameters()}
			for _, image := range got.Images {
				result.images = append(result.images, image.Ref())
			}
			if diff := cmp.Diff(want, result, cmp.AllowUnexported(model{})); diff != "" {
				t.Fatalf("%s, seed %d: (-model +selected):\n%s\nof %+v", table, seed, diff, m)
			}
			compared += len(want.images)
		}
		if compared < 1000 {
			t.Errorf("%s: only %d images were compared", table, compared)
		}
	}
}

func rawRows(t *testing.T, table string) [][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("data", table+"-catalog.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for _, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")[1:] {
		rows = append(rows, strings.Split(line, "\t"))
	}
	return rows
}

// baseRegistry reads the table of the base environment of rhosp13.
func baseRegistry(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("data/rhosp13-base.tsv")
	if err != nil {
		t.Fatal(err)
	}
	registry := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		service, kind, _ := strings.Cut(line, "\t")
		registry[service] = kind
	}
	return registry
}

func servicesOf(rows [][]string) []string {
	all := []string{"OS::TripleO::Services::Ntp", "OS::TripleO::Services::Sshd"}
	for _, f := range rows {
		for _, s := range strings.Split(f[6], ",") {
			if s != "" && !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return all
}
