package rehearse

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/rehearse/artifacts"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/standin/upstream"
)

// titleOf gives the name that a file has in the artifact that stands in for one.
func titleOf(t *thing) string {
	if _, title, _ := strings.Cut(t.url, "#"); title != "" {
		return title
	}
	return path.Base(t.To)
}

// artifactsIn gives the files of artifacts whose addresses begin so, by the names of the
// artifacts behind that.
func (b *builder) artifactsIn(prefix string) map[string][]*thing {
	all := map[string][]*thing{}
	for _, t := range b.things.ordered {
		name, _, _ := strings.Cut(t.url, "#")
		if name, ok := strings.CutPrefix(name, prefix); ok && artifacts.Is(t.url) {
			all[name] = append(all[name], t)
		}
	}
	return all
}

// artifact puts an artifact into the registry that a plan reads it from, unless a plan pushes it
// there. One of a layout is made with the layout.
func (b *builder) artifact(t *thing) error {
	name, ok := strings.CutPrefix(t.url, artifacts.Scheme)
	if _, there := b.world.standIns[t.url]; !ok || there {
		return nil
	}
	name, _, _ = strings.Cut(name, "#")
	host, repository, _, err := registry.Split(name)
	if err != nil {
		return err
	}
	at := b.world.registryOf(host)
	if at == nil || !at.Made(repository) {
		return nil
	}
	return b.addArtifact(at.Upstream, strings.TrimPrefix(name, host+"/"), b.artifactsIn(artifacts.Scheme + name)[""])
}

// addArtifact adds an artifact, NAME:TAG, of files to a registry.
func (b *builder) addArtifact(to *upstream.Upstream, name string, of []*thing) error {
	var files []artifacts.File
	for _, t := range of {
		b.tell(t)
		content, err := b.contentOf(t)
		if err != nil {
			return err
		}
		b.world.standIns[t.url] = content
		files = append(files, artifacts.File{Title: titleOf(t), Content: content})
	}
	return artifacts.Add(to, name, files)
}

// addArtifacts adds the artifacts that the plan reads from a layout to the registry from which
// the layout is made, and gives their names.
func (b *builder) addArtifacts(to *upstream.Upstream, layout string) ([]string, error) {
	all := b.artifactsIn(registry.LayoutPrefix + layout + ":")
	names := slices.Sorted(maps.Keys(all))
	for _, name := range names {
		if err := b.addArtifact(to, name, all[name]); err != nil {
			return nil, err
		}
	}
	return names, nil
}
