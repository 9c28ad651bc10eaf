package layoutindex

import (
	"fmt"
	"maps"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
)

// containerdNameKey is the annotation with which docker save, buildkit and nerdctl name
// an image in full. Beside it, NameKey holds the tag alone.
const containerdNameKey = "io.containerd.image.name"

// hostlessNameKey is the annotation with which bayplan repeats a name that begins as if with a
// registry's host, such as openstack.kolla/keystone:1. Other tools do write the host.
const hostlessNameKey = "io.github.bayplan.name.without-host"

// Named gives the entry of an index with another name, repository:tag without a registry's
// host, or a tag alone.
func Named(d descriptor.Descriptor, name string) descriptor.Descriptor {
	d.Annotations = maps.Clone(d.Annotations)
	if d.Annotations == nil {
		d.Annotations = map[string]string{}
	}
	d.Annotations[NameKey] = name
	delete(d.Annotations, hostlessNameKey)
	if repository, tag := splitName(name); repository != "" && repository+":"+tag != name {
		d.Annotations[hostlessNameKey] = name
	}
	return d
}

// ImageName gives the repository and the tag that an index names a manifest by, without
// a registry's host. Where another tool has written only one of them, the other is "".
func ImageName(d descriptor.Descriptor) (repository, tag string) {
	own, full := d.Annotations[NameKey], d.Annotations[containerdNameKey]
	if own != "" && d.Annotations[hostlessNameKey] == own {
		repository, tag, _ = strings.Cut(own, ":")
		return repository, tag
	}
	repository, tag = splitName(own)
	if repository == "" && full != "" {
		if repository, tag = splitName(full); tag == "" && !strings.ContainsAny(own, "/:@") {
			tag = own
		}
	}
	return repository, tag
}

// splitName splits [host/]repository[:tag][@digest]. A name of one part is a tag.
func splitName(name string) (repository, tag string) {
	name, _, _ = strings.Cut(name, "@")
	if host, rest, ok := strings.Cut(name, "/"); ok && (strings.ContainsAny(host, ".:") || host == "localhost") {
		name = rest
	} else if !strings.ContainsAny(name, "/:") {
		return "", name
	}
	repository, tag, _ = strings.Cut(name, ":")
	return repository, tag
}

// Find gives the digest of the image that is meant by repository:tag, where another tool has
// named it in another way: by the tag alone, or not at all if it is the only one. It gives ""
// where the index has that very name, no such image, or several.
func (idx *Index) Find(name string) digest.Digest {
	if len(idx.Named(name)) > 0 {
		return ""
	}
	repository, tag, _ := strings.Cut(name, ":")
	var found, bare, unnamed []digest.Digest
	for _, d := range idx.Manifests {
		hasRepository, hasTag := ImageName(d)
		switch {
		case hasTag == tag && hasRepository == repository:
			found = append(found, d.Digest)
		case hasTag == tag && hasRepository == "":
			bare = append(bare, d.Digest)
		case hasTag == "" && hasRepository == "" && len(idx.Manifests) == 1:
			unnamed = append(unnamed, d.Digest)
		}
	}
	for _, some := range [][]digest.Digest{found, bare, unnamed} {
		if len(some) == 1 {
			return some[0]
		} else if len(some) > 1 {
			return ""
		}
	}
	return ""
}

// mostNames is how many names Missing lists.
const mostNames = 5

// Missing returns an error that says which images there are if the index of the layout at a
// path has none that repository:tag can mean.
func (idx *Index) Missing(path, name string) error {
	if len(idx.Named(name)) > 0 || idx.Find(name) != "" {
		return nil
	}
	var names []string
	for _, d := range idx.Manifests {
		if repository, tag := ImageName(d); repository != "" && tag != "" {
			names = append(names, repository+":"+tag)
		}
	}
	has := "which names no image"
	if len(names) > 0 {
		has = "which has " + strings.Join(names[:min(len(names), mostNames)], ", ")
	}
	if more := len(names) - mostNames; more > 0 {
		has += fmt.Sprintf(" and %d more", more)
	}
	err := fmt.Errorf("there is no image %s in the layout %s, %s", name, path, has)
	return fault.WithHint(err, human.DidYouMean(name, names))
}
