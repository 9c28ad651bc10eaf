package prepare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// A satelliteSettings says how a Satellite serves images.
type satelliteSettings struct {
	// Host of its registry, with its port: satellite.example.com:5000. Only mode: satellite needs
	// it.
	Host string `json:"host,omitempty"`
	// Label of the organization.
	Organization string `json:"organization"`
	// Label of the lifecycle environment.
	Environment string `json:"environment,omitempty"`
	// Label of the content view.
	ContentView string `json:"content_view,omitempty"`
	// Label of the product whose repositories the images are.
	Product string `json:"product"`
	// How repositories are named, in lower case then. {name} is the image's name without
	// openstack-.
	NameTemplate string `json:"name_template,omitempty" jsonschema:"default={org}-{env}-{cv}-{product}-{name}"`
}

func (s *satelliteSettings) satellite() *tripleo.Satellite {
	if s == nil {
		return nil
	}
	return &tripleo.Satellite{
		Host: s.Host, Organization: s.Organization, Environment: s.Environment, ContentView: s.ContentView,
		Product: s.Product, NameTemplate: s.NameTemplate,
	}
}

// checkMode refuses an unknown mode and settings that contradict the mode.
func (p *prepare) checkMode() error {
	if err := setting.OneOf(p.Mode, "remote", "local", "satellite"); err != nil {
		return err
	}
	switch {
	case (p.Mode == "remote" || p.Mode == "satellite") && p.PushDestination != "":
		return fmt.Errorf("mode %s pushes nothing, so it cannot have a push_destination", p.Mode)
	case p.Mode == "remote" && slices.Contains([]string{"registries-conf", "idms", "itms"}, p.Format):
		err := fmt.Errorf("format %s names the mirror that images are pulled from, and mode remote has none", p.Format)
		return fault.WithHint(err, "set push_destination to the registry that a mirror step copies the images to, and leave out mode")
	case p.Mode == "satellite" && p.Satellite == nil:
		return errors.New("mode satellite needs the settings under satellite")
	}
	return nil
}

// formatRequest gives the settings that a format checks. A target version that is not
// known yet is assumed to be set.
func (p *prepare) formatRequest() tripleo.Request {
	return tripleo.Request{
		Release: p.Release, Tag: p.Tag, TagFromLabel: p.TagFromLabel, Set: p.Set,
		TargetVersion: cmp.Or(p.TargetVersion, "?"), Satellite: p.Satellite.satellite(),
	}
}

func (p *prepare) checkSatellite() error {
	if p.Satellite == nil {
		return nil
	}
	return errors.Join(
		plan.At("satellite.host", checkRegistryHost(p.Satellite.Host)),
		plan.At("satellite.name_template", p.Satellite.satellite().Check()))
}

// checkGiven checks a step whose images are given: it refuses malformed images, and
// settings that are only for a release's catalog.
func (p *prepare) checkGiven() error {
	if p.Images.IsZero() {
		return nil
	}
	var errs []error
	for _, setting := range []struct {
		name string
		set  bool
	}{
		{"release", p.Release != ""},
		{"namespace", p.Namespace != ""},
		{"prefix", p.Prefix != ""},
		{"suffix", p.Suffix != ""},
		{"tag", p.Tag != ""},
		{"environments", p.Environments != nil},
		{"environment_directories", p.EnvironmentDirectories != nil},
		{"roles_file", p.RolesFile != ""},
		{"template", p.Template != ""},
		{"set", p.Set != nil},
	} {
		if setting.set {
			errs = append(errs, plan.At(setting.name, errors.New("the images are given, so no release's catalog is used")))
		}
	}
	if p.Format == "" || p.Format == "overcloud-images-env" || p.Format == "container-image-prepare" {
		err := errors.New("it needs a release's catalog, and the images are given")
		errs = append(errs, plan.At("format", fault.WithHint(err, "choose images-list, kolla-globals, openstack-version, satellite-script, registries-conf, idms or itms")))
	}
	return errors.Join(append(errs, p.Images.Validate("images", false))...)
}

// givenInputs gives the files with lists of images that the plan names.
func (p *prepare) givenInputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	for _, path := range setting.Paths(p.Images.Files()) {
		if _, err := w.Stat(path); err != nil {
			return nil, unreadable("images", path, err, w)
		}
	}
	return p.Images.Inputs(ctx, w, "images", p.selected)
}

// selection finds the images: the given ones, or those of the release.
func (p *prepare) selection(ctx context.Context, w runner.World, request tripleo.Request) (*tripleo.Selection, error) {
	if p.Images.IsZero() {
		if p.Release == "" {
			return nil, errors.New("neither release nor images says which images there are")
		}
		selection, err := tripleo.Select(request, w.Open)
		return selection, err
	}
	listed, err := p.givenImages(ctx, w, p.selected)
	if err != nil {
		return nil, err
	}
	return tripleo.SelectListed(listed, request)
}

// nothingSelected gives an error when includes or excludes have no effect, and when
// includes leave no image because no service needs one.
func nothingSelected(s *tripleo.Selection, includes bool) error {
	if s.Unmatched != nil {
		return s.Unmatched
	}
	if includes && len(s.Images) == 0 {
		return fault.WithHint(errors.New("includes leave no image: no service needs one that they match"), "bayplan explain-images says why an image is left out")
	}
	return nil
}

// givenImages gives the images that the plan lists.
func (p *prepare) givenImages(ctx context.Context, w runner.World, choose imagelist.Choose) ([]tripleo.ListedImage, error) {
	all, err := p.Images.Entries(ctx, w, "images", choose)
	if err != nil {
		return nil, err
	}
	listed := make([]tripleo.ListedImage, len(all))
	for i, l := range all {
		listed[i] = l.ListedImage
	}
	return listed, nil
}

// asServed gives the images with the names under which a Satellite serves them, in
// mode satellite. In other modes they stay as they are.
func (p *prepare) asServed(images []tripleo.Image) ([]tripleo.Image, error) {
	switch {
	case p.Mode == "local" && p.PushDestination == "":
		return nil, errors.New("mode local needs a push_destination")
	case p.Mode != "satellite":
		return images, nil
	case p.Satellite.Host == "":
		return nil, errors.New("mode satellite needs satellite.host")
	}
	return p.Satellite.satellite().Served(images)
}

// withDigests gives the images with their digests, when the plan or the format wants
// them. In mode satellite it looks for every image in any case: otherwise only the
// nodes that pull an image would notice that it was not synchronized.
func (p *prepare) withDigests(ctx context.Context, images []tripleo.Image) ([]tripleo.Image, error) {
	format, err := tripleo.FindFormat(p.Format)
	if err != nil {
		return nil, err
	}
	wanted := format.Digests || p.Digests
	if !wanted && p.Mode != "satellite" {
		return images, nil
	}
	look := p.resolve
	if p.Mode == "satellite" {
		look = p.resolvePresent
	}
	pinned := make([]tripleo.Image, len(images))
	errs := make([]error, len(images))
	var g errgroup.Group
	g.SetLimit(registry.MaxConcurrency)
	for i, image := range images {
		pinned[i] = image
		if image.Digest != "" {
			continue
		}
		g.Go(func() error {
			sum, err := look(ctx, image.Ref())
			if errs[i] = p.explainNotServed(image, err); wanted {
				pinned[i].Digest = sum
			}
			return nil
		})
	}
	_ = g.Wait() // the errors are in errs
	return pinned, errors.Join(errs...)
}

func (p *prepare) explainNotServed(image tripleo.Image, err error) error {
	if p.Mode != "satellite" || registry.KindOf(err) != registry.NotFound {
		return err
	}
	return fault.WithHint(fmt.Errorf("the Satellite does not serve %s", image.Ref()),
		"synchronize and publish it there first: format: satellite-script writes the script")
}
