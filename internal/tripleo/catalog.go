package tripleo

import (
	"fmt"
	"slices"
	"strings"
)

// An Entry is one image of a release: the parameters that name it, the services
// that need it, and the variables that make up its name.
type Entry struct {
	Basename  string   // aodh-api, or a variable in braces: {ceph_image}
	Params    []string // Heat parameters that name the image; may be empty
	Services  []string // resource types that need the image; may be empty
	Driver    string   // neutron driver: odl, ovn, other (neither of them), or "" for any
	Condition string   // on another variable: "logging=stdout", "ceph3_namespace defined"; or ""
	Source    string   // who builds it: kolla, tripleo, ceph; or ""

	namespaceVar, prefixVar, suffixVar, tagVar string
}

// Catalog returns a release's images in the order of its template. The order
// matters: if two entries name one parameter, the later entry sets it.
func Catalog(release string) ([]Entry, error) {
	r, err := findRelease(release)
	if err != nil {
		return nil, err
	}
	return r.entries()
}

// entries reads the catalog. Successive rows that differ only in their parameter
// are one entry.
func (r release) entries() ([]Entry, error) {
	rows, err := readTable(r.catalog)
	if err != nil {
		return nil, err
	}
	var all []Entry
	last := ""
	for _, row := range rows {
		if id := entryID(row); len(all) == 0 || id != last {
			last = id
			all = append(all, newEntry(row))
		}
		if param := row["heat_parameter"]; param != "" {
			e := &all[len(all)-1]
			e.Params = append(e.Params, param)
		}
	}
	return all, nil
}

func entryID(row map[string]string) string {
	return fmt.Sprint(row["image_basename"], row["services"], row["neutron_driver"], row["condition"], row["namespace_var"])
}

func newEntry(row map[string]string) Entry {
	e := Entry{
		Basename:     row["image_basename"],
		Driver:       row["neutron_driver"],
		Condition:    row["condition"],
		Source:       row["image_source"],
		namespaceVar: row["namespace_var"],
		prefixVar:    row["prefix_var"],
		suffixVar:    row["suffix_var"],
		tagVar:       row["tag_var"],
	}
	if row["services"] != "" {
		e.Services = strings.Split(row["services"], ",")
	}
	return e
}

// applies reports whether the release has the entry with these variables.
func (e Entry) applies(v vars) bool {
	driver := v["neutron_driver"]
	switch e.Driver {
	case "":
	case "other":
		if driver == "odl" || driver == "ovn" {
			return false
		}
	default:
		if driver != e.Driver {
			return false
		}
	}
	return v.satisfies(e.Condition)
}

// neededBy reports whether a service of the set needs the entry.
func (e Entry) neededBy(services serviceSet) bool {
	return services == nil || slices.ContainsFunc(e.Services, func(s string) bool { return services[s] })
}

// ownTag reports whether the entry has another tag than most images of the
// release.
func (e Entry) ownTag() bool { return e.tagVar != "tag" }
