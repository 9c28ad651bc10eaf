package tripleo

import (
	"path/filepath"
	"slices"
	"strings"
)

// A serviceSet is the set of services whose images are needed. With a nil set all
// images are needed, with an empty set none.
type serviceSet map[string]bool

// environment returns the request's environments, merged over those that the
// release loads before them.
func (r release) environment(req Request, open Open) (*Environment, error) {
	paths := req.Environments
	if r.baseRegistry != "" && req.Tree != "" {
		paths = append([]string{filepath.Join(req.Tree, baseInTree)}, paths...)
	}
	env, err := ReadEnvironments(open, paths)
	if err != nil || r.baseRegistry == "" || req.Tree != "" {
		return env, err
	}
	base, err := baseEnvironment(r.baseRegistry)
	if err != nil {
		return nil, err
	}
	return env.mergedOver(base), nil
}

// neededServices returns the services whose images are needed. It returns nil if
// the services are unknown: without any environment, or in later releases without
// roles.
func (r release) neededServices(req Request, env *Environment, open Open) (serviceSet, error) {
	// Read the roles even if they have no effect: a missing roles file is a
	// mistake.
	roles, err := r.rolesOf(req, env, open)
	if err != nil {
		return nil, err
	}
	if r.readsPrepareList && roles == nil || !r.readsPrepareList && r.baseRegistry == "" && len(req.Environments) == 0 {
		return nil, nil
	}
	if roles, err = env.overrideRoles(roles); err != nil {
		return nil, err
	}
	f := serviceSet{}
	for _, role := range roles {
		if role.Count == 0 {
			continue
		}
		for _, service := range role.Services {
			if r.runsService(env.Registry[service]) {
				f[service] = true
			}
		}
	}
	return f, nil
}

// runsService reports whether the images of a service are needed. In earlier
// releases they are if an environment puts the service into containers, in later
// ones unless an environment switches the service off.
func (r release) runsService(target Target) bool {
	if r.readsPrepareList {
		return target.Kind != Off
	}
	return target.Kind == InContainers
}

// driver returns the neutron driver: that of the strategy, or else a derived one.
func (r release) driver(s Strategy, env *Environment, services serviceSet) string {
	given, ok := s.Set["neutron_driver"]
	switch {
	case !r.readsPrepareList && ok:
		return given
	case !r.readsPrepareList:
		return services.driver()
	case given == "":
		given = env.driver()
	}
	if given == "odl" && !r.supportsODL {
		return "other"
	}
	return given
}

// driver derives the neutron driver from the services.
func (f serviceSet) driver() string {
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
