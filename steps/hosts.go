package steps

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/steps/internal/fetch"
	"github.com/bayplan/bayplan/steps/internal/transport"
)

// A HostConnection is one entry of connections.hosts: how to reach a web
// server that files are fetched from. An address finds its connection by
// exactly this host; a host without one is asked anonymously.
type HostConnection struct {
	// Host of the server, with its port if it has one, just as addresses name it.
	Host string `json:"host"`
	// Address (host:port) to connect to instead of the host itself.
	Address string `json:"address,omitempty"`
	// How to use TLS: verify the server's certificate, accept any (insecure), or let addresses be plain http (disabled).
	TLS string `json:"tls,omitempty" jsonschema:"enum=verify,enum=insecure,enum=disabled,default=verify"`
	// PEM file of the certificate authority that signed the server's certificate.
	CA plan.Path `json:"ca,omitempty"`
	// PEM file of the certificate to show to a server that asks for one.
	Cert plan.Path `json:"cert,omitempty"`
	// PEM file of that certificate's key.
	Key plan.Path `json:"key,omitempty"`
	// User to log in as.
	User string `json:"user,omitempty"`
	// Password of the user, as a reference: ${secrets.NAME}.
	Password plan.Secret `json:"password,omitempty"`
	// Bearer token to show in place of user and password, as a reference: ${secrets.NAME}.
	Token plan.Secret `json:"token,omitempty"`
	// Most bytes in a second: a number with KiB, MiB, GiB, kB, MB or GB, as 10MiB. Without it there is no limit.
	Bandwidth string `json:"bandwidth,omitempty"`
	// Serve the host inside the process: for rehearsals and tests.
	Embedded *EmbeddedHost `json:"embedded,omitempty"`
}

// An EmbeddedHost is a web server that bayplan brings with it.
type EmbeddedHost struct {
	// Directory that it serves.
	Dir plan.Path `json:"dir"`
}

// Validate tells mistakes that the settings show by themselves.
func (c *HostConnection) Validate() error {
	var login, pair error
	switch {
	case (c.User == "") != c.Password.IsZero():
		login = plan.At("user", errors.New("user and password go together"))
	case !c.Token.IsZero() && c.User != "":
		login = plan.At("token", errors.New("give either a token or user and password"))
	}
	if (c.Cert == "") != (c.Key == "") {
		pair = plan.At("cert", errors.New("cert and key go together"))
	}
	return errors.Join(
		plan.At("host", hostOnly(c.Host)),
		plan.At("address", hostPort(c.Address)),
		plan.At("tls", oneOf(c.TLS, "verify", "insecure", "disabled")),
		login, pair,
		plan.At("bandwidth", onlyError(bytesPerSecond(c.Bandwidth))),
	)
}

type namedHost struct {
	name string
	HostConnection
}

// connectHosts decodes connections.hosts.
func (o *Outside) connectHosts(all []plan.Connection) plan.Errors {
	var errs plan.Errors
	byHost := map[string]string{}
	for _, c := range all {
		h := namedHost{name: c.Name}
		errs = append(errs, decode(c.Body, &h.HostConnection)...)
		key := strings.ToLower(h.Host)
		if other := byHost[key]; other != "" && h.Host != "" {
			errs = append(errs, c.Body.Errorf("host", "the hosts %s and %s have the same host %q", other, c.Name, h.Host))
		}
		byHost[key] = c.Name
		o.hosts = append(o.hosts, h)
	}
	return errs
}

// openHosts makes the client that files are fetched with.
func (o *Outside) openHosts() error {
	hosts := make([]fetch.Host, len(o.hosts))
	for i, h := range o.hosts {
		bandwidth, err := bytesPerSecond(h.Bandwidth)
		if err != nil {
			return fmt.Errorf("host %s: %w", h.name, err)
		}
		hosts[i] = fetch.Host{
			Name: h.Host, Address: h.Address, TLS: transport.Mode(h.TLS),
			CA: string(h.CA), Cert: string(h.Cert), Key: string(h.Key), Bandwidth: bandwidth,
		}
		if h.Embedded != nil { // it knows no users
			hosts[i].Handler = http.FileServer(http.Dir(h.Embedded.Dir))
		} else {
			hosts[i].User, hosts[i].Password, hosts[i].Token = h.User, onDemand(h.Password), onDemand(h.Token)
		}
	}
	client, err := fetch.New(hosts)
	o.fetching = client
	return err
}

// Fetching gives the one client that knows the hosts of all connections.
func (o *Outside) Fetching() *fetch.Client { return o.fetching }
