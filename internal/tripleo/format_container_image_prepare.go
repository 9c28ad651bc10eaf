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
// in place of the images' parameters: it finds the images and their tags
// itself. Passwords never stand in it.
func containerImagePrepare() Format {
	return Format{
		Name: "container-image-prepare",
		Check: func(req Request) error {
			r, err := findRelease(req.Release)
			switch {
			case err != nil:
				return err
			case !r.lists:
				return fmt.Errorf("release %s does not read %s; the format is for %s", r.name, listParameter, strings.Join(listing(), ", "))
			case req.TagFromLabel != "" && req.strategy().Set["tag"] != "":
				return fmt.Errorf("with a tag, %s looks no tag_from_label up; leave one of them out", listParameter)
			}
			return nil
		},
		Write: writeList,
	}
}

// listing names the releases that read lists.
func listing() []string {
	var names []string
	for _, r := range releases() {
		if r.lists {
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
		for _, line := range s.lines(defaults) {
			b.WriteString(mark + line + "\n")
			mark = "    "
		}
	}
	return []byte(b.String()), human.Count(len(r.Strategies), "entry", "entries") + " of " + listParameter, nil
}

// lines gives the strategy as an entry of a list, its keys sorted, each
// variable written out.
func (s Strategy) lines(defaults vars) []string {
	var lines []string
	list := func(key string, all []*regexp.Regexp) {
		if len(all) == 0 {
			return
		}
		lines = append(lines, key+":")
		for _, re := range all {
			lines = append(lines, "- "+scalar(re.String()))
		}
	}
	list("excludes", s.Excludes)
	list("includes", s.Includes)
	if s.PullSource != "" {
		lines = append(lines, "pull_source: "+scalar(s.PullSource))
	}
	switch {
	case s.local:
		lines = append(lines, "push_destination: true")
	case s.PushDestination != "":
		lines = append(lines, "push_destination: "+scalar(s.PushDestination))
	}
	lines = append(lines, "set:")
	set := s.written(defaults)
	for _, name := range slices.Sorted(maps.Keys(set)) {
		lines = append(lines, "  "+name+": "+variable(name, set[name]))
	}
	if s.TagFromLabel != "" {
		lines = append(lines, "tag_from_label: "+scalar(s.TagFromLabel))
	}
	return lines
}

// written gives the variables that are written out: all but those that would
// keep the director from what is wanted, or say nothing.
func (s Strategy) written(defaults vars) vars {
	v := maps.Clone(defaults)
	delete(v, "ceph_images")
	delete(v, "neutron_driver")
	if s.TagFromLabel != "" {
		delete(v, "tag")
	}
	maps.Copy(v, s.Set)
	return v
}

// variable writes a variable's value. A switch must not become a text, which
// is true for a template whatever it says.
func variable(name, value string) string {
	if name == "rhel_containers" || name == "ceph_images" {
		return fmt.Sprint(truth(value))
	}
	return scalar(value)
}
