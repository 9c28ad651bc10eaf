package mirror

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/steps/internal/destination"
)

// spared gives what other steps of the plan make in the repositories that are pruned at one
// destination: names without the destination, with the ids of their steps.
func (m *mirror) spared(to destination.One, t *registry.TransferPlan, rule registry.PruneRule) map[string]string {
	if m.others == nil {
		return nil
	}
	pruned := map[string]bool{}
	for _, e := range t.Images {
		if name, ok := destination.Below(to, rule.Host, e.Target, m.out); ok {
			pruned[repositoryOf(name)] = true
		}
	}
	for _, image := range rule.Before {
		if name, ok := destination.Below(to, rule.Host, image, m.out); ok {
			pruned[repositoryOf(name)] = true
		}
	}
	spared := map[string]string{}
	for image, id := range m.others() {
		name, ok := destination.Below(to, rule.Host, image, m.out)
		repository := repositoryOf(name)
		matches := slices.ContainsFunc(rule.Repositories, func(pattern string) bool { fits, _ := path.Match(pattern, repository); return fits })
		if ok && repository != name && (pruned[repository] || matches) {
			spared[name] = id
		}
	}
	return spared
}

// repositoryOf gives the repository of NAME:TAG@DIGEST.
func repositoryOf(name string) string {
	name, _, _ = strings.Cut(name, "@")
	repository, _, _ := strings.Cut(name, ":")
	return repository
}

// withNames gives a plan that names also what is called so at a destination.
func (m *mirror) withNames(t *registry.TransferPlan, to destination.One, base string, names map[string]string) *registry.TransferPlan {
	var kept []registry.Image
	for _, name := range slices.Sorted(maps.Keys(names)) {
		target := destination.Target(to, base, name)
		kept = append(kept, registry.Image{Source: target, Target: target})
	}
	return m.with(t, kept)
}

// sparedNotes says what prune leaves because other steps make it.
func (ps prunings) sparedNotes() []string {
	by := map[string][]string{}
	for _, p := range ps {
		for name, id := range p.spared {
			by[id] = append(by[id], name)
		}
	}
	var notes []string
	for _, id := range slices.Sorted(maps.Keys(by)) {
		slices.Sort(by[id])
		notes = append(notes, fmt.Sprintf("prune leaves what step %s makes: %s", id, human.Some(slices.Compact(by[id]), 3)))
	}
	return notes
}
