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
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
)

// validateImages checks the images that stand in the plan itself. An empty one
// is not known yet.
func (m *mirror) validateImages() []error {
	var errs []error
	for i, name := range m.Images.Other {
		field := fmt.Sprintf("images[%d]", i)
		dir, inside, isLayout := registry.CutLayout(name)
		switch {
		case name == "":
		case isLayout && !filepath.IsAbs(dir):
			errs = append(errs, plan.At(field, fmt.Errorf("%q: the path of a layout must be absolute", name)))
		case isLayout && inside == "":
			errs = append(errs, layoutNamed(field, dir))
		default:
			_, err := imagelist.PathOf(name)
			errs = append(errs, plan.At(field, err))
		}
	}
	return errs
}

// layoutNamed checks the path of a layout, "" being not known yet.
func layoutNamed(field, path string) error {
	if strings.ContainsAny(path, ":@") {
		return plan.At(field, fmt.Errorf("%q: the path of a layout cannot have a colon or an @ in it", path))
	}
	for _, ending := range []string{".tar.gz", ".tgz", ".tar.xz", ".tar.zst", ".tar.bz2"} {
		if strings.HasSuffix(path, ending) {
			err := fmt.Errorf("%q: a layout is a directory or a plain tar archive", path)
			return plan.At(field, fault.WithHint(err, "layers are compressed already: name it "+strings.TrimSuffix(path, ending)+".tar"))
		}
	}
	return nil
}

// Inputs implements runner.Step: the list and where its images are to be. What
// tags stand for at both sides is looked up by every Diff.
func (m *mirror) Inputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	to, err := m.destination()
	if err != nil {
		return nil, err
	}
	var in []runner.Input
	if m.Images.Text != "" {
		if in, err = imagelist.Inputs(ctx, w, string(m.Images.Text), to); err != nil {
			return nil, err
		}
	} else {
		in = []runner.Input{{Name: "registry", Digest: to}}
	}
	listed, err := m.listed(w)
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
		if err := known(w, dir); err != nil {
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

// written is the file that changes when images are added to a layout.
func written(layout string) string {
	if strings.HasSuffix(layout, ".tar") {
		return layout
	}
	return filepath.Join(layout, "index.json")
}

// known tells that an earlier step would still change a layout. That it is not
// there is for others to tell.
func known(w runner.World, layout string) error {
	if fi, err := w.Stat(written(layout)); err != nil || !fi.Mode().IsRegular() {
		return nil
	}
	f, err := w.Open(written(layout))
	if err != nil {
		return err
	}
	return f.Close()
}

// changes are the files that copying leaves behind: of a layout what others
// may read, with a content that is known only then.
func (m *mirror) changes() []runner.File {
	if m.To.Other.Layout == "" {
		return nil
	}
	return []runner.File{{Path: written(string(m.To.Other.Layout)), Mode: 0o644}}
}

// destination is what the names of images begin with where they are copied to:
// a registry's host, or oci:LAYOUT.
func (m *mirror) destination() (string, error) {
	if dir := m.To.Other.Layout; dir != "" {
		return registry.LayoutPrefix + string(dir), nil
	}
	return m.out.RegistryHost(m.To.Text)
}

// listed gives the images as they are listed, in the plan or in a file.
func (m *mirror) listed(w runner.World) ([]imagelist.Entry, error) {
	if m.Images.Text != "" {
		return imagelist.Read(w, string(m.Images.Text))
	}
	return imagelist.Inline(m.Images.Other), nil
}

// list gives the images to copy and where each is to be.
func (m *mirror) list(w runner.World) ([]registry.Image, error) {
	to, err := m.destination()
	if err != nil {
		return nil, err
	}
	listed, err := m.listed(w)
	if err != nil {
		return nil, err
	}
	if listed, err = m.expand(listed); err != nil {
		return nil, err
	}
	return imagelist.Targets(listed, func(l imagelist.Entry) (string, error) {
		if m.To.Other.Layout != "" {
			return inLayout(l.ListedImage, to, m.renamed)
		}
		return imagelist.Target(l.ListedImage, to, m.renamed)
	})
}

// expand puts all of its images in place of a layout.
func (m *mirror) expand(listed []imagelist.Entry) ([]imagelist.Entry, error) {
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

// layoutError says what to do where there is no layout.
func layoutError(dir string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fault.WithHint(fmt.Errorf("%s: there is no layout", dir), "a mirror step with to: {layout: PATH} makes one, where the registries can be reached")
}

// inLayout is what an image is called in a layout: as at a registry, but
// without the registry's host.
func inLayout(l tripleo.ListedImage, layout string, rename func(string) string) (string, error) {
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
