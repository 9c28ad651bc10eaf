package ocilayout

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/regclient/regclient/types/descriptor"

	"github.com/bayplan/bayplan/internal/fault"
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

// isDockerEntry says whether an entry is one of the archives that docker save wrote
// before version 25.
func isDockerEntry(name string) bool {
	base := path.Base(path.Clean(name))
	return base == "layer.tar" || path.Clean(name) == "manifest.json" || path.Clean(name) == "repositories"
}

// oldArchiveError tells an archive of docker save by its name.
func oldArchiveError(name string) error {
	return fault.WithHint(
		fmt.Errorf("%s: %w", name, errOldArchive),
		"docker save of version 25 or later, podman save --format oci-archive and skopeo copy docker-archive:FILE oci-archive:FILE write layouts")
}

var errOldArchive = errors.New("it is an archive in the old format of docker save, not an OCI layout")
