// Package prune decides which tags of a destination are removed, and removes them: those
// that a list does not name, unless something that stays needs them. It knows the tags and
// the manifests of repositories. It sends no request itself: the destination does.
package prune

import (
	"context"

	"github.com/regclient/regclient/types/manifest"
	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/ocilayout"
)

// A Destination is a registry or a layout that is pruned. The errors of a registry are
// those of package wire.
type Destination interface {
	// Layout gives the layout, nil for a registry.
	Layout() *ocilayout.Layout
	// Repositories lists the names of the repositories, without the host.
	Repositories(ctx context.Context) ([]string, error)
	// Repository gives a reference into a repository, by its name without the host.
	Repository(name string) (ref.Ref, error)
	// RepositoryName gives the name of a repository without the host.
	RepositoryName(repo ref.Ref) string
	// Image reads the name of an image at this or another destination.
	Image(name string) (ref.Ref, error)
	// Name writes a reference for people.
	Name(r ref.Ref) string

	// Tags lists all tags of a repository.
	Tags(ctx context.Context, repo ref.Ref) ([]string, error)
	// Digest gives the digest of a tag, "" for none.
	Digest(ctx context.Context, tag ref.Ref) (string, error)
	// Manifest reads a manifest by its tag or digest.
	Manifest(ctx context.Context, r ref.Ref) (manifest.Manifest, error)
	// Delete deletes a tag, or a manifest by its digest.
	Delete(ctx context.Context, r ref.Ref) error
	// Untag puts a tag on a manifest of its own, and deletes that.
	Untag(ctx context.Context, tag ref.Ref) error
}

// A List is what the destination is to have.
type List struct {
	Images []ref.Ref       // by tag, or by digest where they have no tag; also of other destinations
	Coming map[string]bool // digests of the manifests and blobs that are yet to come
}
