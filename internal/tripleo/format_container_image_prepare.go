package tripleo

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
)

// containerImagePrepare is the list that the director of later releases reads
// instead of the images' parameters: it finds the images and their tags itself.
// The list never holds passwords.
func containerImagePrepare() Format {
	return Format{
		Name: "container-image-prepare",
		Check: func(req Request) error {
			r, err := findRelease(req.Release)
			switch {
			case err != nil:
				return err
			case !r.readsPrepareList:
				return fmt.Errorf("release %s does not read %s; the format is for %s", r.name, listParameter, strings.Join(listReleases(), ", "))
			case req.TagFromLabel != "" && req.ownStrategy().Set["tag"] != "":
				return fmt.Errorf("with a tag, %s does not look up tag_from_label; leave one of them out", listParameter)
			}
			return nil
		},
		Write: writeList,
	}
}

// listReleases returns the names of the releases that read the list.
func listReleases() []string {
	var names []string
	for _, r := range releases() {
		if r.readsPrepareList {
			names = append(names, r.name)
		}
	}
	return names
}

func writeList(r Result) ([]byte, string, error) {
	rel, err := findRelease(r.Release)
	if err != nil {
		return nil, "", err
	}
	defaults, err := rel.defaults()
	if err != nil {
		return nil, "", err
	}
	var b strings.Builder
	r.writeComment(&b)
	b.WriteString("parameter_defaults:\n  " + listParameter + ":\n")
	for _, s := range r.Strategies {
		mark := "  - "
		for _, line := range s.yamlLines(defaults) {
			b.WriteString(mark + line + "\n")
			mark = "    "
		}
	}
	return []byte(b.String()), human.Count(len(r.Strategies), "entry", "entries") + " of " + listParameter, nil
}

// yamlLines returns the strategy as an entry of the list, with sorted keys and
// explicit variables.
func (s Strategy) yamlLines(defaults vars) []string {
	var lines []string
	list := func(key string, all []*regexp.Regexp) {
		if len(all) == 0 {
			return
		}
		lines = append(lines, key+":")
		for _, re := range all {
			lines = append(lines, "- "+yamlScalar(re.String()))
		}
	}
	list("excludes", s.Excludes)
	list("includes", s.Includes)
	if s.PullSource != "" {
		lines = append(lines, "pull_source: "+yamlScalar(s.PullSource))
	}
	switch {
	case s.local:
		lines = append(lines, "push_destination: true")
	case s.PushDestination != "":
		lines = append(lines, "push_destination: "+yamlScalar(s.PushDestination))
	}
	lines = append(lines, "set:")
	set := s.explicitVariables(defaults)
	for _, name := range slices.Sorted(maps.Keys(set)) {
		lines = append(lines, "  "+name+": "+variableValue(name, set[name]))
	}
	if s.TagFromLabel != "" {
		lines = append(lines, "tag_from_label: "+yamlScalar(s.TagFromLabel))
	}
	return lines
}

// explicitVariables returns the variables that the list sets. It leaves out
// defaults that have no effect, and those that would keep the director from its own
// choice, such as a tag beside tag_from_label.
func (s Strategy) explicitVariables(defaults vars) vars {
	v := maps.Clone(defaults)
	delete(v, "ceph_images")
	delete(v, "neutron_driver")
	if s.TagFromLabel != "" {
		delete(v, "tag")
	}
	maps.Copy(v, s.Set)
	return v
}

// variableValue returns a variable's value in YAML. A switch must be a boolean: for
// a template, any text that is not empty is true.
func variableValue(name, value string) string {
	if name == "rhel_containers" || name == "ceph_images" {
		return fmt.Sprint(isTrue(value))
	}
	return yamlScalar(value)
}
