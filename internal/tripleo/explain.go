package tripleo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
)

// A Verdict says whether an image of a release is selected, and why.
type Verdict struct {
	Image      string           `json:"image"`                // NAME:TAG, with the tag before any lookup
	In         bool             `json:"in"`                   // it is taken
	Because    string           `json:"because"`              // why, or why not
	Parameters []string         `json:"parameters,omitempty"` // the Heat parameters that name it
	Services   []ServiceVerdict `json:"services,omitempty"`   // that need it
}

// A ServiceVerdict says whether the images of a service are selected.
type ServiceVerdict struct {
	Service string   `json:"service"`          // as in OS::TripleO::Services::NovaApi
	In      bool     `json:"in"`               // it runs in a container
	Roles   []string `json:"roles,omitempty"`  // that have it, with their counts and places
	Target  string   `json:"target,omitempty"` // what environments map it to, and where
}

// Explain returns a verdict for every image of a request's release, in the order
// of Select.
func Explain(req Request, open Open) ([]Verdict, error) {
	r, err := findRelease(req.Release)
	if err != nil {
		return nil, err
	}
	c := &explainer{release: r}
	if c.env, err = r.environment(req, open); err != nil {
		return nil, err
	}
	if c.services, err = r.neededServices(req, c.env, open); err != nil {
		return nil, err
	}
	if c.roles, err = r.rolesOf(req, c.env, open); err != nil {
		return nil, err
	}
	if c.roles, err = c.env.overrideRoles(c.roles); err != nil {
		return nil, err
	}
	strategies, err := r.strategies(req, c.env)
	if err != nil {
		return nil, err
	}
	catalog, err := r.catalogOf(req, c.env, open)
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
			all = append(all, c.image(s, n))
		}
		if req.Template != "" {
			continue // a template does not render images that do not apply
		}
		more, err := r.notApplicable(v)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

// ExplainListed returns a verdict for each listed image.
func ExplainListed(listed []ListedImage, req Request) []Verdict {
	s := req.ownStrategy()
	verdicts := make([]Verdict, len(listed))
	for i, l := range listed {
		v := Verdict{Image: l.Name, In: s.selects(l.Name), Because: "it is given"}
		if !v.In {
			v.Because = s.whyNotSelected()
		}
		verdicts[i] = v
	}
	return verdicts
}

// whyNotSelected returns why a strategy does not select an image.
func (s Strategy) whyNotSelected() string {
	if len(s.Includes) > 0 {
		return "none of includes matches its name"
	}
	return "one of excludes matches its name"
}

// An explainer holds what a verdict depends on.
type explainer struct {
	release  release
	env      *Environment
	roles    []Role
	services serviceSet
}

// image returns the verdict about an image of a strategy.
func (c *explainer) image(s Strategy, n namedEntry) Verdict {
	v := Verdict{Image: s.pullName(n.name) + ":" + n.tag, Parameters: n.Params}
	for _, service := range n.Services {
		v.Services = append(v.Services, c.service(service))
	}
	switch {
	case !n.neededBy(c.services) && len(n.Services) == 0:
		v.Because = "no service needs it by name, and services decide"
	case !n.neededBy(c.services):
		v.Because = "none of its services runs in containers here"
	case !s.selects(n.name + ":" + n.tag):
		v.Because = s.whyNotSelected()
	case c.services == nil:
		v.In, v.Because = true, "nothing says which services there are, so every image is taken"
	default:
		v.In, v.Because = true, "a service of a role with nodes needs it"
	}
	return v
}

// service returns the verdict about a service: the roles that have it, and what
// environments map it to.
func (c *explainer) service(name string) ServiceVerdict {
	v := ServiceVerdict{Service: name, In: c.services == nil || c.services[name]}
	for _, role := range c.roles {
		if slices.Contains(role.Services, name) {
			v.Roles = append(v.Roles, fmt.Sprintf("%s, %s%s", role.Name, human.Count(role.Count, "node", "nodes"), origin(role.Place)))
		}
	}
	target, mapped := c.env.Registry[name]
	switch {
	case !mapped && c.release.readsPrepareList:
		v.Target = "mapped by no environment, so in containers"
	case !mapped:
		v.Target = "mapped by no environment"
	case target.Kind == Off:
		v.Target = "off: " + target.Text + origin(target.Place)
	case target.Kind == InContainers:
		v.Target = "in containers: " + target.Text + origin(target.Place)
	default:
		v.Target = "on the host: " + target.Text + origin(target.Place)
	}
	return v
}

// origin returns a place in brackets, with a space before it.
func origin(p Place) string {
	if p == (Place{}) {
		return " (built in)"
	}
	return " (" + p.String() + ")"
}

// notApplicable returns the images that the release has only with other
// variables.
func (r release) notApplicable(v vars) ([]Verdict, error) {
	entries, err := r.entries()
	if err != nil {
		return nil, err
	}
	var all []Verdict
	for _, e := range entries {
		if e.applies(v) {
			continue
		}
		name, tag := v.imageName(e)
		because := "it is there only with " + e.Condition
		if e.Driver != "" && v.satisfies(e.Condition) {
			because = fmt.Sprintf("it is for the neutron driver %s, which here is %q", e.Driver, v["neutron_driver"])
		}
		all = append(all, Verdict{Image: strings.TrimPrefix(name+":"+tag, "/"), Because: because, Parameters: e.Params})
	}
	return all, nil
}
