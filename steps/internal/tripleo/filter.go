package tripleo

// A filter is the set of services that run in containers. A nil filter keeps
// everything; an empty one keeps nothing.
type filter map[string]bool

// newFilter gives the services that a role with nodes runs and that the
// environment puts into containers.
func newFilter(env *Environment, roles []Role) filter {
	f := filter{}
	for _, role := range roles {
		if role.Count == 0 {
			continue
		}
		for _, service := range role.Services {
			if env.Registry[service].Kind == InContainers {
				f[service] = true
			}
		}
	}
	return f
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
