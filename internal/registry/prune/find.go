package prune

import (
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
	"github.com/bayplan/bayplan/internal/registry/manifests"
	"github.com/bayplan/bayplan/internal/registry/wire"
	"github.com/bayplan/bayplan/internal/version"
)

// A Rule says which tags of a destination are removed: those that the list
// of images does not name, in the repositories of the list and in some others.
type Rule struct {
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

	at     Destination
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
	Tag    string
	Digest string // digest of the tag, "" for none

	repo  ref.Ref
	held  bool            // a tag that stays needs the manifest
	known map[string]bool // all tags of the repository
}

// Find finds out what is to be removed, before or after the images of the list are there.
// It removes nothing. What cannot be read is an error, so that in doubt nothing is removed.
func Find(ctx context.Context, at Destination, list List, rule Rule) (*Pruning, error) {
	p := &pruner{at: at, rule: rule, repos: map[string]*repository{}}
	if err := p.find(ctx, list); err != nil {
		return nil, err
	}
	repos := make([]*repository, 0, len(p.repos))
	for _, name := range slices.Sorted(maps.Keys(p.repos)) {
		repos = append(repos, p.repos[name])
	}
	if err := wire.Each(ctx, repos, func(ctx context.Context, r *repository) { r.leave, r.err = p.look(ctx, r) }); err != nil {
		return nil, err
	}
	all := &Pruning{Unmatched: p.unmatched, at: at, layout: at.Layout()}
	var errs []error
	for _, r := range repos {
		all.Removals, errs = append(all.Removals, r.leave...), append(errs, r.err)
		if r.absent && r.rule != "" {
			all.Unmatched = append(all.Unmatched, r.rule)
		}
	}
	err := errors.Join(errs...)
	if err != nil {
		return nil, err
	}
	if all.layout != nil {
		err = all.countUnused(list.Coming)
	}
	return all, err
}

// countUnused counts the blobs of the layout that nothing needs after the
// pruning, and that no image of the plan will need.
func (p *Pruning) countUnused(coming map[string]bool) (err error) {
	leave := map[string]bool{}
	for _, r := range p.Removals {
		leave[p.at.RepositoryName(r.repo)+":"+r.Tag] = true
	}
	p.Blobs, p.Bytes, err = p.layout.Unreferenced(leave, coming)
	return err
}

// A pruner finds out what is to be removed.
type pruner struct {
	at    Destination
	rule  Rule
	repos map[string]*repository

	unmatched []string // patterns that match no repository
}

// A repository is one of the destination a repository, with what the list names of it.
type repository struct {
	repo    ref.Ref
	tags    map[string]bool
	digests []string
	rule    string // its name in the rule, if only that names it

	absent bool // the destination does not have it
	leave  []*Removal
	err    error
}

// find finds the repositories of the rule.
func (p *pruner) find(ctx context.Context, list List) error {
	home, err := p.at.Repository("x")
	if err != nil {
		return err
	}
	for _, named := range list.Images {
		if !isAt(named, home) {
			continue
		}
		r := p.of(named)
		switch {
		case named.Tag != "":
			r.tags[named.Tag] = true
		case named.Digest != "":
			r.digests = append(r.digests, named.Digest)
		}
	}
	for _, name := range p.rule.Before {
		name, _, _ = strings.Cut(name, "@")
		if !strings.Contains(path.Base(name), ":") {
			name += ":x" // it was there without a tag
		}
		if r, err := p.at.Image(name); err == nil && isAt(r, home) {
			p.of(r)
		}
	}
	return p.match(ctx)
}

// of gives the repository of a reference.
func (p *pruner) of(r ref.Ref) *repository {
	r = r.SetTag("")
	if p.repos[r.Repository] == nil {
		p.repos[r.Repository] = &repository{repo: r, tags: map[string]bool{}}
	}
	return p.repos[r.Repository]
}

// isAt says whether an image is at the destination that another one is at. One whose
// name is invalid is nowhere.
func isAt(r, home ref.Ref) bool {
	return r.Repository != "" && r.Registry == home.Registry && r.Path == home.Path
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
		r, err := p.at.Repository(name)
		if err != nil {
			return err
		}
		if p.repos[r.Repository] == nil {
			p.of(r).rule = name
		}
	}
	if len(patterns) == 0 {
		return nil
	}
	all, err := p.at.Repositories(ctx)
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
		listed = append(listed, p.at.RepositoryName(r.repo))
	}
	for _, pattern := range patterns {
		fits := func(name string) bool { ok, _ := path.Match(pattern, name); return ok }
		matched := slices.ContainsFunc(listed, fits)
		for _, name := range all {
			if !fits(name) {
				continue
			}
			matched = true
			r, err := p.at.Repository(name)
			if err != nil {
				return err
			}
			p.of(r)
		}
		if !matched {
			p.unmatched = append(p.unmatched, pattern)
		}
	}
	return nil
}

// look finds out which tags of a repository are removed. If none can be, it
// requests nothing but the list of tags.
func (p *pruner) look(ctx context.Context, r *repository) ([]*Removal, error) {
	tags, err := p.at.Tags(ctx, r.repo)
	if r.absent = wire.KindOf(err) == wire.NotFound || err == nil && len(tags) == 0; r.absent {
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
	k := &keptManifests{at: p.at, repo: r.repo, known: known, digests: map[string]bool{}}
	var refs []ref.Ref
	for _, tag := range stay {
		refs = append(refs, r.repo.SetTag(tag))
	}
	for _, d := range r.digests {
		refs = append(refs, r.repo.SetDigest(d))
	}
	if err := k.add(ctx, refs); err != nil {
		return nil, err
	}
	return k.removable(ctx, leave)
}

// divide divides the tags into those that stay and those that may be removed.
// cosign's tags are among the latter, because their subject decides.
func (p *pruner) divide(r *repository, tags []string) (stay, leave []string) {
	var others []string
	for _, tag := range tags {
		switch {
		case r.tags[tag]:
			stay = append(stay, tag)
		case manifests.IsCosignTag(tag):
			leave = append(leave, tag)
		default:
			others = append(others, tag)
		}
	}
	version.NewestFirst(others)
	n := min(p.rule.Keep, len(others))
	return append(stay, others[:n]...), append(leave, others[n:]...)
}
