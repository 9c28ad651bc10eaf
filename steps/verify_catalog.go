package steps

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/go-multierror"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/registry"
)

// verifyCatalog checks that a registry holds the images of a list: each
// repository is in its catalog, and each tag stands for the very image that
// the source's tag stands for.
type verifyCatalog struct {
	// Registry to look at, a name under connections.registries.
	Registry string `json:"registry"`
	// List of the images that are to be there, as prepare writes it.
	Expect plan.Path `json:"expect"`
	// Refuse repositories that the list does not name. Tags beyond the list are let be.
	Exact bool `json:"exact,omitempty"`

	out *Outside
}

func verifyCatalogType(out *Outside) runner.Type {
	return runner.Type{
		Name:  "verify-catalog",
		Check: true,
		Outputs: []runner.Output{
			{Name: "repositories", Doc: "The repositories that the registry's catalog lists, sorted.", List: true},
			{Name: "count", Doc: "How many repositories there are."},
		},
		New: func() runner.Step { return &verifyCatalog{out: out} },
	}
}

// Validate implements runner.Validator.
func (v *verifyCatalog) Validate() error { return registryKnown(v.out, "registry", v.Registry) }

// Paths implements runner.Pather.
func (v *verifyCatalog) Paths() runner.Paths {
	return runner.Paths{Reads: texts([]plan.Path{v.Expect})}
}

// Inputs implements runner.Step: the list and the registry's host.
func (v *verifyCatalog) Inputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	host, err := v.out.RegistryHost(v.Registry)
	if err != nil {
		return nil, err
	}
	return imagesListInputs(ctx, w, string(v.Expect), host)
}

// Diff implements runner.Step. What is not as expected is an error.
func (v *verifyCatalog) Diff(ctx context.Context, w runner.World, _ *runner.Record) (*runner.Finding, error) {
	outputs, err := v.look(ctx, w, false)
	if err != nil {
		return nil, err
	}
	return &runner.Finding{Outputs: outputs}, nil
}

// Verify implements runner.Step. It also asks for every blob.
func (v *verifyCatalog) Verify(ctx context.Context, w runner.World) (runner.Outputs, error) {
	return v.look(ctx, w, true)
}

func (v *verifyCatalog) look(ctx context.Context, w runner.World, deep bool) (runner.Outputs, error) {
	host, err := v.out.RegistryHost(v.Registry)
	if err != nil {
		return nil, err
	}
	images, err := readImagesList(w, string(v.Expect), host)
	if err != nil {
		return nil, err
	}
	names, err := v.catalog(ctx, host, images)
	if err != nil {
		return nil, err
	}
	errs, present := v.repositories(names, images)
	checked, err := v.out.Registry().Check(ctx, present, deep)
	if err != nil {
		return nil, err
	}
	for _, k := range checked {
		errs = multierror.Append(errs, complaints(k)...)
	}
	if err := errs.ErrorOrNil(); err != nil {
		return nil, err
	}
	return runner.Outputs{"repositories": plan.List(names...), "count": plan.Text(fmt.Sprint(len(names)))}, nil
}

// catalog lists the repositories. A registry that has no catalog to show is
// taken to have what is expected, which then its tags must prove.
func (v *verifyCatalog) catalog(ctx context.Context, host string, images []registry.Image) ([]string, error) {
	names, err := v.out.Registry().Catalog(ctx, host)
	closed := registry.KindOf(err) == registry.NotFound || registry.KindOf(err) == registry.Denied
	switch {
	case closed && v.Exact:
		err = fault.WithHint(err, "exact: true needs a registry whose catalog can be read")
	case closed:
		names, err = expected(images), nil
	}
	slices.Sort(names)
	return names, err
}

// repositories compares the catalog with what is expected. It gives the images
// whose tags are worth looking at, too.
func (v *verifyCatalog) repositories(names []string, images []registry.Image) (*multierror.Error, []registry.Image) {
	var errs *multierror.Error
	want := expected(images)
	for _, name := range want {
		if _, found := slices.BinarySearch(names, name); !found {
			errs = multierror.Append(errs, fmt.Errorf("missing: repository %s", name))
		}
	}
	if v.Exact {
		for _, name := range names {
			if _, found := slices.BinarySearch(want, name); !found {
				errs = multierror.Append(errs, fmt.Errorf("extra: repository %s", name))
			}
		}
	}
	present := slices.DeleteFunc(slices.Clone(images), func(im registry.Image) bool {
		_, found := slices.BinarySearch(names, repositoryOf(im))
		return !found
	})
	return errs, present
}

// expected gives the repositories of images, sorted, each once.
func expected(images []registry.Image) []string {
	var names []string
	for _, im := range images {
		names = append(names, repositoryOf(im))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func repositoryOf(im registry.Image) string {
	_, repository, _, err := registry.Split(im.Target)
	if err != nil {
		return "" // a target is made of what has been split before
	}
	return repository
}
