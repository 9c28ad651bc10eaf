package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
)

// CheckFiles implements runner.FileChecker: it reads the lists and the files of keys.
func (m *mirror) CheckFiles(_ context.Context, w runner.World, _ bool) error {
	host := ""
	if m.To.Text != "" {
		host, _ = m.out.RegistryHost(m.To.Text) // Validate has reported the error
	}
	lists := m.Images.CheckFiles(w, "images", imagelist.Destination{Host: host, Same: m.out.SameRegistry})
	return errors.Join(lists, m.checkKeyFiles(w))
}

// Inputs implements runner.Step: the files of keys, the lists, the layouts that they name and
// the destination. Every Diff looks up what tags stand for at both sides.
func (m *mirror) Inputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	to, err := m.destination()
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
	in = append(append(in, lists...), runner.Input{Name: "registry", Digest: to})
	listed, err := m.entries(ctx, w)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, l := range listed {
		dir, _, ok := registry.CutLayout(l.Name)
		if !ok || seen[dir] {
			continue
		}
		seen[dir] = true
		if err := checkNotPending(w, dir); err != nil {
			return nil, fmt.Errorf("%s: %w", l.Place, err)
		}
		sum, err := m.out.Registry().LayoutIndex(dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.Place, layoutError(dir, err))
		}
		in = append(in, runner.Input{Name: "layout " + dir, Digest: sum})
	}
	return in, nil
}

// indexPath gives the file that changes when images are added to a layout.
func indexPath(layout string) string {
	if strings.HasSuffix(layout, ".tar") {
		return layout
	}
	return filepath.Join(layout, "index.json")
}

// checkNotPending gives an error when an earlier step is still going to change a
// layout. A layout that does not exist passes: reading it gives the error.
func checkNotPending(w runner.World, layout string) error {
	if fi, err := w.Stat(indexPath(layout)); err != nil || !fi.Mode().IsRegular() {
		return nil
	}
	f, err := w.Open(indexPath(layout))
	if err != nil {
		return err
	}
	return f.Close()
}

// pendingFiles gives the files that copying to a layout changes and later steps may
// read. Their content is known only after the copy.
func (m *mirror) pendingFiles() []runner.File {
	if m.To.Other.Layout == "" {
		return nil
	}
	return []runner.File{{Path: indexPath(string(m.To.Other.Layout)), Mode: 0o644}}
}

// destination gives the beginning of the targets' names: a registry's host, or
// oci:LAYOUT.
func (m *mirror) destination() (string, error) {
	if dir := m.To.Other.Layout; dir != "" {
		return registry.LayoutPrefix + string(dir), nil
	}
	return m.out.RegistryHost(m.To.Text)
}

// entries gives the entries of the list.
func (m *mirror) entries(ctx context.Context, w runner.World) ([]imagelist.Entry, error) {
	return m.Images.Entries(ctx, w, "images", m.out.Selected)
}

// images gives the images to copy, each with its target.
func (m *mirror) images(ctx context.Context, w runner.World) ([]registry.Image, error) {
	to, err := m.destination()
	if err != nil {
		return nil, err
	}
	listed, err := m.entries(ctx, w)
	if err != nil {
		return nil, err
	}
	if listed, err = m.expandLayouts(listed); err != nil {
		return nil, err
	}
	return m.targets(listed, to)
}

// targets gives the images of a list, each with its target at the destination.
func (m *mirror) targets(listed []imagelist.Entry, to string) ([]registry.Image, error) {
	return imagelist.Targets(listed, func(l imagelist.Entry) (string, error) {
		if m.To.Other.Layout != "" {
			return targetInLayout(l.ListedImage, to, m.renamed)
		}
		return imagelist.Target(l.ListedImage, imagelist.Destination{Host: to, Same: m.out.SameRegistry}, m.renamed)
	})
}

// expandLayouts replaces each layout in a list by all its images.
func (m *mirror) expandLayouts(listed []imagelist.Entry) ([]imagelist.Entry, error) {
	var all []imagelist.Entry
	var errs []error
	for _, l := range listed {
		dir, name, ok := registry.CutLayout(l.Name)
		if !ok || name != "" {
			all = append(all, l)
			continue
		}
		names, err := m.out.Registry().LayoutImages(dir)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", l.Place, layoutError(dir, err)))
		}
		for _, n := range names {
			entry := l
			entry.Name = n
			all = append(all, entry)
		}
	}
	return all, errors.Join(errs...)
}

// layoutError adds a hint to the error about a layout that does not exist.
func layoutError(dir string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fault.WithHint(fmt.Errorf("%s: there is no layout", dir), "a mirror step with to: {layout: PATH} makes one, where the registries can be reached")
}

// targetInLayout gives the target of an image in a layout. It is named as at a
// registry, but without the registry's host.
func targetInLayout(l tripleo.ListedImage, layout string, rename func(string) string) (string, error) {
	path, err := imagelist.PathOf(l.Name)
	if err != nil {
		return "", err
	}
	if strings.Contains(path, "@") {
		return "", fmt.Errorf("image %q has no tag, which it needs in a layout", l.Name)
	}
	path = rename(path)
	if _, below, ok := strings.Cut(strings.TrimRight(l.PushDestination, "/"), "/"); ok {
		path = below + "/" + path
	}
	return layout + ":" + path, nil
}
