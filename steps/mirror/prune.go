package mirror

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/destination"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
)

// A pruneRule says what is removed from the destination.
type pruneRule struct {
	// Further repositories, by their names at the destination without its host. In a pattern *
	// stands for any text without a slash, ? for one character of it, [a-z] for one of several;
	// patterns need a registry that shows its catalog.
	Repositories []string `json:"repositories,omitempty"`
	// How many other tags of each repository stay: the newest by version, as 1.10 is newer than
	// 1.9, and 1.0 than its pre-releases such as 1.0-rc1. Days such as 20240131 count as older than
	// versions, and tags that name no version as the oldest.
	Keep int `json:"keep,omitempty" jsonschema:"minimum=0,default=0"`
}

func (r *pruneRule) validate() []error {
	if r == nil {
		return nil
	}
	var errs []error
	if r.Keep < 0 {
		errs = append(errs, plan.At("prune.keep", fmt.Errorf("%d is less than 0", r.Keep)))
	}
	for i, s := range r.Repositories {
		errs = append(errs, plan.At(fmt.Sprintf("prune.repositories[%d]", i), checkRepository(s)))
	}
	return errs
}

// checkRepository checks the name of a repository without its host, or a pattern of such. One that is not
// known yet passes.
func checkRepository(name string) error {
	if _, err := path.Match(name, ""); err != nil {
		return fmt.Errorf("%q is not a valid pattern: a [ or \\ in it is not complete", name)
	}
	switch {
	case strings.Contains(name, "**"):
		err := fmt.Errorf("%q: * stands for text without a slash, and there is no **", name)
		return fault.WithHint(err, "write an item for each number of slashes, such as apps/* and apps/*/*")
	case strings.ContainsAny(name, ":@"):
		return fmt.Errorf("%q has a host, a tag or a digest, and repositories are named without them here", name)
	case name != "" && !strings.ContainsAny(name, `*?[\`):
		if _, _, _, err := registry.Split("localhost/" + name); err != nil {
			return fmt.Errorf("%q is not the name of a repository", name)
		}
	}
	return nil
}

// prunings are what has to be removed, destination by destination.
type prunings []pruning

// A pruning is what has to be removed from one destination, and what stays because another step of
// the plan makes it: names without the destination, with the ids of their steps.
type pruning struct {
	*registry.Pruning
	spared map[string]string
}

// empty reports whether there is nothing to remove.
func (ps prunings) empty() bool {
	return !slices.ContainsFunc(ps, func(p pruning) bool { return !p.Empty() })
}

// planPrune finds what has to be removed. It finds nothing when the plan does not have
// prune.
func (m *mirror) planPrune(ctx context.Context, t *registry.TransferPlan, prior *runner.Record) (prunings, error) {
	if m.Prune == nil {
		return nil, nil
	}
	if len(t.Images) == 0 {
		err := errors.New("the list names no image, and prune would remove all that is there")
		return nil, fault.WithHint(err, "check how the list is made; to remove everything, list one image")
	}
	bases, err := destination.Bases(m.To, m.out)
	if err != nil {
		return nil, err
	}
	all := make(prunings, len(bases))
	for i, base := range bases {
		rule := registry.PruneRule{Host: base, Repositories: m.Prune.Repositories, Keep: m.Prune.Keep}
		rule.Before = recordedImages(prior)
		all[i].spared = m.spared(m.To.Items[i], t, rule)
		named := m.withNames(m.withBackups(t), m.To.Items[i], base, all[i].spared)
		if all[i].Pruning, err = m.out.Registry().PlanPrune(ctx, named, rule); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// prune removes what the list does not name. It plans again before that: the images
// that were just copied may need what would have been removed.
func (m *mirror) prune(ctx context.Context, t *registry.TransferPlan, prior *runner.Record, p runner.Progress) error {
	all, err := m.planPrune(ctx, t, prior)
	if err != nil {
		return err
	}
	var errs []error
	for _, what := range all {
		if !what.Empty() {
			errs = append(errs, m.pruneOne(ctx, what, p))
		}
	}
	return errors.Join(errs...)
}

func (m *mirror) pruneOne(ctx context.Context, what pruning, p runner.Progress) error {
	items := map[*registry.Removal]runner.Item{}
	for _, r := range what.Removals {
		items[r] = removalItem(r)
	}
	if err := m.out.Registry().Prune(ctx, what.Pruning, func(r *registry.Removal) { p.Done(items[r]) }); err != nil {
		return err
	}
	if what.Blobs > 0 {
		p.Done(unusedItem(what))
	}
	return nil
}

// items gives an item for each tag to remove, and one for the blobs that a layout no
// longer needs.
func (ps prunings) items() []runner.Item {
	var items []runner.Item
	for _, p := range ps {
		for _, r := range p.Removals {
			items = append(items, removalItem(r))
		}
		if p.Blobs > 0 {
			items = append(items, unusedItem(p))
		}
	}
	return items
}

func removalItem(r *registry.Removal) runner.Item {
	return runner.Item{Op: runner.Remove, What: "tag", Name: r.Name, Note: r.Digest, From: r.Digest}
}

func unusedItem(p pruning) runner.Item {
	return runner.Item{Op: runner.Remove, What: "blobs", Name: p.Layout(), Note: unusedBlobs(p)}
}

func unusedBlobs(p pruning) string {
	return fmt.Sprintf("%s (%s) that nothing needs", human.Count(p.Blobs, "blob", "blobs"), human.Size(p.Bytes))
}

// changeSummary says in one line what has to be copied, kept and removed.
func changeSummary(s registry.Summary, ps prunings, kept int) string {
	text := human.Count(s.Unchanged, "image", "images") + " unchanged"
	if s.Copies > 0 {
		text = copySummary(s)
	}
	tags := 0
	for _, p := range ps {
		tags += len(p.Removals)
	}
	if kept > 0 {
		text += "; " + human.Count(kept, "tag", "tags") + " for what is replaced"
	}
	if tags > 0 {
		text += "; " + human.Count(tags, "tag", "tags") + " to remove"
	}
	for _, p := range ps {
		if p.Blobs > 0 {
			text += "; " + unusedBlobs(p)
		}
	}
	return text
}

// sealSummary says in words how many layouts get what belongs to them.
func sealSummary(seals []runner.Item) string {
	if len(seals) == 0 {
		return ""
	}
	return "; " + human.Count(len(seals), "layout", "layouts") + " to seal"
}

// pruneDrifts gives an error for each thing that is still there and has to be removed.
func (m *mirror) pruneDrifts(ctx context.Context, images []registry.Image) []error {
	all, err := m.planPrune(ctx, m.out.Registry().Names(images), nil)
	if err != nil {
		return []error{err}
	}
	var errs []error
	for _, p := range all {
		for _, r := range p.Removals {
			errs = append(errs, &imagelist.Drift{Kind: "extra", What: "image", Name: r.Name, Have: r.Digest})
		}
		if p.Blobs > 0 {
			errs = append(errs, fmt.Errorf("%s: %s", p.Layout(), unusedBlobs(p)))
		}
	}
	if len(errs) > 0 {
		errs[0] = fault.WithHint(errs[0], "apply again: prune removes what is not in the list")
	}
	return errs
}
