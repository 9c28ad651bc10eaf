package registry

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/receipt"
	"github.com/bayplan/bayplan/internal/registry/wire"
)

// Receipt lists the blobs that a registry holds, by its catalog, the tags and the manifests, with
// what refers to them. It reads no blob, and asks for each that media can leave out: a manifest may
// be there without it. The time is that of the receipt.
func (c *Client) Receipt(ctx context.Context, host string, now time.Time) (*receipt.Receipt, error) {
	names, err := c.Catalog(ctx, host)
	if err != nil {
		return nil, err
	}
	repos := make([]*countedRepo, len(names))
	for i, name := range names {
		r, err := c.parse(host + "/" + name)
		if err != nil {
			return nil, err
		}
		repos[i] = &countedRepo{repo: repoOf(r)}
	}
	lists := &tagLists{}
	if err := wire.Each(ctx, repos, func(ctx context.Context, r *countedRepo) { r.err = c.countRepo(ctx, r, lists) }); err != nil {
		return nil, err
	}
	found := map[string]*countedBlob{}
	var large []*countedBlob
	for _, r := range repos {
		if r.err != nil {
			return nil, r.err
		}
		for _, d := range r.blobs {
			if found[d.digest] == nil {
				found[d.digest] = &countedBlob{part: d}
				if d.size > receipt.SmallBlob {
					large = append(large, found[d.digest])
				}
			}
			found[d.digest].repos = append(found[d.digest].repos, r.repo)
		}
	}
	if err := wire.Each(ctx, large, c.findCounted); err != nil {
		return nil, err
	}
	all := &receipt.Receipt{Of: c.registries.Name(host), Made: now, Blobs: map[digest.Digest]receipt.Held{}}
	for _, b := range found {
		if b.err != nil {
			return nil, b.err
		}
		if len(b.repos) > 0 {
			all.Blobs[digest.Digest(b.digest)] = receipt.Held{Repository: b.repos[0].Repository, Size: b.size}
		}
	}
	return all, nil
}

// A countedBlob is a blob that manifests name.
type countedBlob struct {
	part
	repos []ref.Ref // where manifests name it
	err   error
}

// findCounted drops the repositories of a blob until one of them has it.
func (c *Client) findCounted(ctx context.Context, b *countedBlob) {
	for len(b.repos) > 0 {
		there, err := c.hasBlob(ctx, b.repos[0], b.part, confirm)
		if b.err = err; there || err != nil {
			return
		}
		b.repos = b.repos[1:]
	}
}

// A countedRepo is a repository whose blobs are listed.
type countedRepo struct {
	repo  ref.Ref
	blobs []part
	err   error
}

// countRepo lists the blobs of all tags of a repository. A tag that is gone meanwhile has none.
func (c *Client) countRepo(ctx context.Context, r *countedRepo, lists *tagLists) error {
	tags, err := c.allTags(ctx, r.repo)
	if KindOf(err) == NotFound {
		return nil // a repository without a tag
	}
	if err != nil {
		return fmt.Errorf("listing tags: %w", err)
	}
	t := newTree(r.repo, c.manifest)
	for _, tag := range tags {
		top, err := c.head(ctx, c.pull(r.repo), r.repo.SetTag(tag), confirm)
		if err == nil && !t.seen[top.Digest] {
			err = c.countImage(ctx, t, top.Digest, lists)
		}
		if err != nil && KindOf(err) != NotFound {
			return err
		}
	}
	r.blobs = t.blobs
	return nil
}

// countImage adds an image to a tree, and what refers to it or to its parts.
func (c *Client) countImage(ctx context.Context, t *tree, top string, lists *tagLists) error {
	before := len(t.manifests)
	if err := t.another(ctx, top); err != nil {
		return err
	}
	for i := before; i < len(t.manifests); i++ {
		subject := t.repo.SetDigest(t.manifests[i].Digest)
		if lists.hasNoReferrers(subject) {
			return nil
		}
		found, err := c.referrers(ctx, subject, lists)
		if err != nil {
			return err
		}
		for _, a := range found {
			if err := t.another(ctx, a.digest); err != nil && KindOf(err) != NotFound {
				return err
			}
		}
	}
	return nil
}

// findLeftOut looks at the destinations for blobs that their layouts leave out, where the receipt
// has seen them. It gives an error that tells which images need blobs that are in neither.
func (c *Client) findLeftOut(ctx context.Context, t *TransferPlan) error {
	var wanted []*leftOutBlob
	for _, b := range t.Blobs {
		if b.isPresent() {
			continue
		}
		l, err := c.leftOut(b)
		if err != nil {
			return on(source, err)
		}
		if l != nil {
			wanted = append(wanted, l)
		}
	}
	if err := wire.Each(ctx, wanted, c.findLeftOutBlob); err != nil {
		return err
	}
	wanted = slices.DeleteFunc(wanted, func(l *leftOutBlob) bool { return l.err == nil && l.isPresent() })
	for _, l := range wanted {
		if l.err != nil {
			return on(destination, l.err)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	return on(source, lacking(wanted))
}

// A leftOutBlob is a blob that all its sources, layouts, leave out.
type leftOutBlob struct {
	*Blob
	layout string
	of     *receipt.Receipt
	denied string // the repository in which it may not be asked for
	err    error
}

// leftOut gives a blob that its sources leave out, nil for any other.
func (c *Client) leftOut(b *Blob) (*leftOutBlob, error) {
	var found *leftOutBlob
	for _, from := range b.sources {
		if from.Path == "" || from.Registry != layoutHost {
			return nil, nil
		}
		l := c.Layout(from.Path)
		if _, ok := l.LeftOut(digest.Digest(b.Digest)); !ok {
			return nil, nil
		}
		if has, err := l.Has(digest.Digest(b.Digest)); has || err != nil {
			return nil, err
		}
		of, err := l.Leaves()
		if err != nil {
			return nil, err
		}
		found = &leftOutBlob{Blob: b, layout: from.Path, of: of}
	}
	return found, nil
}

// findLeftOutBlob asks the destination for a blob in the repository of the receipt.
func (c *Client) findLeftOutBlob(ctx context.Context, l *leftOutBlob) {
	at := *l.places[0].repo
	if at.Path != "" {
		return // a layout has been asked as a whole
	}
	at.Repository = l.of.Blobs[digest.Digest(l.Digest)].Repository
	if at.Repository == "" {
		return // the receipt is one of a layout
	}
	at = repoOf(at)
	there, err := c.hasBlob(ctx, at, part{l.Digest, l.Size}, confirm)
	if KindOf(err) == Denied { // so some registries answer where there is no such repository
		l.denied, err = show(at), nil
	}
	if l.err = err; there {
		l.places = append(l.places, &place{repo: &at, present: true})
	}
}

// lacking tells which images need blobs that are on no medium so far.
func lacking(blobs []*leftOutBlob) error {
	var names []string
	bytes := int64(0)
	for _, l := range blobs {
		bytes += l.Size
		for _, p := range l.places {
			for _, e := range p.entries {
				if name := show(e.target); !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	slices.Sort(names)
	first := blobs[0]
	err := fmt.Errorf("%s needs the medium before: %s (%s) of %s are neither on it nor at the destination: %s", first.layout,
		human.Count(len(blobs), "blob", "blobs"), human.Size(bytes), human.Count(len(names), "image", "images"), few(names))
	hint := fmt.Sprintf("it leaves out what %s had on %s, by its receipt: apply that medium first, or pack this one with a new receipt", first.of.Of, first.of.Made.Format(time.DateOnly))
	if i := slices.IndexFunc(blobs, func(l *leftOutBlob) bool { return l.denied != "" }); i >= 0 {
		hint += "; if it has been applied, let the account read " + blobs[i].denied
	}
	return fault.WithHint(err, hint)
}

// few lists the first of names.
func few(names []string) string {
	const most = 5
	if more := len(names) - most; more > 0 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}
