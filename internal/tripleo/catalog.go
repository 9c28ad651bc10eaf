package tripleo

import (
	"fmt"
	"slices"
	"strings"
)

// An Entry is one image of a release: which parameters it serves for which
// services, and which variables make up its name.
type Entry struct {
	Basename  string   // aodh-api; or a variable in braces, {ceph_image}
	Params    []string // Heat parameters that name the image, maybe none
	Services  []string // resource types that need the image, maybe none
	Driver    string   // odl, ovn, other: neither; "" any
	Condition string   // on another variable: "logging=stdout", "ceph3_namespace defined"; or ""
	Source    string   // who makes it: kolla, tripleo, ceph; or ""

	namespaceVar, prefixVar, suffixVar, tagVar string
}

// Catalog gives a release's images in the order of its template. The order
// matters: where two entries claim one parameter, the later one has it.
func Catalog(release string) ([]Entry, error) {
	r, err := findRelease(release)
	if err != nil {
		return nil, err
	}
	return r.entries()
}

// entries reads the catalog. Rows of one entry follow each other, one for
// each parameter.
func (r release) entries() ([]Entry, error) {
	rows, err := table(r.catalog)
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

// applies says whether the entry is there at all with these variables.
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
	return v.meets(e.Condition)
}

// wanted says whether a filter keeps the entry.
func (e Entry) wanted(f filter) bool {
	return f == nil || slices.ContainsFunc(e.Services, func(s string) bool { return f[s] })
}

// ownTag says that the entry's tag is not that of the release's other images.
func (e Entry) ownTag() bool { return e.tagVar != "tag" }
