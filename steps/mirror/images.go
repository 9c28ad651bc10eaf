package mirror

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/destination"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
)

// CheckFiles implements runner.FileChecker: it reads the lists and the files of keys.
func (m *mirror) CheckFiles(_ context.Context, w runner.World, _ bool) error {
	var errs []error
	for _, host := range destination.Hosts(m.To, m.out) {
		errs = append(errs, m.Images.CheckFiles(w, "images", imagelist.Destination{Host: host, Same: m.out.SameRegistry}))
	}
	return errors.Join(once(append(errs, m.checkKeyFiles(w), destination.CheckFiles(m.To, w, m.out)))...)
}

// Inputs implements runner.Step: the files of keys, the lists, the layouts that they name and
// the destination. Every Diff looks up what tags stand for at both sides.
func (m *mirror) Inputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	bases, err := destination.Bases(m.To, m.out)
	if err != nil {
		return nil, err
	}
	in, err := m.keyInputs(ctx, w)
	if err != nil {
		return nil, err
	}
	lists, err := m.Images.Inputs(ctx, w, "images", m.out.Selected)
	if err != nil {
		return nil, err
	}
	in = append(in, lists...)
	in = append(in, destination.Inputs(bases)...)
	signing, err := destination.FileInputs(ctx, m.To, w)
	if err != nil {
		return nil, err
	}
	in = append(in, signing...)
	listed, err := m.entries(ctx, w)
	if err != nil {
		return nil, err
	}
	layouts, err := imagelist.LayoutInputs(ctx, w, listed, m.out.Registry())
	return append(in, layouts...), err
}

// entries gives the entries of the list.
func (m *mirror) entries(ctx context.Context, w runner.World) ([]imagelist.Entry, error) {
	return m.Images.Entries(ctx, w, "images", m.out.Selected)
}

// images gives the images to copy, each with its target.
func (m *mirror) images(ctx context.Context, w runner.World) ([]registry.Image, error) {
	if err := destination.SetForms(m.To, w, m.out, m.out.Registry()); err != nil {
		return nil, err
	}
	listed, err := m.entries(ctx, w)
	if err != nil {
		return nil, err
	}
	if listed, err = imagelist.ExpandLayouts(ctx, w, listed, m.out.Registry()); err != nil {
		return nil, err
	}
	return m.targets(listed)
}

// targets gives the images of a list, each with its target, for one destination after
// the other.
func (m *mirror) targets(listed []imagelist.Entry) ([]registry.Image, error) {
	bases, err := destination.Bases(m.To, m.out)
	if err != nil {
		return nil, err
	}
	var all []registry.Image
	var errs []error
	for i, base := range bases {
		images, err := imagelist.Targets(listed, func(l imagelist.Entry) (string, error) {
			if m.To.Items[i].Other.Layout != "" {
				return targetInLayout(l.ListedImage, base, m.nameThere)
			}
			return imagelist.Target(l.ListedImage, imagelist.Destination{Host: base, Same: m.out.SameRegistry}, m.nameThere)
		})
		all, errs = append(all, images...), append(errs, err)
	}
	return all, errors.Join(once(errs)...)
}

// targetInLayout gives the target of an image in a layout. It is named as at a
// registry, but without the registry's host.
func targetInLayout(l tripleo.ListedImage, layout string, rename func(string) string) (string, error) {
	path, err := imagelist.PathOf(l.Name)
	if err != nil {
		return "", err
	}
	path = rename(path)
	if strings.Contains(path, "@") {
		err := fmt.Errorf("image %q has no tag, which it needs in a layout", l.Name)
		return "", fault.WithHint(err, "write tag_for_digests: \"{digest:12}\" in the step, or the tag before the digest: "+strings.Replace(l.Name, "@", ":TAG@", 1))
	}
	if _, below, ok := strings.Cut(strings.TrimRight(l.PushDestination, "/"), "/"); ok {
		path = below + "/" + path
	}
	return layout + ":" + path, nil
}

// once gives errors, each text once: what is wrong with a list is so for all
// destinations.
func once(errs []error) []error {
	var all []error
	seen := map[string]bool{}
	for _, err := range errs {
		if err != nil && !seen[err.Error()] {
			seen[err.Error()] = true
			all = append(all, err)
		}
	}
	return all
}
