package imagelist

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/tripleo"
)

// A Destination is the registry that images are copied to.
type Destination struct {
	Host string                 // as its connection names it
	Same func(a, b string) bool // reports whether two hosts name one registry
}

// Target gives the target of an image at a destination: its push_destination
// or, without one, the host, followed by what follows the first slash of its source.
// rename changes that last part; nil leaves it as it is.
func Target(l tripleo.ListedImage, at Destination, rename func(string) string) (string, error) {
	path, err := PathOf(l.Name)
	if err != nil {
		return "", err
	}
	to := strings.TrimRight(l.PushDestination, "/")
	if to == "" {
		to = at.Host
	}
	if pushHost, _, _ := strings.Cut(to, "/"); !at.Same(pushHost, at.Host) {
		return "", fault.WithHint(
			fmt.Errorf("image %q is to be pushed to %q, but the step's registry is %q", l.Name, pushHost, at.Host),
			"the push_destination of prepare and the host of the connection must be the same")
	}
	if rename != nil {
		path = rename(path)
	}
	return to + "/" + path, nil
}

// PathOf gives what follows the first slash of an image's name: its repository
// with its tag, or with its digest where it has no tag.
func PathOf(name string) (string, error) {
	if _, inside, ok := registry.CutLayout(name); ok {
		return layoutPath(name, inside)
	}
	_, _, tag, err := registry.Split(name)
	if err != nil {
		return "", err
	}
	tagged, digest, _ := strings.Cut(name, "@")
	if tag == "" && digest == "" {
		return "", fmt.Errorf("image %q has no tag", name)
	}
	_, path, _ := strings.Cut(tagged, "/")
	if tag == "" {
		path += "@" + digest
	}
	return path, nil
}

// layoutPath does the same for an image in an OCI layout.
func layoutPath(name, inside string) (string, error) {
	path, _, _ := strings.Cut(inside, "@")
	if repository, tag, ok := strings.Cut(path, ":"); !ok || repository == "" || tag == "" {
		return "", fmt.Errorf("image %q is not of the form oci:LAYOUT:path:tag", name)
	}
	return path, nil
}

// RefWithDigest gives an image's name with this digest in place of its own.
func RefWithDigest(target, digest string) string {
	name, _, _ := strings.Cut(target, "@")
	return name + "@" + digest
}

// Repositories gives the repositories of images at their targets, sorted, each once.
func Repositories(images []registry.Image) []string {
	var names []string
	for _, im := range images {
		names = append(names, RepositoryOf(im))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// RepositoryOf gives the repository of an image at its target, without the host.
func RepositoryOf(im registry.Image) string {
	_, repository, _, err := registry.Split(im.Target)
	if err != nil {
		return "" // it cannot fail: a target is made of names that were split before
	}
	return repository
}
