package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/registry"
	"github.com/bayplan/bayplan/steps/internal/tripleo"
)

// readImagesList gives the images of an images file with where they are to be
// on the registry of host, each once.
func readImagesList(w runner.World, path, host string) ([]registry.Image, error) {
	listed, err := tripleo.ReadImages(w.Open, path)
	if err != nil {
		err = fmt.Errorf("list of images %w", err)
		if errors.Is(err, fs.ErrNotExist) {
			err = fault.WithHint(err, "a prepare step writes it; needs: or a reference to its images_file puts that before this step")
		}
		return nil, err
	}
	var images []registry.Image
	var errs []error
	seen := map[registry.Image]bool{}
	for _, l := range listed {
		target, err := targetOf(l, host)
		if err != nil {
			errs = append(errs, fmt.Errorf("list of images %s: %w", l.Place, err))
			continue
		}
		if im := (registry.Image{Source: l.Name, Target: target}); !seen[im] {
			seen[im] = true
			images = append(images, im)
		}
	}
	return images, errors.Join(errs...)
}

// targetOf is where an image is to be: below its push_destination, with all
// that follows the first slash of its source.
func targetOf(l tripleo.ListedImage, host string) (string, error) {
	_, _, tag, err := registry.Split(l.Name)
	if err != nil {
		return "", err
	}
	if tag == "" {
		return "", fmt.Errorf("image %q has no tag", l.Name)
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
	_, path, _ := strings.Cut(l.Name, "/")
	return to + "/" + path, nil
}

// imagesListInputs are the inputs of a step that brings the images of a list
// to a registry, or looks whether they are there.
func imagesListInputs(ctx context.Context, w runner.World, path, host string) ([]runner.Input, error) {
	sums, err := w.Sum(ctx, path, runner.SHA256)
	if err != nil {
		return nil, unreadable("images", path, err)
	}
	return []runner.Input{
		{Name: "images " + path, Digest: "sha256:" + sums[runner.SHA256]},
		{Name: "registry", Digest: host},
	}, nil
}

// registryKnown checks the name of a registry connection; "" is not known yet.
func registryKnown(out *Outside, field, name string) error {
	if out == nil || name == "" {
		return nil
	}
	_, err := out.RegistryHost(name)
	return plan.At(field, err)
}
