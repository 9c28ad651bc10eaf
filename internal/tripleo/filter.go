package tripleo

import (
	"path/filepath"
	"slices"
	"strings"
)

// A filter is the set of services whose images are wanted. A nil filter keeps
// everything; an empty one keeps nothing.
type filter map[string]bool

// environment gives all that environments say: what the release loads ahead of
// the request's, and those.
func (r release) environment(req Request, open Open) (*Environment, error) {
	paths := req.Environments
	if r.base != "" && req.Tree != "" {
		paths = append([]string{filepath.Join(req.Tree, baseInTree)}, paths...)
	}
	env, err := ReadEnvironments(open, paths)
	if err != nil || r.base == "" || req.Tree != "" {
		return env, err
	}
	base, err := baseEnvironment(r.base)
	if err != nil {
		return nil, err
	}
	return env.over(base), nil
}

// filter gives the services that decide, or nil where nothing says which there
// are: with no environment at all, or in later releases with no roles.
func (r release) filter(req Request, env *Environment, open Open) (filter, error) {
	// The roles are read even where they decide nothing: a roles file that is
	// not there is a mistake.
	roles, err := r.rolesOf(req, open)
	if err != nil {
		return nil, err
	}
	if r.lists && roles == nil || !r.lists && r.base == "" && len(req.Environments) == 0 {
		return nil, nil
	}
	if roles, err = env.override(roles); err != nil {
		return nil, err
	}
	f := filter{}
	for _, role := range roles {
		if role.Count == 0 {
			continue
		}
		for _, service := range role.Services {
			if r.runs(env.Registry[service]) {
				f[service] = true
			}
		}
	}
	return f, nil
}

// runs says whether a service's images are wanted. Earlier releases run what
// their environments put into containers, later ones all that is not off.
func (r release) runs(target Target) bool {
	if r.lists {
		return target.Kind != Off
	}
	return target.Kind == InContainers
}

// driver gives the neutron driver: the strategy's, or else the derived one.
func (r release) driver(s Strategy, env *Environment, services filter) string {
	given, ok := s.Set["neutron_driver"]
	switch {
	case !r.lists && ok:
		return given
	case !r.lists:
		return services.driver()
	case given == "":
		given = env.driver()
	}
	if given == "odl" && !r.odl {
		return "other"
	}
	return given
}

// driver derives the neutron driver from the services.
func (f filter) driver() string {
	switch {
	case f["OS::TripleO::Services::OpenDaylightApi"]:
		return "odl"
	case f["OS::TripleO::Services::OVNController"]:
		return "ovn"
	}
	return ""
}

// driver derives the neutron driver from the parameter that names mechanism
// drivers: a list of them, or a text that holds them.
func (e *Environment) driver() string {
	n := e.parameters["NeutronMechanismDrivers"]
	if n == nil {
		return "ovn"
	}
	names := func(driver string) bool {
		if n.kind == isList {
			return slices.ContainsFunc(n.items, func(item *node) bool { return item.text == driver })
		}
		return strings.Contains(n.text, driver)
	}
	switch {
	case names("opendaylight_v2"):
		return "odl"
	case names("ovn"):
		return "ovn"
	}
	return "other"
}
