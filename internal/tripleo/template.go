package tripleo

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/tripleo/jinja"
)

// templateList is the only key of a rendered template.
const templateList = "container_images_template"

// templateKeys are the keys of an entry of a template.
var templateKeys = []string{"imagename", "params", "services", "image_source", "neutron_driver", "uploader"}

// A namedEntry is an entry of a catalog with the name and tag of its image.
type namedEntry struct {
	Entry
	name, tag string
	place     Place // in a rendered template; zero for the built-in catalog
	own       bool  // its tag differs from that of most images of the release
}

// images returns the images of the built-in catalog that the release has with these
// variables.
func (r release) images(v vars) ([]namedEntry, error) {
	entries, err := r.entries()
	if err != nil {
		return nil, err
	}
	var all []namedEntry
	for _, e := range entries {
		if e.applies(v) {
			name, tag := v.imageName(e)
			all = append(all, namedEntry{Entry: e, name: name, tag: tag, own: e.ownTag()})
		}
	}
	return all, nil
}

// A template is a file that lists a release's images.
type template struct {
	path, text string
	note       func(string) // gets to know what may be a mistake
}

func readTemplate(open Open, path string, note func(string)) (template, error) {
	text, err := readFile(open, path)
	if err != nil {
		return template{}, fmt.Errorf("template file %w", err)
	}
	return template{path, text, note}, nil
}

// images returns the images that the template renders to with these variables.
func (t template) images(v vars) ([]namedEntry, error) {
	all, err := t.render(v)
	if err != nil {
		return nil, err
	}
	// Render again with another tag: images that keep theirs have their own.
	probe := vars{}
	for name, value := range v {
		probe[name] = value
	}
	probe["tag"] = v["tag"] + "-other"
	others, err := t.render(probe)
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].own = len(others) == len(all) && others[i].tag == all[i].tag
	}
	return slices.DeleteFunc(all, func(n namedEntry) bool { return !n.applies(v) }), nil
}

func (t template) render(v vars) ([]namedEntry, error) {
	text, err := jinja.Render(t.text, v.templateValues())
	if err != nil {
		return nil, t.renderError(err)
	}
	doc, err := parseYAML(t.path, text, func(text string) { t.note("template file " + text + " (counted in what it renders to)") })
	if err != nil {
		return nil, t.renderedError(err)
	}
	list := doc.get(templateList)
	if list == nil || list.kind != isList {
		return nil, t.renderedError(doc.place.errorf("%s: a list is wanted", templateList))
	}
	all := make([]namedEntry, len(list.items))
	for i, item := range list.items {
		if all[i], err = v.entryOf(item); err != nil {
			return nil, t.renderedError(atTemplateEntry(i, err))
		}
	}
	return all, nil
}

// renderError adds to an error the line of the template where rendering failed.
func (t template) renderError(err error) error {
	var jinjaErr *jinja.Error
	if errors.As(err, &jinjaErr) {
		return fmt.Errorf("template file %w", Place{File: t.path, Line: jinjaErr.Line}.errorf("%s", jinjaErr.Text))
	}
	return fmt.Errorf("template file %s: %w", t.path, err)
}

// renderedError says that the line in an error counts in the rendered text. The
// template has other lines, because an if that is false renders to nothing.
func (t template) renderedError(err error) error {
	return fmt.Errorf("template file %w (counted in what it renders to)", err)
}

// atTemplateEntry adds to an error its place and the entry of the template that it
// is about.
func atTemplateEntry(i int, err error) error {
	var entryErr *entryError
	if !errors.As(err, &entryErr) {
		return err
	}
	return entryErr.place.errorf("%s: entry %d: %w", templateList, i+1, err)
}

// entryOf reads an entry of a rendered template.
func (v vars) entryOf(n *node) (namedEntry, error) {
	e := namedEntry{place: n.place}
	if n.kind != isMap {
		return e, &entryError{n.place, "a mapping is wanted", fmt.Errorf("this is %s", n.kind)}
	}
	ref := ""
	for _, p := range n.pairs {
		if p.value.kind == isNull && p.key != "imagename" {
			continue
		}
		var err error
		switch p.key {
		case "imagename":
			ref, err = p.value.scalarText()
		case "params":
			e.Params, err = p.value.textItems()
		case "services":
			e.Services, err = p.value.textItems()
		case "image_source":
			e.Source, err = p.value.scalarText()
		case "neutron_driver":
			e.Driver, err = p.value.scalarText()
		case "uploader":
		default:
			err = &UnknownError{What: "key", Got: p.key, Known: templateKeys}
		}
		if err != nil {
			return e, &entryError{p.place, p.key, err}
		}
	}
	if ref == "" {
		return e, &entryError{n.place, "imagename", errors.New("it is missing")}
	}
	if e.Driver == "default" {
		e.Driver = "other"
	}
	e.name, e.tag = cutTag(ref)
	e.Basename = v.basename(e.name)
	return e, nil
}

// cutTag splits a reference into name and tag. A colon before a slash belongs to a
// port.
func cutTag(ref string) (name, tag string) {
	if i := strings.LastIndex(ref, ":"); i > strings.LastIndex(ref, "/") {
		return ref[:i], ref[i+1:]
	}
	return ref, ""
}

// basename removes the namespace, and the prefix and suffix of the variables, from
// a name.
func (v vars) basename(name string) string {
	base := name[strings.LastIndex(name, "/")+1:]
	return strings.TrimSuffix(strings.TrimPrefix(base, v["name_prefix"]), v["name_suffix"])
}

// textItems returns the items of a list of single values.
func (n *node) textItems() ([]string, error) {
	if n.kind != isList {
		return nil, fmt.Errorf("a list is wanted, this is %s", n.kind)
	}
	all := make([]string, len(n.items))
	for i, item := range n.items {
		var err error
		if all[i], err = item.scalarText(); err != nil {
			return nil, fmt.Errorf("item %d: %w", i+1, err)
		}
	}
	return all, nil
}

// templateValues returns the variables for a template. Switches become booleans,
// because the text "false" would be true. An empty driver is left out.
func (v vars) templateValues() map[string]any {
	all := map[string]any{}
	for name, value := range v {
		switch {
		case name == "neutron_driver" && value == "":
		case name == "rhel_containers" || name == "ceph_images":
			all[name] = isTrue(value)
		default:
			all[name] = value
		}
	}
	return all
}
