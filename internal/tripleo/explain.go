package tripleo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
)

// A Verdict says why an image of a release is wanted, or why it is not.
type Verdict struct {
	Image      string           `json:"image"` // NAME:TAG, with the tag before any look-up
	In         bool             `json:"in"`
	Because    string           `json:"because"`
	Parameters []string         `json:"parameters,omitempty"`
	Services   []ServiceVerdict `json:"services,omitempty"` // that would need it
}

// A ServiceVerdict says whether a service has its images wanted.
type ServiceVerdict struct {
	Service string   `json:"service"`
	In      bool     `json:"in"`
	Roles   []string `json:"roles,omitempty"`  // that have it, with their counts and where they stand
	Target  string   `json:"target,omitempty"` // what it is mapped to, and where
}

// Explain goes over all images of a request's release, whether they are wanted
// or not, in the order in which Select does.
func Explain(req Request, open Open) ([]Verdict, error) {
	r, err := findRelease(req.Release)
	if err != nil {
		return nil, err
	}
	c := &court{release: r}
	if c.env, err = r.environment(req, open); err != nil {
		return nil, err
	}
	if c.services, err = r.filter(req, c.env, open); err != nil {
		return nil, err
	}
	if c.roles, err = r.rolesOf(req, open); err != nil {
		return nil, err
	}
	if c.roles, err = c.env.override(c.roles); err != nil {
		return nil, err
	}
	strategies, err := r.strategies(req, c.env)
	if err != nil {
		return nil, err
	}
	catalog, err := r.catalogOf(req, open)
	if err != nil {
		return nil, err
	}
	var all []Verdict
	for _, s := range strategies {
		v, err := r.variables(s, r.driver(s, c.env, c.services))
		if err != nil {
			return nil, err
		}
		images, err := catalog(v)
		if err != nil {
			return nil, err
		}
		for _, n := range images {
			all = append(all, c.judge(s, n))
		}
		if req.Template != "" {
			continue // what does not apply is not even rendered
		}
		more, err := r.elsewhere(v)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

// ExplainGiven does the same for images that are given.
func ExplainGiven(listed []ListedImage, req Request) []Verdict {
	s := req.strategy()
	verdicts := make([]Verdict, len(listed))
	for i, l := range listed {
		v := Verdict{Image: l.Name, In: s.takes(l.Name), Because: "it is given"}
		if !v.In {
			v.Because = s.why()
		}
		verdicts[i] = v
	}
	return verdicts
}

// why says why a strategy does not take an image.
func (s Strategy) why() string {
	if len(s.Includes) > 0 {
		return "includes find nothing in its name"
	}
	return "excludes find something in its name"
}

// A court knows all that decides.
type court struct {
	release  release
	env      *Environment
	roles    []Role
	services filter
}

func (c *court) judge(s Strategy, n named) Verdict {
	v := Verdict{Image: s.source(n.name) + ":" + n.tag, Parameters: n.Params}
	for _, service := range n.Services {
		v.Services = append(v.Services, c.service(service))
	}
	switch {
	case !n.wanted(c.services) && len(n.Services) == 0:
		v.Because = "no service needs it by name, and services decide"
	case !n.wanted(c.services):
		v.Because = "none of its services runs in containers here"
	case !s.takes(n.name + ":" + n.tag):
		v.Because = s.why()
	case c.services == nil:
		v.In, v.Because = true, "nothing says which services there are, so every image is taken"
	default:
		v.In, v.Because = true, "a service of a role with nodes needs it"
	}
	return v
}

// service says which roles have a service, and what environments make of it.
func (c *court) service(name string) ServiceVerdict {
	v := ServiceVerdict{Service: name, In: c.services == nil || c.services[name]}
	for _, role := range c.roles {
		if slices.Contains(role.Services, name) {
			v.Roles = append(v.Roles, fmt.Sprintf("%s, %s%s", role.Name, human.Count(role.Count, "node", "nodes"), at(role.Place)))
		}
	}
	target, mapped := c.env.Registry[name]
	switch {
	case !mapped && c.release.lists:
		v.Target = "mapped by no environment, so in containers"
	case !mapped:
		v.Target = "mapped by no environment"
	case target.Kind == Off:
		v.Target = "off: " + target.Text + at(target.Place)
	case target.Kind == InContainers:
		v.Target = "in containers: " + target.Text + at(target.Place)
	default:
		v.Target = "on the host: " + target.Text + at(target.Place)
	}
	return v
}

// at says where something stands, "" for what is built in.
func at(p Place) string {
	if p == (Place{}) {
		return " (built in)"
	}
	return " (" + p.String() + ")"
}

// elsewhere gives the images that the release has only with other variables.
func (r release) elsewhere(v vars) ([]Verdict, error) {
	entries, err := r.entries()
	if err != nil {
		return nil, err
	}
	var all []Verdict
	for _, e := range entries {
		if e.applies(v) {
			continue
		}
		name, tag := v.name(e)
		because := "it is there only with " + e.Condition
		if e.Driver != "" && v.meets(e.Condition) {
			because = fmt.Sprintf("it is for the neutron driver %s, which here is %q", e.Driver, v["neutron_driver"])
		}
		all = append(all, Verdict{Image: strings.TrimPrefix(name+":"+tag, "/"), Because: because, Parameters: e.Params})
	}
	return all, nil
}
