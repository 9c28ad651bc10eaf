package hostname

import (
	"slices"
	"strings"
)

// DockerHub is the name of Docker Hub in image references.
const DockerHub = "docker.io"

// dockerHubAPI is where Docker Hub answers. No registry answers at DockerHub.
const dockerHubAPI = "registry-1.docker.io"

// dockerHubNames all stand for Docker Hub: container engines and build tools use
// the same images and logins for each of them.
var dockerHubNames = [...]string{DockerHub, "index.docker.io", dockerHubAPI, "registry.hub.docker.com"}

// A Registry is a container registry, under one of the names that it may have.
type Registry struct {
	Host  string // host or host:port, in any spelling
	Plain bool   // it speaks HTTP without TLS
}

// Is reports whether a host names this registry.
func (r Registry) Is(host string) bool { return host != "" && r.key(host) == r.key(r.Host) }

// key gives the registry that a host names if it speaks as r does. The port is
// always part of it.
func (r Registry) key(host string) string {
	name, port := split(host)
	if port == "" {
		port = r.port()
	}
	if port == r.port() && slices.Contains(dockerHubNames[:], name) {
		name = DockerHub
	}
	return join(name, port)
}

func (r Registry) port() string {
	if r.Plain {
		return "80"
	}
	return "443"
}

// Name gives the one name of the registry in image references. It has no default
// port, unless its name without a port would be read as part of a path.
func (r Registry) Name() string {
	name, port := split(r.key(r.Host))
	if port == r.port() && (strings.ContainsAny(name, ".:") || name == "localhost") {
		port = ""
	}
	return join(name, port)
}

// Address gives the host that requests to the registry go to.
func (r Registry) Address() string {
	if host := Normal(r.Host); host != DockerHub {
		return host
	}
	return dockerHubAPI
}

// Registries are the registries that are known to be spoken to in some way. All
// others speak TLS.
type Registries []Registry

// Find gives the place of the registry that a host names, -1 for none: one with this
// very host, or else the one with the pattern that it matches with the most literal
// characters. A host without a port is the registry with TLS if there are two.
func (all Registries) Find(host string) int {
	i := slices.IndexFunc(all, func(r Registry) bool { return !r.Plain && r.Is(host) })
	if i < 0 {
		i = slices.IndexFunc(all, func(r Registry) bool { return r.Plain && r.Is(host) })
	}
	if i < 0 {
		i = all.closest(host, false)
	}
	if i < 0 {
		i = all.closest(host, true)
	}
	return i
}

// Clash gives the place of a registry that cannot be told apart from r by its name,
// -1 for none. Two patterns clash if a host may match both with as many literal
// characters.
func (all Registries) Clash(r Registry) int {
	return slices.IndexFunc(all, func(o Registry) bool {
		if r.ties(o) {
			return true
		}
		return (!r.Plain || o.Plain) && r.Is(o.Host) || (!o.Plain || r.Plain) && o.Is(r.Host)
	})
}

// Name gives the one name of the registry that a host names.
func (all Registries) Name(host string) string {
	i := all.Find(host)
	r := Registry{Host: host}
	if i >= 0 {
		r = all[i].For(host)
	}
	name := r.Name()
	if all.Find(name) != i { // without its port it names another one
		return r.key(host)
	}
	return name
}
