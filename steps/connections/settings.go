package connections

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/logins"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// A RegistryConnection is one entry of connections.registries: how to reach
// the container registry of one host. An image reference finds its connection
// by this host, in any spelling: letter case, a default port and the other names of
// Docker Hub do not matter. A host without a connection is asked anonymously over https.
type RegistryConnection struct {
	ServerConnection
	// Take credentials from where podman login and docker login keep them (config): the file
	// REGISTRY_AUTH_FILE, or else auth.json and config.json with their credential helpers. A user
	// or token given here comes first.
	Login string `json:"login,omitempty" jsonschema:"enum=config"`
	// Hosts (host or host:port) that tokens for this registry may come from although they are in a
	// private network. Those of public networks need not be listed.
	Realms []string `json:"realms,omitempty"`
	// Most requests of a kind to have open at once. bayplan begins with at most 16. It adds one for
	// each round of answers that come as fast as the first ones, and takes half as many when the
	// registry answers that it is busy.
	Concurrency *int `json:"concurrency,omitempty" jsonschema:"minimum=1,maximum=64,default=64"`
	// Manifests to leave of what the registry lets its user pull in a time, where it tells how many
	// are left, as Docker Hub does: those who pull by hand need some, too. When no more are left, the
	// step fails.
	KeepPulls *int `json:"keep_pulls,omitempty" jsonschema:"minimum=1,maximum=1000000"`
	// Most requests in a second. Without it there is no limit.
	Rate *int `json:"rate,omitempty" jsonschema:"minimum=1,maximum=100000"`
	// Answer for the host inside the process instead of over the network: for rehearsals, tests and
	// CI.
	Embedded *EmbeddedRegistry `json:"embedded,omitempty"`
}

// An EmbeddedRegistry is a registry that bayplan brings with it. Without
// settings it is empty, and gone when the command ends.
type EmbeddedRegistry struct {
	// Directory that keeps what is pushed. If the connection's host is a pattern, each host has a
	// directory below it.
	Dir plan.Path `json:"dir,omitempty"`
	// Serve small stand-ins for all images of a release, labelled and tagged as its registry does;
	// read-only.
	Images string `json:"images,omitempty" jsonschema:"enum=rhosp13,enum=rhosp16.2,enum=rhosp17.1"`
}

// Validate reports mistakes that the settings show by themselves.
func (c *RegistryConnection) Validate() error {
	return errors.Join(
		c.check(),
		plan.At("host", c.checkImages()),
		plan.At("login", setting.OneOf(c.Login, "config")),
		c.checkRealms(),
		plan.At("concurrency", setting.Between(c.Concurrency, 1, 64)),
		plan.At("keep_pulls", setting.Between(c.KeepPulls, 1, 1_000_000)),
		plan.At("rate", setting.Between(c.Rate, 1, 100_000)),
		c.Embedded.validate(),
	)
}

// checkImages reports a host that may be that of a server, but that no image reference
// can name.
func (c *RegistryConnection) checkImages() error {
	if c.Host == "" || hostname.CheckPattern(c.Host) != nil {
		return nil
	}
	one := c.identity()
	one.Host = strings.ReplaceAll(one.Host, "*", "x")
	if _, _, _, err := registry.Split(one.Name() + "/a/b:c"); err != nil {
		return fmt.Errorf("image references cannot name the host %q", c.Host)
	}
	return nil
}

func (c *RegistryConnection) checkRealms() error {
	var errs []error
	for i, host := range c.Realms {
		err := hostname.Check(host)
		if host == "" {
			err = errors.New("an empty host")
		}
		errs = append(errs, plan.At(fmt.Sprintf("realms[%d]", i), err))
	}
	return errors.Join(errs...)
}

func (e *EmbeddedRegistry) validate() error {
	switch {
	case e == nil:
		return nil
	case e.Dir != "" && e.Images != "":
		return plan.At("embedded.images", errors.New("a registry that serves generated images keeps nothing: leave out dir"))
	}
	return plan.At("embedded.images", setting.OneOf(e.Images, tripleo.SampleReleases()...))
}

// onDemand gives a function that reveals a secret when it is needed, nil for none.
func onDemand(s plan.Secret) func(context.Context) (string, error) {
	if s.IsZero() {
		return nil
	}
	return s.Reveal
}

// lookup gives a function that finds logins of docker and podman, nil when the
// connection does not use them.
func (c *RegistryConnection) lookup(k *logins.Finder) func(context.Context, string) (registry.Credential, error) {
	if c.Login != "config" {
		return nil
	}
	return func(ctx context.Context, repository string) (registry.Credential, error) {
		found, err := k.Find(ctx, c.identity(), repository)
		return registry.Credential(found), err
	}
}

// bytesPerSecond reads a bandwidth. 0 means no limit.
func bytesPerSecond(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := human.ParseSize(s)
	if err == nil && n == 0 {
		err = fmt.Errorf("%q is not a number of bytes such as 10MiB", s)
	}
	return n, err
}

func onlyError(_ int64, err error) error { return err }

// A File is a file that a connection reads.
type File struct {
	Setting string // the setting that names it, such as connections.registries.NAME.ca, or the connection
	Path    string // absolute
}

// Files returns the files that the connections read, but for secrets and what docker and podman
// keep.
func (s *Set) Files() []File {
	var files []File
	add := func(kind, name, setting string, path plan.Path) {
		if path != "" {
			files = append(files, File{"connections." + kind + "." + name + "." + setting, string(path)})
		}
	}
	server := func(kind, name string, c ServerConnection) {
		add(kind, name, "ca", c.CA)
		add(kind, name, "cert", c.Cert)
		add(kind, name, "key", c.Key)
	}
	for _, r := range s.registries {
		server("registries", r.name, r.ServerConnection)
	}
	for _, h := range s.hosts {
		server("hosts", h.name, h.ServerConnection)
	}
	for _, c := range s.clouds {
		add("clouds", c.name, "clouds_file", c.CloudsFile)
		add("clouds", c.name, "ca", c.CA)
	}
	return files
}
