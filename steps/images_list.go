package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
)

// readImagesList gives the images of an images file with where they are to be
// on the registry of host, each once.
func readImagesList(w runner.World, path, host string) ([]registry.Image, error) {
	listed, err := readListed(w, path)
	if err != nil {
		return nil, err
	}
	return placeImages(listed, func(l listedImage) (string, error) { return targetOf(l.ListedImage, host, nil) })
}

// A listedImage is an image of a list, and where in the list it stands.
type listedImage struct {
	tripleo.ListedImage
	place string
}

func readListed(w runner.World, path string) ([]listedImage, error) {
	listed, err := tripleo.ReadImages(w.Open, path)
	if err != nil {
		err = fmt.Errorf("list of images %w", err)
		if errors.Is(err, fs.ErrNotExist) {
			err = fault.WithHint(err, "a prepare step writes it; needs: or a reference to its images_file puts that before this step")
		}
		return nil, err
	}
	all := make([]listedImage, len(listed))
	for i, l := range listed {
		all[i] = listedImage{l, fmt.Sprintf("list of images %s", l.Place)}
	}
	return all, nil
}

// inlineImages are images that stand in the plan itself.
func inlineImages(names []string) []listedImage {
	all := make([]listedImage, len(names))
	for i, n := range names {
		all[i] = listedImage{tripleo.ListedImage{Name: n}, fmt.Sprintf("images[%d]", i)}
	}
	return all
}

// placeImages says where each image of a list is to be; each counts once.
func placeImages(listed []listedImage, target func(listedImage) (string, error)) ([]registry.Image, error) {
	var images []registry.Image
	var errs []error
	seen := map[registry.Image]bool{}
	for _, l := range listed {
		to, err := target(l)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", l.place, err))
			continue
		}
		_, digest, _ := strings.Cut(l.Name, "@")
		if im := (registry.Image{Source: l.Name, Target: to, Digest: digest}); !seen[im] {
			seen[im] = true
			images = append(images, im)
		}
	}
	return images, errors.Join(errs...)
}

// targetOf is where an image is to be on a registry: below its
// push_destination, with all that follows the first slash of its source. rename
// gives that part another name; nil leaves it as it is.
func targetOf(l tripleo.ListedImage, host string, rename func(string) string) (string, error) {
	path, err := pathOf(l.Name)
	if err != nil {
		return "", err
	}
	to := strings.TrimRight(l.PushDestination, "/")
	if to == "" {
		to = host
	}
	if pushHost, _, _ := strings.Cut(to, "/"); !strings.EqualFold(pushHost, host) {
		return "", fault.WithHint(
			fmt.Errorf("image %q is to be pushed to %q, but the step's registry is %q", l.Name, pushHost, host),
			"the push_destination of prepare and the host of the connection must be the same")
	}
	if rename != nil {
		path = rename(path)
	}
	return to + "/" + path, nil
}

// pathOf is what follows the first slash of an image's name: its repository
// with its tag, or with its digest where it has no tag.
func pathOf(name string) (string, error) {
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

// layoutPath is the same of an image in a layout: its name there.
func layoutPath(name, inside string) (string, error) {
	path, _, _ := strings.Cut(inside, "@")
	if repository, tag, ok := strings.Cut(path, ":"); !ok || repository == "" || tag == "" {
		return "", fmt.Errorf("image %q is not of the form oci:LAYOUT:path:tag", name)
	}
	return path, nil
}

// imagesListInputs are the inputs of a step that brings the images of a list
// to a registry, or looks whether they are there.
func imagesListInputs(ctx context.Context, w runner.World, path, host string) ([]runner.Input, error) {
	sums, err := w.Sum(ctx, path, runner.SHA256)
	if err != nil {
		return nil, hostfiles.Unreadable("images", path, err)
	}
	return []runner.Input{
		{Name: "images " + path, Digest: "sha256:" + sums[runner.SHA256]},
		{Name: "registry", Digest: host},
	}, nil
}
