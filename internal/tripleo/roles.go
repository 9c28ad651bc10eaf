package tripleo

import (
	"fmt"
	"slices"
	"strings"
)

// A Role is a kind of node: how many there are and which services they run.
type Role struct {
	Name     string
	Count    int
	Services []string
	Place    Place
}

// readRoles reads a roles file. It calls note for what may be a mistake there.
func readRoles(open Open, path string, note func(string)) ([]Role, error) {
	doc, err := readYAML(open, path, note)
	if err != nil {
		return nil, err
	}
	if doc.kind != isList {
		return nil, doc.place.hidden().errorf("a list of roles is wanted, this is %s", doc.kind)
	}
	var roles []Role
	var errs []error
	seen := map[string]Place{}
	for _, n := range doc.items {
		role, err := readRole(n)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if first, ok := seen[role.Name]; ok {
			note(role.Place.errorf("the role %q is there twice; the first is in line %d, and this one counts", role.Name, first.Line).Error())
			roles = slices.DeleteFunc(roles, func(r Role) bool { return r.Name == role.Name })
		}
		seen[role.Name] = role.Place
		roles = append(roles, role)
	}
	return roles, joinMistakes(path, errs)
}

func readRole(n *node) (Role, error) {
	if n.kind != isMap {
		return Role{}, n.place.errorf("a role is a mapping, this is %s", n.kind)
	}
	name := n.get("name")
	if name == nil || name.kind != isText || name.text == "" {
		return Role{}, n.place.errorf("the role has no name")
	}
	role := Role{Name: name.text, Place: name.place}
	return role, role.set(n.get("CountDefault"), n.get("ServicesDefault"), "", "Default")
}

// set sets the count and the services unless they are nil. Errors name their keys:
// before, Count or Services, and after.
func (r *Role) set(count, services *node, before, after string) (err error) {
	if count != nil {
		if r.Count, err = count.wholeNumber(before + "Count" + after); err != nil {
			return err
		}
	}
	if services != nil && services.kind != isNull {
		r.Services, err = commaList(services).texts(before + "Services" + after)
	}
	return err
}

// overrideRoles returns the roles with the counts and services that the parameters
// <Role>Count and <Role>Services of the environment set.
func (e *Environment) overrideRoles(roles []Role) ([]Role, error) {
	all := slices.Clone(roles)
	for i := range all {
		count, services := e.parameters[all[i].Name+"Count"], e.parameters[all[i].Name+"Services"]
		if err := all[i].set(count, services, all[i].Name, ""); err != nil {
			return nil, fmt.Errorf("environment file %w", err)
		}
	}
	return all, nil
}

// commaList turns a text into the list that Heat makes of it for a parameter of
// type comma_delimited_list.
func commaList(n *node) *node {
	if n.kind != isText {
		return n
	}
	list := &node{kind: isList, place: n.place}
	for _, text := range strings.Split(n.text, ",") {
		if text = strings.TrimSpace(text); text != "" {
			list.items = append(list.items, &node{kind: isText, text: text, place: n.place})
		}
	}
	return list
}
