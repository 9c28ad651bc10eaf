package registry

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"sync"

	"github.com/regclient/regclient/config"
	"github.com/regclient/regclient/scheme/reg"
	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/registry/wire"
)

// A login gives the credentials of a host. They are asked for once, at the
// first use.
type login struct {
	host    Host
	configs []*config.Host // one of each view
	views   []*reg.Reg     // for this registry alone, if a pattern stands for it
	mu      sync.Mutex     // two first uses at once both wait for the password
	creds   map[string]Credential
}

// login gives what is known of a registry by its name: nil if it has no settings. A
// registry that a pattern stands for gets them when it is first met.
func (c *Client) login(name string) *login {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, known := c.hosts[name]
	if known {
		return l
	}
	if i := c.registries.Find(name); i >= 0 && hostname.IsPattern(c.settings[i].Name) {
		h := c.settings[i]
		if h.Name, h.pattern = name, h.Name; h.LookupFor != nil {
			h.Lookup, h.DescribeLookup = h.LookupFor(name)
		}
		l = newLogin(h, name)
		l.views = []*reg.Reg{c.view(l.configs[:1]), c.view(l.configs[1:])}
		c.hosts[name] = l
	}
	return l
}

// pull gives the view of the registry of r for reading, push the one for all else.
func (c *Client) pull(r ref.Ref) *reg.Reg { return c.viewOf(r, 0) }
func (c *Client) push(r ref.Ref) *reg.Reg { return c.viewOf(r, 1) }

func (c *Client) viewOf(r ref.Ref, which int) *reg.Reg {
	if l := c.login(r.Registry); l != nil && l.views != nil {
		return l.views[which]
	}
	return c.views[which]
}

// target gives the registry of r, and the credential for it.
func (c *Client) target(ctx context.Context, r ref.Ref) (*wire.Target, error) {
	p := &wire.Target{Host: r.Registry, Repository: r.Repository, Ref: show(r), Origin: c.origin(r.Registry)}
	l := c.login(r.Registry)
	if l == nil {
		p.LoginHint = func(kind wire.Kind) string { return hintWithoutConnection(kind, p.Host) }
		return p, nil
	}
	p.Host, p.Realms = l.host.Name, l.host.Realms
	p.LoginHint = func(kind wire.Kind) string { return l.host.hint(ctx, kind, p) }
	var err error
	p.Cred, err = l.credential(ctx, r)
	return p, err
}

func hintWithoutConnection(kind wire.Kind, host string) string {
	if kind == BadLogin {
		return "" // it has no login
	}
	return fmt.Sprintf("add a registry connection with host: %s, and with a user and a password or login: config", host)
}

// hint says what to do about a missing or wrong login of a host with a connection.
func (h Host) hint(ctx context.Context, kind wire.Kind, p *wire.Target) string {
	connection := "the connection with host: " + cmp.Or(h.pattern, h.Name)
	lookup := h.User == "" && h.Token == nil && h.Lookup != nil && h.DescribeLookup != nil
	switch {
	case lookup:
		where, found := h.DescribeLookup(ctx, p.Repository)
		if found {
			return "its login is " + where
		}
		return fmt.Sprintf("login: config of %s found no login: %s", connection, where)
	case kind == BadLogin && h.Token != nil:
		return "check the token of " + connection
	case kind == BadLogin:
		return "check user and password of " + connection
	case h.User != "" || h.Token != nil:
		return ""
	}
	return fmt.Sprintf("give %s a user and a password, or login: config", connection)
}

// origin gives the scheme, host and port of a registry's URLs.
func (c *Client) origin(registry string) string {
	at := c.identity(registry)
	u := url.URL{Scheme: "https", Host: at.Address()}
	if at.Plain {
		u.Scheme = "http"
	}
	return hostname.Origin(&u)
}

// identity says which registry a reference names.
func (c *Client) identity(registry string) hostname.Registry {
	if l := c.login(registry); l != nil {
		return l.host.identity()
	}
	return hostname.Registry{Host: registry}
}

// credential asks for a credential at its first use.
func (l *login) credential(ctx context.Context, r ref.Ref) (Credential, error) {
	h, key := l.host, ""
	if h.User == "" && h.Token == nil {
		if h.Lookup == nil {
			return Credential{}, nil
		}
		key = r.Repository
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if cred, known := l.creds[key]; known {
		return cred, nil
	}
	if key == "" && h.Lookup != nil {
		// A request about the whole registry shows a login that is known to be
		// needed, before any other one.
		for _, repository := range slices.Sorted(maps.Keys(l.creds)) {
			if cred := l.creds[repository]; !cred.IsZero() {
				return cred, nil
			}
		}
	}
	cred, err := h.reveal(ctx, r)
	if err == nil {
		l.creds[key] = cred
	}
	return cred, err
}

func (h Host) reveal(ctx context.Context, r ref.Ref) (Credential, error) {
	switch {
	case h.User != "":
		password, err := secret(ctx, h.Password, fmt.Sprintf("the password of %q for %s", h.User, h.Name))
		return Credential{User: h.User, Password: password}, err
	case h.Token != nil:
		token, err := secret(ctx, h.Token, "the token for "+h.Name)
		return Credential{Bearer: token}, err
	}
	cred, err := h.Lookup(ctx, r.Repository)
	if err != nil {
		err = fmt.Errorf("credentials for %s: %w", h.Name, err)
	}
	return cred, err
}

// secret asks for a secret, which must not be empty.
func secret(ctx context.Context, ask func(context.Context) (string, error), what string) (string, error) {
	if ask == nil {
		return "", fmt.Errorf("%s is not given", what)
	}
	s, err := ask(ctx)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	if s == "" {
		return "", fmt.Errorf("%s is empty", what)
	}
	return s, nil
}
