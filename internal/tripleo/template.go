package tripleo

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/tripleo/jinja"
)

// templateList is the one key of what a template renders to.
const templateList = "container_images_template"

// templateKeys are what an entry of a template may hold.
var templateKeys = []string{"imagename", "params", "services", "image_source", "neutron_driver", "uploader"}

// A named is an entry of a catalog with its image's name.
type named struct {
	Entry
	name, tag string
	place     Place // of a template; zero for the built-in catalog
	own       bool  // its tag is not that of the release's other images
}

// named gives the images that there are with these variables: those of the
// built-in catalog.
func (r release) named(v vars) ([]named, error) {
	entries, err := r.entries()
	if err != nil {
		return nil, err
	}
	var all []named
	for _, e := range entries {
		if e.applies(v) {
			name, tag := v.name(e)
			all = append(all, named{Entry: e, name: name, tag: tag, own: e.ownTag()})
		}
	}
	return all, nil
}

// A template is a file that lists a release's images.
type template struct{ path, text string }

func readTemplate(open Open, path string) (template, error) {
	text, err := readFile(open, path)
	if err != nil {
		return template{}, fmt.Errorf("template file %w", err)
	}
	return template{path, text}, nil
}

// named gives the images that the template renders to with these variables.
func (t template) named(v vars) ([]named, error) {
	all, err := t.render(v)
	if err != nil {
		return nil, err
	}
	// Which images have a tag of their own shows when the tag is another one.
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
	return slices.DeleteFunc(all, func(n named) bool { return !n.applies(v) }), nil
}

func (t template) render(v vars) ([]named, error) {
	text, err := jinja.Render(t.text, v.typed())
	if err != nil {
		return nil, t.failed(err)
	}
	doc, err := parseYAML(t.path, text)
	if err != nil {
		return nil, t.inside(err)
	}
	list := doc.get(templateList)
	if list == nil || list.kind != isList {
		return nil, t.inside(doc.place.errorf("%s: a list is wanted", templateList))
	}
	all := make([]named, len(list.items))
	for i, item := range list.items {
		if all[i], err = v.entryOf(item); err != nil {
			return nil, t.inside(inTemplate(i, err))
		}
	}
	return all, nil
}

// failed says in which line of the template rendering failed.
func (t template) failed(err error) error {
	var at *jinja.Error
	if errors.As(err, &at) {
		return fmt.Errorf("template file %w", Place{t.path, at.Line}.errorf("%s", at.Text))
	}
	return fmt.Errorf("template file %s: %w", t.path, err)
}

// inside says that a line is not the template's own: where an if does not
// hold, what it renders to is shorter.
func (t template) inside(err error) error {
	return fmt.Errorf("template file %w (counted in what it renders to)", err)
}

func inTemplate(i int, err error) error {
	var at *entryError
	if !errors.As(err, &at) {
		return err
	}
	return at.place.errorf("%s: entry %d: %w", templateList, i+1, err)
}

// entryOf reads an entry of a rendered template.
func (v vars) entryOf(n *node) (named, error) {
	e := named{place: n.place}
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
			ref, err = p.value.single()
		case "params":
			e.Params, err = p.value.names()
		case "services":
			e.Services, err = p.value.names()
		case "image_source":
			e.Source, err = p.value.single()
		case "neutron_driver":
			e.Driver, err = p.value.single()
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

// cutTag takes a reference apart. A colon before a slash is a port's.
func cutTag(ref string) (name, tag string) {
	if i := strings.LastIndex(ref, ":"); i > strings.LastIndex(ref, "/") {
		return ref[:i], ref[i+1:]
	}
	return ref, ""
}

// basename strips what the variables put around a name.
func (v vars) basename(name string) string {
	base := name[strings.LastIndex(name, "/")+1:]
	return strings.TrimSuffix(strings.TrimPrefix(base, v["name_prefix"]), v["name_suffix"])
}

// names gives a list of names.
func (n *node) names() ([]string, error) {
	if n.kind != isList {
		return nil, fmt.Errorf("a list is wanted, this is %s", n.kind)
	}
	all := make([]string, len(n.items))
	for i, item := range n.items {
		var err error
		if all[i], err = item.single(); err != nil {
			return nil, fmt.Errorf("item %d: %w", i+1, err)
		}
	}
	return all, nil
}

// typed gives the variables as a template wants them: switches as what they
// mean, as the text "false" would be true, and no driver as none.
func (v vars) typed() map[string]any {
	all := map[string]any{}
	for name, value := range v {
		switch {
		case name == "neutron_driver" && value == "":
		case name == "rhel_containers" || name == "ceph_images":
			all[name] = truth(value)
		default:
			all[name] = value
		}
	}
	return all
}
