package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/ocilayout"
	"github.com/bayplan/bayplan/internal/version"
)

// A PruneRule says which tags of a destination are removed: those that the list
// of images does not name, in the repositories of the list and in some others.
type PruneRule struct {
	Host         string   // of the destination, or oci:LAYOUT
	Repositories []string // further ones: names, or patterns as path.Match knows them
	Before       []string // images that the list named before; their repositories count, too
	Keep         int      // the number of other tags of a repository that stay, the newest by version
}

// A Pruning is what is to be removed.
type Pruning struct {
	Removals []*Removal
	// The blobs of a layout that nothing needs then. Registries remove theirs
	// themselves.
	Blobs int
	Bytes int64
	// The repositories and patterns of the rule for which there is no repository, neither at
	// the destination nor in the list.
	Unmatched []string

	layout *ocilayout.Layout // nil: a registry
	noTags bool              // the registry does not delete tags, but manifests
}

// Empty says that there is nothing to remove.
func (p *Pruning) Empty() bool { return len(p.Removals) == 0 && p.Blobs == 0 }

// Layout is the path of the layout, "" for a registry.
func (p *Pruning) Layout() string {
	if p.layout == nil {
		return ""
	}
	return p.layout.Path()
}

// A Removal is a tag to remove.
type Removal struct {
	Name   string // host/repository:tag
	Digest string // digest of the tag, "" for none

	repo  ref.Ref
	tag   string
	held  bool            // a tag that stays needs the manifest
	known map[string]bool // all tags of the repository
}

// PlanPrune finds out what is to be removed, before or after the plan is
// carried out. It removes nothing. What cannot be read is an error, so that in
// doubt nothing is removed.
func (c *Client) PlanPrune(ctx context.Context, t *TransferPlan, rule PruneRule) (*Pruning, error) {
	p := &pruner{c: c, rule: rule, repos: map[string]*prunedRepo{}}
	if err := p.find(ctx, t); err != nil {
		return nil, on(destination, err)
	}
	repos := make([]*prunedRepo, 0, len(p.repos))
	for _, name := range slices.Sorted(maps.Keys(p.repos)) {
		repos = append(repos, p.repos[name])
	}
	if err := each(ctx, repos, func(ctx context.Context, r *prunedRepo) { r.leave, r.err = p.look(ctx, r) }); err != nil {
		return nil, err
	}
	all := &Pruning{Unmatched: p.unmatched}
	var errs []error
	for _, r := range repos {
		all.Removals, errs = append(all.Removals, r.leave...), append(errs, r.err)
		if r.absent && r.rule != "" {
			all.Unmatched = append(all.Unmatched, r.rule)
		}
	}
	err := errors.Join(errs...)
	if err != nil {
		return nil, on(destination, err)
	}
	if dir, _, ok := CutLayout(rule.Host); ok {
		all.layout, _ = c.layouts.At(dir)
		err = all.countUnused(t)
	}
	return all, on(destination, err)
}

// countUnused counts the blobs of the layout that nothing needs after the
// pruning, and that no image of the plan will need.
func (p *Pruning) countUnused(t *TransferPlan) (err error) {
	leave := map[string]bool{}
	for _, r := range p.Removals {
		_, name, _ := CutLayout(r.Name)
		leave[name] = true
	}
	coming := map[string]bool{}
	for _, b := range t.Blobs {
		coming[b.Digest] = true
	}
	for _, e := range t.Images {
		for _, put := range e.puts {
			coming[put.Digest] = true
		}
	}
	p.Blobs, p.Bytes, err = p.layout.Unreferenced(leave, coming)
	return err
}

// Names makes a plan that holds only the names of images.
func (c *Client) Names(images []Image) *TransferPlan {
	return &TransferPlan{Images: c.imagePlans(images, &Selection{})}
}

// A pruner finds out what is to be removed.
type pruner struct {
	c     *Client
	rule  PruneRule
	repos map[string]*prunedRepo

	unmatched []string // patterns that match no repository
}

// A prunedRepo is a repository, with what the list names of it.
type prunedRepo struct {
	repo    ref.Ref
	tags    map[string]bool
	digests []string
	rule    string // its name in the rule, if only that names it

	absent bool // the destination does not have it
	leave  []*Removal
	err    error
}

// find finds the repositories of the rule.
func (p *pruner) find(ctx context.Context, t *TransferPlan) error {
	home, err := p.named("x")
	if err != nil {
		return err
	}
	for _, e := range t.Images {
		if e.target.Repository == "" || destinationOf(e.target) != destinationOf(home) {
			continue // it is of another destination, or its name is invalid, which Plan reports
		}
		r := p.at(e.target)
		switch d := cmp.Or(e.Digest, e.target.Digest); {
		case e.target.Tag != "":
			r.tags[e.target.Tag] = true
		case d != "":
			r.digests = append(r.digests, d)
		}
	}
	for _, name := range p.rule.Before {
		name, _, _ = strings.Cut(name, "@")
		if !strings.Contains(path.Base(name), ":") {
			name += ":x" // it was there without a tag
		}
		if r, err := p.c.imageRef(name); err == nil && destinationOf(r) == destinationOf(home) {
			p.at(r)
		}
	}
	return p.match(ctx)
}

// at gives the prunedRepo of a reference.
func (p *pruner) at(r ref.Ref) *prunedRepo {
	r = repoOf(r)
	if p.repos[r.Repository] == nil {
		p.repos[r.Repository] = &prunedRepo{repo: r, tags: map[string]bool{}}
	}
	return p.repos[r.Repository]
}

// named makes a reference from the name of a repository at the destination.
func (p *pruner) named(name string) (ref.Ref, error) {
	join := "/"
	if strings.HasPrefix(p.rule.Host, LayoutPrefix) {
		join = ":"
	}
	return p.c.imageRef(p.rule.Host + join + name + ":x")
}

// match adds the repositories that the rule names or that match a pattern.
func (p *pruner) match(ctx context.Context) error {
	var names, patterns []string
	for _, s := range p.rule.Repositories {
		if strings.ContainsAny(s, `*?[\`) {
			patterns = append(patterns, s)
		} else {
			names = append(names, s)
		}
	}
	for _, name := range names {
		r, err := p.named(name)
		if err != nil {
			return err
		}
		if p.repos[r.Repository] == nil {
			p.at(r).rule = name
		}
	}
	if len(patterns) == 0 {
		return nil
	}
	all, err := p.catalog(ctx)
	if err != nil {
		return fault.WithHint(err, "name the repositories in full, without patterns, where a registry does not list them")
	}
	return p.matchPatterns(patterns, all)
}

// matchPatterns adds the repositories of a catalog that match a pattern. A pattern may
// also stand for repositories that the list is about to make.
func (p *pruner) matchPatterns(patterns, all []string) error {
	listed := make([]string, 0, len(p.repos))
	for _, r := range p.repos {
		name := r.repo.Repository
		if r.repo.Path != "" {
			_, name, _ = strings.Cut(name, "/") // the number of the layout
		}
		listed = append(listed, name)
	}
	for _, pattern := range patterns {
		fits := func(name string) bool { ok, _ := path.Match(pattern, name); return ok }
		matched := slices.ContainsFunc(listed, fits)
		for _, name := range all {
			if !fits(name) {
				continue
			}
			matched = true
			r, err := p.named(name)
			if err != nil {
				return err
			}
			p.at(r)
		}
		if !matched {
			p.unmatched = append(p.unmatched, pattern)
		}
	}
	return nil
}

// catalog lists the repositories of the destination.
func (p *pruner) catalog(ctx context.Context) ([]string, error) {
	dir, _, ok := CutLayout(p.rule.Host)
	if !ok {
		return p.c.Catalog(ctx, p.rule.Host)
	}
	l, _ := p.c.layouts.At(dir)
	idx, err := l.Index()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, d := range idx.Manifests {
		if i := strings.LastIndexByte(d.Annotations[ocilayout.NameKey], ':'); i > 0 {
			names = append(names, d.Annotations[ocilayout.NameKey][:i])
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// look finds out which tags of a repository are removed. If none can be, it
// requests nothing but the list of tags.
func (p *pruner) look(ctx context.Context, r *prunedRepo) ([]*Removal, error) {
	tags, err := p.c.allTags(ctx, r.repo)
	if r.absent = KindOf(err) == NotFound || err == nil && len(tags) == 0; r.absent {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing tags: %w", err)
	}
	known := map[string]bool{}
	for _, tag := range tags {
		known[tag] = true
	}
	stay, leave := p.divide(r, tags)
	if len(leave) == 0 {
		return nil, nil
	}
	k := &keptManifests{c: p.c, repo: r.repo, known: known, digests: map[string]bool{}}
	for _, tag := range stay {
		if err := k.add(ctx, r.repo.SetTag(tag)); err != nil {
			return nil, err
		}
	}
	for _, d := range r.digests {
		if err := k.add(ctx, r.repo.SetDigest(d)); err != nil {
			return nil, err
		}
	}
	return k.removable(ctx, leave)
}

// divide divides the tags into those that stay and those that may be removed.
// cosign's tags are among the latter, because their subject decides.
func (p *pruner) divide(r *prunedRepo, tags []string) (stay, leave []string) {
	var others []string
	for _, tag := range tags {
		switch {
		case r.tags[tag]:
			stay = append(stay, tag)
		case cosignTag.MatchString(tag):
			leave = append(leave, tag)
		default:
			others = append(others, tag)
		}
	}
	version.NewestFirst(others)
	n := min(p.rule.Keep, len(others))
	return append(stay, others[:n]...), append(leave, others[n:]...)
}
