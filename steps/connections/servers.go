package connections

import (
	"context"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/internal/transport"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// A Server is a server that steps ask, and how it is reached.
type Server struct {
	Kind      runner.ServerKind
	Name      string             // of its connection, or ""
	Host      string             // as images or addresses name it; "" for a cloud
	Embedded  bool               // it answers inside the process
	URL       string             // of its API; "" for a cloud
	Endpoint  transport.Endpoint // without credentials; of a cloud only its Host, "" where an entry of clouds.yaml has it
	Login     bool               // it has a login, or may have one where docker and podman keep them
	KeepPulls int                // pulls to keep of its quota: keep_pulls
	Secrets   []plan.Secret      // of its login
}

// Servers gives the servers that steps ask, each once, as far as they are known before a
// run.
func (s *Set) Servers(asked []runner.Asked) []Server {
	var all []Server
	add := func(found Server) {
		if !slices.ContainsFunc(all, func(other Server) bool { return found.is(other) }) {
			all = append(all, found)
		}
	}
	for _, a := range asked {
		if a.Named { // not asked
			continue
		}
		if a.Kind == runner.CloudServer {
			if c, err := s.cloud(a.Name); err == nil {
				add(Server{Kind: a.Kind, Name: c.name, Embedded: c.Embedded != nil})
			}
			continue
		}
		hosts := a.Hosts
		if host, err := s.RegistryHost(a.Name); err == nil && a.Name != "" {
			hosts = []string{host}
		}
		for _, host := range hosts {
			add(s.ServerAt(a.Kind, host))
		}
	}
	return all
}

// ServerAt gives the registry or web server of a host.
func (s *Set) ServerAt(kind runner.ServerKind, host string) Server {
	if kind == runner.WebServer {
		return s.webServerAt(host)
	}
	r, known := s.byHost(host)
	if !known {
		r.Host = host
	}
	at := r.identity().For(host)
	return Server{
		Kind: kind, Name: r.name, Host: at.Name(), Embedded: r.Embedded != nil, URL: scheme(r.ServerConnection) + "://" + at.Address() + "/v2/",
		Endpoint: endpoint(r.ServerConnection, at.Address()), KeepPulls: setting.Number(r.KeepPulls, 0),
		Login: r.hasLogin() || r.RegistryConnection.Login != "", Secrets: r.secrets(),
	}
}

func (s *Set) webServerAt(host string) Server {
	h := namedHost{HostConnection: HostConnection{ServerConnection: ServerConnection{Host: host}}}
	if i := s.hostAt(host); i >= 0 {
		h = s.hosts[i]
	}
	return Server{
		Kind: runner.WebServer, Name: h.name, Host: host, Embedded: h.Embedded != nil, URL: scheme(h.ServerConnection) + "://" + host + "/",
		Endpoint: endpoint(h.ServerConnection, host), Login: h.hasLogin(), Secrets: h.secrets(),
	}
}

func (c *ServerConnection) hasLogin() bool { return c.User != "" || !c.Token.IsZero() }

// secrets gives the secrets of the login.
func (c *ServerConnection) secrets() []plan.Secret {
	return slices.DeleteFunc([]plan.Secret{c.Password, c.Token}, plan.Secret.IsZero)
}

func scheme(c ServerConnection) string {
	if c.TLS == string(transport.Disabled) {
		return "http"
	}
	return "https"
}

func endpoint(c ServerConnection, host string) transport.Endpoint {
	return transport.Endpoint{
		Host: host, Address: c.Address, TLS: transport.Mode(c.TLS),
		CA: string(c.CA), Cert: string(c.Cert), Key: string(c.Key),
	}
}

// is reports whether two descriptions are of one server.
func (v Server) is(other Server) bool {
	return v.Kind == other.Kind && v.Name == other.Name && strings.EqualFold(v.URL, other.URL)
}

// CloudIdentity gives the address of a cloud's identity service, and a transport that
// reaches the cloud's servers as a login does. It sends no request.
func (s *Set) CloudIdentity(ctx context.Context, name string) (string, *transport.Transport, error) {
	conn, err := s.cloud(name)
	if err != nil {
		return "", nil, err
	}
	options, err := conn.options(ctx)
	if err != nil {
		return "", nil, err
	}
	options.Secrets = s.redactor
	return glance.Identity(ctx, options)
}
