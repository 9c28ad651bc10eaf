package imagelist

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/pieces"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/runner"
)

// ExpandLayouts replaces each whole layout in a list by all its images. It checks the pieces of
// layouts before.
func ExpandLayouts(ctx context.Context, w runner.World, listed []Entry, c *registry.Client) ([]Entry, error) {
	if err := checkMedia(ctx, w, c, listed); err != nil {
		return nil, err
	}
	var all []Entry
	var errs []error
	for _, l := range listed {
		dir, name, ok := registry.CutLayout(l.Name)
		if !ok || name != "" {
			all = append(all, l)
			continue
		}
		names, err := c.LayoutImages(dir)
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

// WithoutLayouts leaves out whole layouts and images in layouts.
func WithoutLayouts(listed []Entry) []Entry {
	return slices.DeleteFunc(listed, func(l Entry) bool {
		_, _, layout := registry.CutLayout(l.Name)
		return layout
	})
}

// LayoutInputs gives the layouts of a list as inputs of a step. It is an error if a step
// before is still going to change one.
func LayoutInputs(ctx context.Context, w runner.World, listed []Entry, c *registry.Client) ([]runner.Input, error) {
	var in []runner.Input
	seen := map[string]bool{}
	for _, l := range listed {
		dir, _, ok := registry.CutLayout(l.Name)
		if !ok || seen[dir+"\x00"+l.Key] {
			continue
		}
		seen[dir+"\x00"+l.Key] = true
		if err := checkNotPending(w, dir); err != nil {
			return nil, fmt.Errorf("%s: %w", l.Place, err)
		}
		if err := checkMedium(ctx, w, c, l); err != nil {
			return nil, fmt.Errorf("%s: %w", l.Place, err)
		}
		key, err := keyInput(ctx, w, l)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.Place, err)
		}
		if in = append(in, key...); seen[dir] {
			continue // with another key
		}
		seen[dir] = true
		sum, err := c.LayoutIndex(dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.Place, layoutError(dir, err))
		}
		in = append(in, runner.Input{Name: "layout " + dir, Digest: sum})
	}
	return in, nil
}

// IndexPath gives the file that changes when images are added to a layout.
func IndexPath(layout string) string {
	if strings.HasSuffix(layout, ".tar") {
		return layout
	}
	return filepath.Join(layout, "index.json")
}

// checkNotPending gives an error when an earlier step is still going to change a
// layout. A layout that does not exist passes: reading it gives the error.
func checkNotPending(w runner.World, layout string) error {
	for _, path := range []string{IndexPath(layout), pieces.TablePath(layout)} {
		if fi, err := w.Stat(path); err != nil || !fi.Mode().IsRegular() {
			continue
		}
		f, err := w.Open(path)
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// layoutError adds a hint to the error about a layout that does not exist.
func layoutError(dir string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fault.WithHint(fmt.Errorf("%s: there is no layout", dir), "a mirror or artifact step with to: {layout: PATH} makes one, where the registries can be reached")
}
