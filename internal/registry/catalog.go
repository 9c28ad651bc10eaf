package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/regclient/regclient/scheme"
	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/paging"
	"github.com/bayplan/bayplan/internal/registry/wire"
)

const (
	catalogPage = 1000 // the largest page that docker-registry gives; it refuses more
	nameCost    = 40   // what a name takes besides its letters
)

// Catalog lists the repositories of a registry, in its order.
func (c *Client) Catalog(ctx context.Context, host string) ([]string, error) {
	if host == "" {
		return nil, errEmptyHost
	}
	host = c.registries.Name(host)
	var all []string
	seen := map[string]bool{}
	list := paging.List{Most: wire.MaxList, Worth: wire.PageWorth}
	for query := ""; ; {
		if err := list.Ask(fmt.Sprintf("%q", query)); err != nil {
			return nil, fmt.Errorf("reading the catalog of %s: %w", host, err)
		}
		names, next, err := c.catalogPage(ctx, host, query)
		if KindOf(err) == NotFound {
			err = c.isRegistry(ctx, host, err)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the catalog: %w", err)
		}
		for _, n := range names {
			if !seen[n] {
				seen[n] = true
				all = append(all, n)
				list.Add(int64(len(n)) + nameCost)
			}
		}
		if next == "" {
			return all, nil
		}
		query = next
	}
}

// ErrNoRegistry says that a host answers, but not as a registry.
var ErrNoRegistry = errors.New("it answers, but not as a container registry")

// isRegistry finds out why a host has no catalog. A registry without one gives
// the error noCatalog. A web server answers in the same way.
func (c *Client) isRegistry(ctx context.Context, host string, noCatalog error) error {
	r := ref.Ref{Scheme: "reg", Registry: host}
	err := c.call(ctx, r, func(ctx context.Context) error {
		_, err := c.pull(r).Ping(ctx, r)
		return err
	})
	if KindOf(err) != NotFound {
		return noCatalog
	}
	return c.noRegistry(host)
}

// noRegistry is the error of a host that is not a registry.
func (c *Client) noRegistry(host string) error {
	l := c.login(c.registries.Name(host))
	switch {
	case l == nil:
		return fault.WithHint(fmt.Errorf("%s: %w", host, ErrNoRegistry), "check the host in the names of images")
	case l.host.Address == "":
		return fault.WithHint(fmt.Errorf("%s: %w", l.host.Name, ErrNoRegistry), "check host of the connection; if the registry is elsewhere, give its address")
	}
	return fault.WithHint(fmt.Errorf("%s: %w", l.host.Name, ErrNoRegistry), "check host and address of the connection")
}

// catalogPage reads the page with a query, "" for the first, and the query of the next page,
// "" for none.
func (c *Client) catalogPage(ctx context.Context, host, query string) (names []string, next string, err error) {
	r := ref.Ref{Scheme: "reg", Registry: host}
	err = c.call(wire.WithPage(ctx, query), r, func(ctx context.Context) error {
		list, err := c.pull(r).RepoList(ctx, host, scheme.WithRepoLimit(catalogPage))
		if err != nil {
			return err
		}
		if names, err = list.GetRepos(); err != nil {
			return err
		}
		header, err := list.RawHeaders()
		if err != nil {
			return err
		}
		next, err = wire.NextPage(header, c.origin(host), names, catalogPage)
		return err
	})
	return names, next, err
}

// CatalogClosed reports whether an error of Catalog means that the registry has no
// catalog, or does not show it to this user.
func CatalogClosed(err error) bool {
	switch KindOf(err) {
	case NotFound, Denied, NoLogin:
		return true
	}
	var e *Error
	return errors.As(err, &e) && (e.Status == 400 || e.Status == 405 || e.Status == 501)
}
