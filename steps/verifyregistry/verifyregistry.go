// Package verifyregistry is the step type verify-registry, which checks that a
// registry answers before anything is pushed.
package verifyregistry

import (
	"context"
	"errors"
	"slices"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/tagselect"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// verifyRegistry checks, before anything is pushed, that a registry is there:
// that it answers on its port as a registry does and accepts the connection's
// credentials, and, with only, that it holds nothing that is not of this plan.
type verifyRegistry struct {
	// Registry to look at, a name under connections.registries or a host.
	Registry string `json:"registry"`
	// List of images, as prepare writes it, or a list of references, in which {file: PATH}, {layout:
	// PATH} and {from: HOST/NAME, tags: RULES} stand for images as they do for mirror: the registry's catalog may name their repositories and no
	// other, unless it has no tag: some registries go on listing what was deleted. Any of them
	// may still be missing, so it holds before the first upload and after.
	Only imagelist.List `json:"only,omitzero"`

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
	// Selected gives the images of a selection, as they are locked or else chosen now.
	Selected(ctx context.Context, s tagselect.Selection) ([]string, error)
	// MovedSelections reports the selections that would choose others than are locked.
	MovedSelections(ctx context.Context, s []tagselect.Selection) ([]string, []runner.Moved)
}

// Selections gives what the list selects. `bayplan explain-images` calls it.
func (v *verifyRegistry) Selections() []tagselect.Selection { return v.Only.Selections() }

// Type gives the step type verify-registry.
func Type(out registries) runner.Type {
	return runner.Type{
		Name:  "verify-registry",
		Check: true,
		Outputs: []runner.Output{
			{Name: "server", Doc: "Who serves the registry, such as distribution, Harbor or Satellite; unknown where it does not show."},
			{Name: "login", Doc: "What became of the credentials: accepted, anonymous where it takes none but asks for a token, not asked for."},
			{Name: "catalog", Doc: "Whether the registry's catalog can be read: open or closed."},
			{Name: "repositories", Doc: "The repositories that the catalog lists, sorted; none when it is closed.", List: true},
		},
		New: func() runner.Step { return &verifyRegistry{out: out} },
	}
}

// Validate implements runner.Validator.
func (v *verifyRegistry) Validate() error {
	return errors.Join(plan.At("registry", v.out.CheckRegistry(v.Registry)), v.Only.Validate("only", true))
}

// Paths implements runner.Pather.
func (v *verifyRegistry) Paths() runner.Paths {
	paths := runner.Paths{Reads: setting.Paths(v.Only.Reads())}
	paths.Asks = []runner.Server{imagelist.Connection("registry", v.Registry)}
	// Images of the list may come before this step or after it. It has to wait only for
	// a step that removes others.
	if host, err := v.out.RegistryHost(v.Registry); err == nil && !v.Only.IsZero() {
		looks := imagelist.UnlistedPlace(host)
		looks.All = true
		paths.Looks = []runner.Place{looks}
	}
	return paths
}

// CheckFiles implements runner.FileChecker: it reads the list.
func (v *verifyRegistry) CheckFiles(_ context.Context, w runner.World, _ bool) error {
	host, _ := v.out.RegistryHost(v.Registry) // it is not known yet, or Validate has reported the error
	return v.Only.CheckFiles(w, "only", imagelist.Destination{Host: host, Same: v.out.SameRegistry})
}

// Inputs implements runner.Step: the registry's host and the list.
func (v *verifyRegistry) Inputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	host, err := v.out.RegistryHost(v.Registry)
	if err != nil {
		return nil, err
	}
	in, err := v.Only.Inputs(ctx, w, "only", v.out.Selected)
	if err != nil {
		return nil, err
	}
	listed, err := v.Only.Entries(ctx, w, "only", v.out.Selected)
	if err != nil {
		return nil, err
	}
	layouts, err := imagelist.LayoutInputs(ctx, w, listed, v.out.Registry())
	return append(append(in, layouts...), runner.Input{Name: "registry", Digest: host}), err
}

// Diff implements runner.Step. It gives an error when something is not as expected.
func (v *verifyRegistry) Diff(ctx context.Context, w runner.World, _ *runner.Record) (*runner.Finding, error) {
	outputs, err := v.Verify(ctx, w)
	if err != nil {
		return nil, err
	}
	finding := &runner.Finding{Outputs: outputs}
	finding.Notes, finding.Moved = v.out.MovedSelections(ctx, v.Only.Selections())
	return finding, nil
}

// Verify implements runner.Step.
func (v *verifyRegistry) Verify(ctx context.Context, w runner.World) (runner.Outputs, error) {
	host, err := v.out.RegistryHost(v.Registry)
	if err != nil {
		return nil, err
	}
	greeting, err := v.out.Registry().Ping(ctx, host, v.repositories(ctx, w, host)...)
	if err != nil {
		return nil, err
	}
	names, err := v.out.Registry().Catalog(ctx, host)
	closed := registry.CatalogClosed(err)
	switch {
	case closed && !v.Only.IsZero():
		return nil, fault.WithHint(err, "only needs a registry whose catalog can be read")
	case err != nil && !closed:
		return nil, err
	}
	slices.Sort(names)
	if err := v.checkOnly(ctx, w, host, names); err != nil {
		return nil, err
	}
	catalog := "open"
	if closed {
		catalog = "closed"
	}
	return runner.Outputs{
		"server": plan.Text(greeting.Server), "login": plan.Text(loginText(greeting)),
		"catalog": plan.Text(catalog), "repositories": plan.List(names...),
	}, nil
}

// repositories gives those of the list under only, because a login may be for some
// repositories of a registry alone. That the list cannot be read is told by checkOnly.
func (v *verifyRegistry) repositories(ctx context.Context, w runner.World, host string) []string {
	if v.Only.IsZero() {
		return nil
	}
	images, err := v.images(ctx, w, host)
	if err != nil {
		return nil
	}
	return imagelist.Repositories(images)
}

// images gives the images of the list under only with their targets.
func (v *verifyRegistry) images(ctx context.Context, w runner.World, host string) ([]registry.Image, error) {
	listed, err := v.Only.Entries(ctx, w, "only", v.out.Selected)
	if err != nil {
		return nil, err
	}
	if listed, err = imagelist.ExpandLayouts(ctx, w, listed, v.out.Registry()); err != nil {
		return nil, err
	}
	return imagelist.TargetsAt(listed, imagelist.Destination{Host: host, Same: v.out.SameRegistry}, nil)
}

// checkOnly gives an error for each repository that the list under only does not name.
func (v *verifyRegistry) checkOnly(ctx context.Context, w runner.World, host string, names []string) error {
	if v.Only.IsZero() {
		return nil
	}
	images, err := v.images(ctx, w, host)
	if err != nil {
		return err
	}
	others := imagelist.Difference(names, imagelist.Repositories(images))
	return fault.Join(imagelist.Unexpected(ctx, v.out.Registry(), host, others)...)
}

func loginText(g registry.PingResult) string {
	switch {
	case g.Login:
		return "accepted"
	case g.Asks:
		return "anonymous"
	}
	return "not asked for"
}
