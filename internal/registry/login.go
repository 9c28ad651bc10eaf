package registry

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"sync"

	"github.com/regclient/regclient/config"
	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/registry/wire"
)

// A login gives the credentials of a host. They are asked for once, at the
// first use.
type login struct {
	host    Host
	configs []*config.Host // one of each view
	mu      sync.Mutex     // two first uses at once both wait for the password
	creds   map[string]Credential
}

// target gives the registry of r, and the credential for it.
func (c *Client) target(ctx context.Context, r ref.Ref) (*wire.Target, error) {
	p := &wire.Target{Host: r.Registry, Repository: r.Repository, Ref: show(r), Origin: c.origin(r.Registry)}
	l := c.hosts[r.Registry]
	if l == nil {
		return p, nil
	}
	p.Host, p.Realms = l.host.Name, l.host.Realms
	var err error
	p.Cred, err = l.credential(ctx, r)
	return p, err
}

// origin gives the scheme, host and port of a registry's URLs.
func (c *Client) origin(registry string) string {
	at := hostname.Registry{Host: registry}
	if l := c.hosts[registry]; l != nil {
		at = l.host.identity()
	}
	u := url.URL{Scheme: "https", Host: at.Address()}
	if at.Plain {
		u.Scheme = "http"
	}
	return hostname.Origin(&u)
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
