package connections

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/transport"
	"github.com/bayplan/bayplan/runner"
)

// A World answers for all servers inside the process. It gives the same handler each
// time that it is asked for the same server, and nil for a server that it does not have.
type World interface {
	// Registry gives what answers for the registry of a host, in the spelling that
	// hostname.Registry.Name gives.
	Registry(host string) http.Handler
	// Cloud gives what answers for a cloud: the name of its entry in clouds.yaml, the
	// address of its identity service, or the name of a connection that is embedded.
	Cloud(cloud string) http.Handler
	// Web gives what answers for a web server, in the spelling of hostname.Normal.
	Web(host string) http.Handler
}

// OpenIn opens the connections in a world: the world answers for each server, whether it
// has a connection or not, and no server outside the process is asked. Secrets, files of
// certificates, logins, clouds.yaml and the directories of embedded servers are left
// alone, and so are limits. It is called in place of Open.
func (s *Set) OpenIn(w World) error {
	registries := make([]registry.Host, len(s.registries))
	for i, r := range s.registries {
		registries[i] = registry.Host{Name: r.Host}
		if hostname.IsPattern(r.Host) {
			registries[i].HandlerFor = func(host string) (http.Handler, error) { return w.Registry(r.identity().For(host).Name()), nil }
		} else {
			registries[i].Handler = w.Registry(r.identity().Name())
		}
		if r.TLS == string(transport.Disabled) { // a registry without TLS has another default port
			registries[i].TLS = transport.Disabled
		}
	}
	var hosts []download.Host
	for _, h := range s.hosts {
		if !hostname.IsPattern(h.Host) { // the world answers for each of these hosts below
			hosts = append(hosts, download.Host{Name: h.Host, Handler: w.Web(hostname.Normal(h.Host))})
		}
	}
	for _, c := range s.clouds {
		s.embeddedClouds[c.name] = w.Cloud(c.identity())
	}
	var err error
	if s.client, err = registry.New(registries); err != nil {
		return err
	}
	s.closers = append(s.closers, s.client)
	if s.downloads, err = download.New(hosts); err != nil {
		return err
	}
	s.inside = true
	s.client.BoundSpool(s.spool)
	s.client.AnswerInside(func(host string) http.Handler { return w.Registry(hostname.Registry{Host: host}.Name()) })
	s.client.Restrict(s.refuseOutside)
	s.downloads.AnswerInside(func(host string) http.Handler { return w.Web(hostname.Normal(host)) })
	s.downloads.Restrict(s.refuseOutside)
	return nil
}

// refuseOutside gives the error for a host that is not in the world.
func (s *Set) refuseOutside(host string) error {
	return fault.WithHint(fmt.Errorf("%s is not asked: a rehearsal asks nobody outside", host), "the plan names no such host; a redirect may lead to it")
}

// identity says which cloud the connection is for.
func (c namedCloud) identity() string {
	switch {
	case c.AuthURL != "":
		return c.AuthURL
	case c.Cloud != "":
		return c.Cloud
	}
	return c.name
}

// CloudPlace gives what is the same for all connections to the images of one project in one region, as
// far as their settings show it.
func (s *Set) CloudPlace(name string) string {
	c, err := s.cloud(name)
	switch {
	case err != nil:
		return name
	case c.AuthURL != "":
		project := []string{strings.TrimRight(c.AuthURL, "/"), c.Region, c.Project, cmp.Or(c.ProjectDomain, defaultDomain), c.ApplicationCredentialID}
		return strings.Join(project, " ")
	case c.Cloud != "":
		return strings.Join([]string{c.Cloud, c.Region, string(c.CloudsFile)}, " ")
	}
	return name
}

// CloudIn returns the name by which a World knows the cloud of a connection, "" for a connection
// that is not there.
func (s *Set) CloudIn(name string) string {
	c, err := s.cloud(name)
	if err != nil {
		return ""
	}
	return c.identity()
}

// cloudOptions gives what a login needs for a cloud inside the process, if it is there.
func (s *Set) cloudOptions(conn namedCloud) (glance.Options, bool) {
	inside := s.inside || conn.Embedded != nil
	return embeddedOptions(conn.name, s.embeddedClouds[conn.name]), inside
}

// Hosts gives the hosts of all connections to registries, but no patterns.
func (s *Set) Hosts() []string {
	var hosts []string
	for _, r := range s.registries {
		if !hostname.IsPattern(r.Host) {
			hosts = append(hosts, r.Host)
		}
	}
	return hosts
}

// HasRegistry reports whether the registry of a host has a connection.
func (s *Set) HasRegistry(host string) bool { return s.has(runner.RegistryServer, host) }
