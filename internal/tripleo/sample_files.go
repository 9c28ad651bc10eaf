package tripleo

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// SampleRoles returns a roles file of a release, for rehearsals: its default roles, or
// where it has none one role with all services that images are for. An unknown release,
// also "", counts as the last one.
func SampleRoles(name string) ([]byte, error) {
	r := sampleRelease(name)
	roles, err := defaultRoles(r.roles)
	if err != nil {
		return nil, err
	}
	if len(roles) == 0 {
		services, err := r.services()
		if err != nil {
			return nil, err
		}
		roles = []Role{{Name: "Controller", Count: 1, Services: services}}
	}
	var b strings.Builder
	b.WriteString("# Stand-in for a roles file: " + r.name + "\n")
	for _, role := range roles {
		fmt.Fprintf(&b, "- name: %s\n  CountDefault: %d\n  ServicesDefault:\n", role.Name, role.Count)
		for _, service := range role.Services {
			b.WriteString("    - " + service + "\n")
		}
	}
	return []byte(b.String()), nil
}

func sampleRelease(name string) release {
	if r, err := findRelease(name); err == nil && name != "" {
		return r
	}
	all := releases()
	return all[len(all)-1]
}

// services returns all services that images of the release are for.
func (r release) services() ([]string, error) {
	entries, err := r.entries()
	if err != nil {
		return nil, err
	}
	all := map[string]bool{}
	for _, e := range entries {
		for _, s := range e.Services {
			all[s] = true
		}
	}
	return slices.Sorted(maps.Keys(all)), nil
}

// SampleEnvironment returns an environment file of a release, for rehearsals. In releases
// where environments put services into containers it does so for those that its name is
// about: neutron-ovn-dvr-ha.yaml for all with ovn in their names. Of docker.yaml these are
// those of the release's own.
func SampleEnvironment(name, file string) ([]byte, error) {
	r := sampleRelease(name)
	text := "# Stand-in for " + path.Base(file) + "\n"
	var inContainers []string
	switch {
	case r.readsPrepareList:
	case path.Base(file) == path.Base(baseInTree):
		base, err := baseEnvironment("rhosp13-base")
		if err != nil {
			return nil, err
		}
		for service, target := range base.Registry {
			if target.Kind == InContainers {
				inContainers = append(inContainers, service)
			}
		}
	default:
		services, err := r.services()
		if err != nil {
			return nil, err
		}
		inContainers = slices.DeleteFunc(services, func(service string) bool { return !isAbout(file, service) })
	}
	if len(inContainers) == 0 {
		return []byte(text + "parameter_defaults: {}\n"), nil
	}
	slices.Sort(inContainers)
	text += "resource_registry:\n"
	for _, service := range inContainers {
		text += fmt.Sprintf("  %s: ../docker/services/%s.yaml\n", service, strings.ToLower(path.Base(strings.ReplaceAll(service, "::", "/"))))
	}
	return []byte(text), nil
}

// isAbout reports whether the name of an environment file has a word of the name of a
// service. Words that many files have do not count.
func isAbout(file, service string) bool {
	name := strings.ToLower(service[strings.LastIndex(service, ":")+1:])
	common := []string{"docker", "neutron", "services", "environment", "templates", "overcloud", "network", "config"}
	for _, word := range strings.FieldsFunc(strings.TrimSuffix(path.Base(file), path.Ext(file)), func(c rune) bool { return c == '-' || c == '_' || c == '.' }) {
		if word = strings.ToLower(word); len(word) > 2 && !slices.Contains(common, word) && strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// SampleTree returns the files of a template tree that a release reads, by their paths in
// the tree.
func SampleTree(name string) (map[string][]byte, error) {
	roles, err := SampleRoles(name)
	if err != nil {
		return nil, err
	}
	base, err := SampleEnvironment("rhosp13", baseInTree)
	return map[string][]byte{rolesInTree: roles, baseInTree: base}, err
}

// SampleTemplate returns a template of the list of images of a release, for rehearsals.
func SampleTemplate(name string) ([]byte, error) {
	entries, err := sampleRelease(name).entries()
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString("# Stand-in for a template of images\n" + templateList + ":\n")
	for _, e := range entries {
		if e.Condition != "" || strings.Contains(e.Basename, "{") {
			continue // its variables need not be set
		}
		fmt.Fprintf(&b, "- imagename: \"{{%s}}/{{%s}}%s{{%s}}:{{%s}}\"\n", e.namespaceVar, e.prefixVar, e.Basename, e.suffixVar, e.tagVar)
		writeSampleList(&b, "params", e.Params)
		writeSampleList(&b, "services", e.Services)
		if e.Driver != "" {
			fmt.Fprintf(&b, "  neutron_driver: %s\n", e.Driver)
		}
	}
	return []byte(b.String()), nil
}

func quoted(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = fmt.Sprintf("%q", s)
	}
	return out
}

// A Misspelled is the name of a service that no release knows.
type Misspelled struct {
	Name, Near string // Near is the service that was probably meant
	Line, Col  int    // the first place that has it, from 1, in characters
}

// MisspelledServices returns the services in a file of roles or an environment that no
// release knows, if they are one letter away from one that some release knows. Others may
// be of a product beside TripleO.
func MisspelledServices(content []byte) ([]Misspelled, error) {
	known, err := knownServices()
	if err != nil {
		return nil, err
	}
	var found []Misspelled
	seen := map[string]bool{}
	line := 0
	for text := range strings.Lines(string(content)) {
		line++
		for _, at := range serviceName.FindAllStringIndex(text, -1) {
			name := text[at[0]:at[1]]
			if _, isKnown := slices.BinarySearch(known, name); isKnown || seen[name] {
				continue
			}
			seen[name] = true
			if i := slices.IndexFunc(known, func(k string) bool { return human.OneEdit(k, name) }); i >= 0 {
				found = append(found, Misspelled{name, known[i], line, utf8.RuneCountInString(text[:at[0]]) + 1})
			}
		}
	}
	return found, nil
}

var serviceName = lazyregexp.New(`OS::TripleO::Services::[A-Za-z0-9]+`)

// knownServices returns the services of all releases, sorted.
func knownServices() ([]string, error) {
	all := map[string]bool{}
	for _, r := range releases() {
		services, err := r.services()
		if err != nil {
			return nil, err
		}
		roles, err := defaultRoles(r.roles)
		if err != nil {
			return nil, err
		}
		for _, role := range roles {
			services = append(services, role.Services...)
		}
		if r.baseRegistry != "" {
			base, err := baseEnvironment(r.baseRegistry)
			if err != nil {
				return nil, err
			}
			services = append(services, slices.Collect(maps.Keys(base.Registry))...)
		}
		for _, s := range services {
			all[s] = true
		}
	}
	return slices.Sorted(maps.Keys(all)), nil
}

func writeSampleList(b *strings.Builder, key string, list []string) {
	if len(list) > 0 {
		fmt.Fprintf(b, "  %s: [%s]\n", key, strings.Join(quoted(list), ", "))
	}
}
