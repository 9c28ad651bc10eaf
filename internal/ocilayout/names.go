package ocilayout

import (
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"
)

// containerdNameKey is the annotation with which docker save, buildkit and nerdctl name
// an image in full. Beside it, NameKey holds the tag alone.
const containerdNameKey = "io.containerd.image.name"

// ImageName gives the repository and the tag that an index names a manifest by, without
// a registry's host. Where another tool has written only one of them, the other is "".
func ImageName(d descriptor.Descriptor) (repository, tag string) {
	own, full := d.Annotations[NameKey], d.Annotations[containerdNameKey]
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
	repository, tag, _ := strings.Cut(name, ":")
	var found, bare, unnamed []digest.Digest
	for _, d := range idx.Manifests {
		hasRepository, hasTag := ImageName(d)
		switch {
		case d.Annotations[NameKey] == name:
			return ""
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
