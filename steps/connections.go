package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/plan"
)

// A RegistryConnection is one entry of connections.registries: how to reach
// the container registry of one host. An image reference finds its connection
// by exactly this host; a host without one is asked anonymously over https.
type RegistryConnection struct {
	// Host of the registry, with its port if it has one, just as image references name it.
	Host string `json:"host"`
	// Address (host:port) to connect to instead of the host itself.
	Address string `json:"address,omitempty"`
	// How to use TLS: verify the server's certificate, accept any (insecure), or speak plain http (disabled).
	TLS string `json:"tls,omitempty" jsonschema:"enum=verify,enum=insecure,enum=disabled,default=verify"`
	// PEM file of the certificate authority that signed the server's certificate.
	CA plan.Path `json:"ca,omitempty"`
	// User to log in as.
	User string `json:"user,omitempty"`
	// Password or token of the user, as a reference: ${secrets.NAME}.
	Password plan.Secret `json:"password,omitempty"`
	// Most requests to have open at once.
	Concurrency int `json:"concurrency,omitempty" jsonschema:"minimum=1,maximum=64,default=8"`
	// Answer for the host inside the process instead of over the network: for rehearsals, tests and CI.
	Embedded *EmbeddedRegistry `json:"embedded,omitempty"`
}

// An EmbeddedRegistry is a registry that bayplan brings with it. Without
// settings it is empty, and gone when the command ends.
type EmbeddedRegistry struct {
	// Directory that keeps what is pushed.
	Dir plan.Path `json:"dir,omitempty"`
	// Serve small stand-ins for all images of a release, labelled and tagged as its registry does; read-only.
	Images string `json:"images,omitempty" jsonschema:"enum=rhosp13"`
}

// A CloudConnection is one entry of connections.clouds: an OpenStack cloud,
// either by its entry in clouds.yaml or embedded.
type CloudConnection struct {
	// Entry of clouds.yaml.
	Cloud string `json:"cloud,omitempty"`
	// Answer inside the process instead of over the network: for rehearsals, tests and CI.
	Embedded *EmbeddedCloud `json:"embedded,omitempty"`
}

// An EmbeddedCloud is the identity and image service that bayplan brings with
// it. Without settings it is empty, and gone when the command ends.
type EmbeddedCloud struct {
	// Directory that keeps the images.
	Dir plan.Path `json:"dir,omitempty"`
}

// Validate tells mistakes that the settings show by themselves.
func (c *RegistryConnection) Validate() error {
	return errors.Join(
		plan.At("host", hostOnly(c.Host)),
		plan.At("address", hostPort(c.Address)),
		plan.At("tls", oneOf(c.TLS, "verify", "insecure", "disabled")),
		plan.At("user", c.loginComplete()),
		plan.At("concurrency", between(c.Concurrency, 1, 64)),
		c.Embedded.validate(),
	)
}

func (c *RegistryConnection) loginComplete() error {
	if (c.User == "") != c.Password.IsZero() {
		return errors.New("user and password go together")
	}
	return nil
}

func (e *EmbeddedRegistry) validate() error {
	switch {
	case e == nil:
		return nil
	case e.Dir != "" && e.Images != "":
		return plan.At("embedded.images", errors.New("a registry that serves generated images keeps nothing: leave out dir"))
	}
	return plan.At("embedded.images", oneOf(e.Images, "rhosp13"))
}

// Validate tells mistakes that the settings show by themselves.
func (c *CloudConnection) Validate() error {
	if (c.Cloud == "") == (c.Embedded == nil) {
		return errors.New("a cloud says either cloud, an entry of clouds.yaml, or embedded")
	}
	return nil
}

// password gives the password at the moment it is needed, nil for none.
func (c *RegistryConnection) password() func(context.Context) (string, error) {
	if c.Password.IsZero() {
		return nil
	}
	return c.Password.Reveal
}

func hostOnly(s string) error {
	switch {
	case strings.Contains(s, "://"):
		return fmt.Errorf("%q holds a scheme; write the host alone", s)
	case strings.ContainsAny(s, "/@ "):
		return fmt.Errorf("%q is not a host or host:port", s)
	}
	return nil
}

func hostPort(s string) error {
	if s != "" && !strings.Contains(s, ":") {
		return fmt.Errorf("%q is not host:port", s)
	}
	return hostOnly(s)
}

func oneOf(got string, words ...string) error {
	if got == "" {
		return nil
	}
	for _, w := range words {
		if got == w {
			return nil
		}
	}
	return withSuggestion(fmt.Errorf("%q is none of %s", got, strings.Join(words, ", ")), got, words)
}

func between(n, low, high int) error {
	if n != 0 && (n < low || n > high) {
		return fmt.Errorf("%d is not from %d to %d", n, low, high)
	}
	return nil
}
