package imagelist

import (
	"errors"

	"github.com/bayplan/bayplan/internal/registry"
)

// CatalogClosed reports whether an error of registry.Client.Catalog means that the
// registry has no catalog, or does not show it to this user.
func CatalogClosed(err error) bool {
	switch registry.KindOf(err) {
	case registry.NotFound, registry.Denied, registry.NoLogin:
		return true
	}
	var e *registry.Error
	return errors.As(err, &e) && (e.Status == 400 || e.Status == 405 || e.Status == 501)
}
