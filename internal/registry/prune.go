package registry

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/regclient/regclient/types/manifest"
	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/ocilayout"
	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
	"github.com/bayplan/bayplan/internal/registry/prune"
)

// A PruneRule says which tags of a destination are removed.
type PruneRule = prune.Rule

// A Pruning is what is to be removed.
type Pruning = prune.Pruning

// A Removal is a tag to remove.
type Removal = prune.Removal

// PlanPrune finds out what is to be removed, before or after the plan is carried out. It
// removes nothing. What cannot be read is an error, so that in doubt nothing is removed.
func (c *Client) PlanPrune(ctx context.Context, t *TransferPlan, rule PruneRule) (*Pruning, error) {
	list := prune.List{Coming: map[string]bool{}}
	for _, e := range t.Images {
		named := e.target
		named.Digest = cmp.Or(e.Digest, named.Digest)
		list.Images = append(list.Images, named)
		for _, put := range e.puts {
			list.Coming[put.Digest] = true
		}
	}
	for _, b := range t.Blobs {
		list.Coming[b.Digest] = true
	}
	p, err := prune.Find(ctx, &pruned{c, rule.Host}, list, rule)
	return p, on(destination, err)
}

// Prune removes what PlanPrune found, and calls gone for each removed tag. It may be called
// again after an error.
func (c *Client) Prune(ctx context.Context, p *Pruning, gone func(*Removal)) error {
	return on(destination, p.Remove(ctx, gone))
}

// Names makes a plan that holds only the names of images.
func (c *Client) Names(images []Image) *TransferPlan {
	return &TransferPlan{Images: c.imagePlans(images, &Selection{})}
}

// A pruned destination is what package prune asks, and has delete.
type pruned struct {
	c    *Client
	host string // of a registry, or oci:LAYOUT
}

// Layout gives the layout, nil for a registry.
func (d *pruned) Layout() *ocilayout.Layout {
	dir, _, ok := CutLayout(d.host)
	if !ok {
		return nil
	}
	l, _ := d.c.layouts.At(dir)
	return l
}

// Repositories lists the repositories of the destination.
func (d *pruned) Repositories(ctx context.Context) ([]string, error) {
	l := d.Layout()
	if l == nil {
		return d.c.Catalog(ctx, d.host)
	}
	idx, err := l.Index()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, d := range idx.Manifests {
		if i := strings.LastIndexByte(d.Annotations[layoutindex.NameKey], ':'); i > 0 {
			names = append(names, d.Annotations[layoutindex.NameKey][:i])
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Repository gives a reference into a repository of the destination.
func (d *pruned) Repository(name string) (ref.Ref, error) {
	join := "/"
	if strings.HasPrefix(d.host, LayoutPrefix) {
		join = ":"
	}
	return d.c.imageRef(d.host + join + name + ":x")
}

// RepositoryName gives the name of a repository without the host.
func (d *pruned) RepositoryName(repo ref.Ref) string {
	if repo.Path == "" {
		return repo.Repository
	}
	_, name, _ := strings.Cut(repo.Repository, "/") // behind the number of the layout
	return name
}

// Image reads the name of an image.
func (d *pruned) Image(name string) (ref.Ref, error) { return d.c.imageRef(name) }

// Name writes a reference for people.
func (d *pruned) Name(r ref.Ref) string { return show(r) }

// Tags lists all tags of a repository.
func (d *pruned) Tags(ctx context.Context, repo ref.Ref) ([]string, error) {
	return d.c.allTags(ctx, repo)
}

// Digest gives the digest of a tag, "" for none.
func (d *pruned) Digest(ctx context.Context, tag ref.Ref) (string, error) {
	return d.c.tagged(ctx, tag, confirm)
}

// Manifest reads a manifest.
func (d *pruned) Manifest(ctx context.Context, r ref.Ref) (manifest.Manifest, error) {
	return d.c.manifestThere(ctx, r)
}

// Untag puts a tag on a manifest of its own, and deletes that.
func (d *pruned) Untag(ctx context.Context, tag ref.Ref) error {
	return d.c.call(ctx, tag, func(ctx context.Context) error { return d.c.push(tag).TagDelete(ctx, tag) })
}

// Delete deletes a tag or a manifest.
func (d *pruned) Delete(ctx context.Context, r ref.Ref) error {
	p, err := d.c.target(ctx, r)
	if err != nil {
		return err
	}
	what := r.Tag
	if what == "" {
		what = r.Digest
	}
	at := p.Origin + "/v2/" + p.Repository + "/manifests/" + what
	return d.c.wire.Retry(ctx, func() error {
		return d.c.call(ctx, r, func(ctx context.Context) error {
			req, err := http.NewRequestWithContext(ctx, http.MethodDelete, at, nil)
			if err != nil {
				return err
			}
			resp, err := d.c.do(req)
			if err == nil && resp.StatusCode/100 != 2 {
				err = errors.New("it was not deleted")
			}
			return err
		})
	})
}
