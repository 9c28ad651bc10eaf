package connections

import (
	"errors"

	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// A ServerConnection is what all connections to HTTP servers have in common.
type ServerConnection struct {
	// Host of the server, with its port if it has one, just as image references or addresses name
	// it. In registry.*.example.com:5000 the * stands for exactly one label, so that the connection
	// is for many hosts; one with the very host counts first, then the pattern with the most literal
	// characters.
	Host string `json:"host"`
	// Address (host:port) to connect to instead of the host itself.
	Address string `json:"address,omitempty"`
	// How to use TLS: verify the server's certificate, accept any (insecure), or use plain http
	// (disabled).
	TLS string `json:"tls,omitempty" jsonschema:"enum=verify,enum=insecure,enum=disabled,default=verify"`
	// PEM file of the certificate authority that signed the server's certificate.
	CA plan.Path `json:"ca,omitempty"`
	// PEM file of the certificate to show to a server that asks for one.
	Cert plan.Path `json:"cert,omitempty"`
	// PEM file of that certificate's key.
	Key plan.Path `json:"key,omitempty"`
	// User to log in as.
	User string `json:"user,omitempty"`
	// Password or token of the user, as a reference: ${secrets.NAME}.
	Password plan.Secret `json:"password,omitempty"`
	// Bearer token to show in place of user and password, as a reference: ${secrets.NAME}.
	Token plan.Secret `json:"token,omitempty"`
	// Most bytes in a second, both ways together: a number with KiB, MiB, GiB, kB, MB or GB, as
	// 10MiB. Without it there is no limit.
	Bandwidth string `json:"bandwidth,omitempty"`
}

func (c *ServerConnection) check() error {
	return errors.Join(
		plan.At("host", hostname.CheckPattern(c.Host)),
		plan.At("address", hostname.CheckAddress(c.Address)),
		plan.At("tls", setting.OneOf(c.TLS, "verify", "insecure", "disabled")),
		c.checkLogin(),
		plan.At("token", c.checkToken()),
		c.checkCert(),
		plan.At("bandwidth", onlyError(bytesPerSecond(c.Bandwidth))),
	)
}

func (c *ServerConnection) checkLogin() error {
	if (c.User == "") != c.Password.IsZero() {
		return setting.Alone("user", c.User != "", "password")
	}
	return nil
}

func (c *ServerConnection) checkToken() error {
	if !c.Token.IsZero() && c.User != "" {
		return errors.New("give either a token or user and password")
	}
	return nil
}

func (c *ServerConnection) checkCert() error {
	if (c.Cert == "") != (c.Key == "") {
		return setting.Alone("cert", c.Cert != "", "key")
	}
	return nil
}
