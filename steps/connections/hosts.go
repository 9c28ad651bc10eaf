package connections

import (
	"fmt"
	"slices"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/transport"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// A HostConnection is one entry of connections.hosts: how to reach a web
// server that files are fetched from. An address finds its connection by
// exactly this host, or else by the pattern that it matches best; a host without one is
// asked anonymously.
type HostConnection struct {
	ServerConnection
	// Serve the host inside the process: for rehearsals and tests.
	Embedded *EmbeddedHost `json:"embedded,omitempty"`
}

// An EmbeddedHost is a web server that bayplan brings with it.
type EmbeddedHost struct {
	// Directory that it serves. All hosts that match a pattern have the same.
	Dir plan.Path `json:"dir"`
}

// Validate reports mistakes that the settings show by themselves.
func (c *HostConnection) Validate() error { return c.check() }

type namedHost struct {
	name string
	HostConnection
	body plan.Body // in the plan
}

// connectHosts decodes connections.hosts.
func (s *Set) connectHosts(all []plan.Connection) plan.Errors {
	var errs plan.Errors
	for _, c := range all {
		h := namedHost{name: c.Name, body: c.Body}
		errs = append(errs, decode(c.Body, &h.HostConnection)...)
		if i := slices.IndexFunc(s.hosts, h.isSame); i >= 0 && h.Host != "" {
			errs = append(errs, clash(c, "hosts", s.hosts[i].name, s.hosts[i].Host, h.Host))
		}
		s.hosts = append(s.hosts, h)
	}
	return errs
}

// isSame reports whether two connections are for one host.
func (h namedHost) isSame(other namedHost) bool {
	if hostname.IsPattern(h.Host) && hostname.IsPattern(other.Host) {
		return (hostname.Registries{h.identity()}).Clash(other.identity()) == 0
	}
	if h.scheme() != other.scheme() {
		return hostname.Normal(h.Host) == hostname.Normal(other.Host)
	}
	return hostname.Same(h.Host, other.Host, h.scheme())
}

func (h namedHost) identity() hostname.Registry {
	return hostname.Registry{Host: h.Host, Plain: h.TLS == string(transport.Disabled)}
}

// hostAt gives the place of the connection of a web server, -1 for none.
func (s *Set) hostAt(host string) int {
	patterns := make(hostname.Registries, len(s.hosts))
	for i, h := range s.hosts {
		if sameServer(h.Host, host) {
			return i
		}
		if hostname.IsPattern(h.Host) {
			patterns[i] = h.identity()
		}
	}
	return patterns.Find(host)
}

func (h namedHost) scheme() string {
	if h.TLS == string(transport.Disabled) {
		return "http"
	}
	return "https"
}

// openHosts makes the client that files are fetched with.
func (s *Set) openHosts() error {
	hosts := make([]download.Host, len(s.hosts))
	for i, h := range s.hosts {
		bandwidth, err := bytesPerSecond(h.Bandwidth)
		if err != nil {
			return fmt.Errorf("host %s: %w", h.name, err)
		}
		hosts[i] = download.Host{
			Name: h.Host, Address: h.Address, TLS: transport.Mode(h.TLS),
			Bandwidth: bandwidth,
		}
		hosts[i].CA, hosts[i].Cert, hosts[i].Key = s.files(runner.WebServer, h.name, h.ServerConnection)
		if h.Embedded != nil { // it has no users
			hosts[i].Handler = serveDir(string(h.Embedded.Dir))
		} else {
			hosts[i].User, hosts[i].Password, hosts[i].Token = h.User, onDemand(h.Password), onDemand(h.Token)
		}
	}
	client, err := download.New(hosts)
	if err != nil {
		return err
	}
	client.UseRedactor(s.redactor)
	s.downloads = client
	return nil
}

// Downloads gives the one client that knows the hosts of all connections.
func (s *Set) Downloads() *download.Client { return s.downloads }
