// Package verifycatalog is the step type verify-catalog, which checks that a
// registry holds the images of a list.
package verifycatalog

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/tagselect"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// verifyCatalog checks that a registry holds the images of a list: each
// repository is in its catalog, and each tag stands for the very image that
// the source's tag stands for.
type verifyCatalog struct {
	// Registry to look at, a name under connections.registries or a host.
	Registry string `json:"registry"`
	// Images that are to be there: the path of a list of images, as prepare writes it or as plain
	// text; or a list of references, such as the output images of a mirror step, in which {file:
	// PATH}, {layout: PATH} and {from: HOST/NAME, tags: RULES} stand for images as they do for mirror. One with a
	// digest has to be that very image, and its source is not asked; for others the source is asked
	// what the tag stands for. Where a mirror step renames repositories or takes only some
	// platforms, its output images says what is to be there, and the list that it is given does
	// not.
	Expect imagelist.List `json:"expect"`
	// Tag of images that the list names by a digest alone, as the mirror step that copies them has
	// it. Without it they need no tag.
	TagForDigests string `json:"tag_for_digests,omitempty"`
	// Refuse repositories that the list does not name, unless they have no tag: some registries go
	// on listing what was deleted. Tags beyond the list are let be.
	Exact bool `json:"exact,omitempty"`
	// Ask for every blob of every image, too, as bayplan verify does in any case.
	Deep bool `json:"deep,omitempty"`

	out registries
}

// registries are what the step needs of the plan's connections.
type registries interface {
	// CheckRegistry gives an error when there is no connection of that name.
	CheckRegistry(name string) error
	// RegistryHost gives the host of a connection.
	RegistryHost(name string) (string, error)
	// Registry gives the client for all registries.
	Registry() *registry.Client
	// SameRegistry reports whether two hosts name one registry.
	SameRegistry(a, b string) bool
	// Pin fills in the digests of images whose tags are locked, and refuses images that may
	// not be looked up.
	Pin(images []registry.Image) []registry.Image
	// Resolve gives the digest that a tag stands for, by the lock or its registry.
	Resolve(ctx context.Context, image string) (string, error)
	// Selected gives the images of a selection, as they are locked or else chosen now.
	Selected(ctx context.Context, s tagselect.Selection) ([]string, error)
	// MovedSelections reports the selections that would choose others than are locked.
	MovedSelections(ctx context.Context, s []tagselect.Selection) ([]string, []runner.Moved)
	// Record locks what a look-up has given.
	Record(image, digest string)
}

// Selections gives what the list selects. `bayplan explain-images` calls it.
func (v *verifyCatalog) Selections() []tagselect.Selection { return v.Expect.Selections() }

// Type gives the step type verify-catalog.
func Type(out registries) runner.Type {
	return runner.Type{
		Name:  "verify-catalog",
		Check: true,
		Outputs: []runner.Output{
			{Name: "repositories", Doc: "The repositories that the registry's catalog lists, sorted.", List: true},
			{Name: "count", Doc: "How many repositories there are."},
			{Name: "images", Doc: "The images that are there as expected, HOST/NAME:TAG@DIGEST, in the order of the list.", List: true},
		},
		New: func() runner.Step { return &verifyCatalog{out: out} },
	}
}

// Validate implements runner.Validator.
func (v *verifyCatalog) Validate() error {
	return errors.Join(plan.At("registry", v.out.CheckRegistry(v.Registry)), plan.At("tag_for_digests", imagelist.CheckDigestTag(v.TagForDigests)), v.Expect.Validate("expect", true))
}

// Paths implements runner.Pather.
func (v *verifyCatalog) Paths() runner.Paths {
	paths := runner.Paths{Reads: setting.Paths(v.Expect.Reads())}
	paths.Asks = append(v.Expect.Servers("expect", imagelist.HasDigest), imagelist.Connection("registry", v.Registry))
	if host, err := v.out.RegistryHost(v.Registry); err == nil {
		looks := v.Expect.Place(host, "expect", v.tagged)
		looks.All = v.Exact
		paths.Looks = []runner.Place{looks}
	}
	return paths
}

// CheckFiles implements runner.FileChecker: it reads the lists.
func (v *verifyCatalog) CheckFiles(_ context.Context, w runner.World, _ bool) error {
	host, _ := v.out.RegistryHost(v.Registry) // it is not known yet, or Validate has reported the error
	return v.Expect.CheckFiles(w, "expect", imagelist.Destination{Host: host, Same: v.out.SameRegistry})
}

// Inputs implements runner.Step: the lists and the registry's host.
func (v *verifyCatalog) Inputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	host, err := v.out.RegistryHost(v.Registry)
	if err != nil {
		return nil, err
	}
	in, err := v.Expect.Inputs(ctx, w, "expect", v.out.Selected)
	if err != nil {
		return nil, err
	}
	listed, err := v.Expect.Entries(ctx, w, "expect", v.out.Selected)
	if err != nil {
		return nil, err
	}
	layouts, err := imagelist.LayoutInputs(ctx, w, listed, v.out.Registry())
	return append(append(in, layouts...), runner.Input{Name: "registry", Digest: host}), err
}

// Diff implements runner.Step. It gives an error when something is not as expected.
func (v *verifyCatalog) Diff(ctx context.Context, w runner.World, _ *runner.Record) (*runner.Finding, error) {
	outputs, err := v.check(ctx, w, v.Deep)
	if err != nil {
		return nil, err
	}
	finding := &runner.Finding{Outputs: outputs}
	finding.Notes, finding.Moved = v.out.MovedSelections(ctx, v.Expect.Selections())
	return finding, nil
}

// Verify implements runner.Step. It also asks for every blob.
func (v *verifyCatalog) Verify(ctx context.Context, w runner.World) (runner.Outputs, error) {
	return v.check(ctx, w, true)
}

func (v *verifyCatalog) check(ctx context.Context, w runner.World, deep bool) (runner.Outputs, error) {
	host, err := v.out.RegistryHost(v.Registry)
	if err != nil {
		return nil, err
	}
	images, err := v.images(ctx, w, host)
	if err != nil {
		return nil, err
	}
	images = v.out.Pin(images)
	names, err := v.catalog(ctx, host, images)
	if err != nil {
		return nil, err
	}
	errs, present := v.repositories(ctx, host, names, images)
	checked, err := v.out.Registry().Check(ctx, present, registry.Selection{}, deep)
	if err != nil {
		return nil, err
	}
	found := make([]string, len(checked))
	for i, k := range checked {
		if !v.out.Registry().SameImage(k.Source, k.Target) {
			v.out.Record(k.Source, k.Want)
		}
		found[i] = imagelist.RefWithDigest(k.Target, k.Want)
	}
	errs = append(errs, imagelist.Drifts(ctx, v.out.Registry(), checked)...)
	errs = append(errs, imagelist.Unchecked(checked)...)
	if err := fault.Join(errs...); err != nil {
		if hint := v.hint(ctx, names, images, checked); hint != "" {
			err = fault.WithHint(err, hint)
		}
		return nil, err
	}
	return runner.Outputs{
		"repositories": plan.List(names...), "count": plan.Text(fmt.Sprint(len(names))), "images": plan.List(found...),
	}, nil
}

// Resolve implements runner.Resolver. It looks up what the tags of the sources stand for.
func (v *verifyCatalog) Resolve(ctx context.Context, w runner.World) (*runner.Finding, error) {
	host, err := v.out.RegistryHost(v.Registry)
	if err != nil {
		return nil, err
	}
	listed, err := v.Expect.Entries(ctx, w, "expect", v.out.Selected)
	if err != nil {
		return nil, err
	}
	images, err := v.targets(imagelist.WithoutLayouts(listed), host)
	if err != nil {
		return nil, err
	}
	_, err = imagelist.ResolveSources(ctx, v.out.Registry(), images, v.out.Resolve)
	return &runner.Finding{}, err
}

// images gives the expected images with their targets.
func (v *verifyCatalog) images(ctx context.Context, w runner.World, host string) ([]registry.Image, error) {
	listed, err := v.Expect.Entries(ctx, w, "expect", v.out.Selected)
	if err != nil {
		return nil, err
	}
	if listed, err = imagelist.ExpandLayouts(ctx, w, listed, v.out.Registry()); err != nil {
		return nil, err
	}
	return v.targets(listed, host)
}

func (v *verifyCatalog) targets(listed []imagelist.Entry, host string) ([]registry.Image, error) {
	return imagelist.TargetsAt(listed, imagelist.Destination{Host: host, Same: v.out.SameRegistry}, v.tagged)
}

// tagged gives the tag of tag_for_digests to the path of an image without one.
func (v *verifyCatalog) tagged(path string) string {
	return imagelist.TagDigest(path, v.TagForDigests)
}

// catalog lists the repositories. A registry that does not show a catalog is assumed
// to have the expected ones; the check of the tags proves it.
func (v *verifyCatalog) catalog(ctx context.Context, host string, images []registry.Image) ([]string, error) {
	names, err := v.out.Registry().Catalog(ctx, host)
	closed := registry.CatalogClosed(err)
	switch {
	case closed && v.Exact:
		err = fault.WithHint(err, "exact: true needs a registry whose catalog can be read")
	case closed:
		names, err = imagelist.Repositories(images), nil
	}
	slices.Sort(names)
	return names, err
}

// repositories compares the catalog with the expected repositories. It also gives the
// images in existing repositories, whose tags have to be checked.
func (v *verifyCatalog) repositories(ctx context.Context, host string, names []string, images []registry.Image) ([]error, []registry.Image) {
	var errs []error
	want := imagelist.Repositories(images)
	for _, name := range want {
		if _, found := slices.BinarySearch(names, name); !found {
			errs = append(errs, &imagelist.Drift{Kind: "missing", What: "repository", Name: host + "/" + name})
		}
	}
	if v.Exact {
		errs = append(errs, imagelist.Unexpected(ctx, v.out.Registry(), host, imagelist.Difference(names, want))...)
	}
	present := slices.DeleteFunc(slices.Clone(images), func(im registry.Image) bool {
		_, found := slices.BinarySearch(names, imagelist.RepositoryOf(im))
		return !found && im.Refused == nil
	})
	return errs, present
}

// hint gives a hint when the registry differs from the list in the way that a mirror
// step with rename or platforms causes.
func (v *verifyCatalog) hint(ctx context.Context, names []string, images []registry.Image, checked []*registry.Checked) string {
	const instead = "expect what it gives, expect: \"${steps.ID.images}\""
	want := imagelist.Repositories(images)
	further := imagelist.Difference(names, want)
	for _, missing := range imagelist.Difference(want, names) {
		for _, name := range further {
			if sameUnderNewName(missing, name) {
				return fmt.Sprintf("the registry has %s: where a mirror step renames repositories, %s", name, instead)
			}
		}
	}
	for _, k := range checked {
		if k.Err == nil && k.Have != k.Want && v.out.Registry().IsPart(ctx, k) {
			return fmt.Sprintf("the registry has some platforms of %s only: where a mirror step takes no others, %s", k.Source, instead)
		}
	}
	return ""
}

// sameUnderNewName reports whether one repository may be the other under a new name.
func sameUnderNewName(a, b string) bool {
	a, b = path.Base(a), path.Base(b)
	return strings.HasSuffix(a, b) || strings.HasSuffix(b, a)
}
