package tripleo

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// A Request says which images to select. Empty fields mean the release's defaults.
type Request struct {
	Release      string
	Environments []string // paths, in order
	RolesFile    string   // "" means the release's default roles
	Tree         string   // directory of a template tree; "" means the built-in tables
	Template     string   // path of a template that lists the images; "" means the built-in catalog

	Namespace       string            // registry and namespace: registry.access.redhat.com/rhosp13
	Prefix          string            // of image names; a missing hyphen is added
	Suffix          string            // of image names; a missing hyphen is added
	Tag             string            // of the images, or with TagFromLabel of the images whose labels are read
	NeutronDriver   string            // "" means derived
	Set             map[string]string // variables; they override all of the above
	TagFromLabel    string            // "" means that Tag is the images' tag
	PushDestination string            // registry, maybe with a path; "" means none
	TargetVersion   string            // of an OpenStackVersion
	Satellite       *Satellite        // that names the images; nil means none
	Includes        []*regexp.Regexp  // as in a Strategy
	Excludes        []*regexp.Regexp  // as in a Strategy
}

// An Image is an image that a deployment needs.
type Image struct {
	Name            string // its reference without the tag
	Tag             string
	TagFromLabel    string // how to make the tag from the labels of the image with Tag; "" means that Tag is the tag
	Digest          string // of the tag, if a format needs it
	Found           bool   // Tag was made from labels
	OwnTag          bool   // Tag differs from that of most images of the release, such as Ceph's
	PushDestination string // registry, maybe with a path; "" means none
	PushedAs        string // path and tag below PushDestination; "" means those of the source
	Basename        string
	Params          []string // Heat parameters that name it
	Services        []string // that need it
}

// Ref returns the image's reference, NAME:TAG, or NAME@DIGEST for one without a tag.
func (i Image) Ref() string {
	if i.Tag == "" && i.Digest != "" {
		return i.Name + "@" + i.Digest
	}
	return i.Name + ":" + i.Tag
}

// Pushed returns the image's reference after the push: PushDestination replaces
// the part before the first slash.
func (i Image) Pushed() string {
	if i.PushDestination == "" {
		return i.Ref()
	}
	return i.PushDestination + "/" + cmp.Or(i.PushedAs, i.pathOf())
}

// pathOf returns the image's path with its tag at its source, without the registry.
func (i Image) pathOf() string {
	_, path, _ := strings.Cut(i.Ref(), "/")
	return path
}

// Renamed returns the images with the names that rename gives to their paths with their
// tags. Only those that are pushed are renamed.
func Renamed(images []Image, rename func(string) string) []Image {
	all := slices.Clone(images)
	for i := range all {
		if all[i].PushDestination != "" {
			all[i].PushedAs = rename(all[i].pathOf())
		}
	}
	return all
}

// A Selection is the answer to a Request.
type Selection struct {
	Filtered      bool       // only images that Services need are selected; false if the services are unknown
	Services      []string   // whose images are needed, sorted; nil if not Filtered
	NeutronDriver string     // of the first strategy, set or derived; "" for none
	Strategies    []Strategy // in their order
	Images        []Image    // strategy by strategy, each in the order of the release's template
	Notes         []string   // possible mistakes

	// Unmatched has an error for each expression of the request's Includes and Excludes
	// that matches no image; nil for none.
	Unmatched error
}

// Select reads the request's files and returns the images that are needed.
func Select(req Request, open Open) (*Selection, error) {
	r, err := findRelease(req.Release)
	if err != nil {
		return nil, err
	}
	env, err := r.environment(req, open)
	if err != nil {
		return nil, err
	}
	services, err := r.neededServices(req, env, open)
	if err != nil {
		return nil, err
	}
	s := &Selection{Filtered: services != nil}
	if s.Filtered {
		s.Services = slices.AppendSeq([]string{}, maps.Keys(services)) // never nil
		slices.Sort(s.Services)
	}
	if s.Strategies, err = r.strategies(req, env); err != nil {
		return nil, err
	}
	catalog, err := r.catalogOf(req, env, open)
	if err != nil {
		return nil, err
	}
	for i, strategy := range s.Strategies {
		driver := r.driver(strategy, env, services)
		if i == 0 {
			s.NeutronDriver = driver
		}
		v, err := r.variables(strategy, driver)
		if err != nil {
			return nil, err
		}
		if err := s.add(strategy, catalog, v, services); err != nil {
			return nil, err
		}
	}
	s.Notes = slices.Concat(env.notes, s.Notes, r.ignoredListNote(env))
	if !s.Filtered {
		s.Notes = append(s.Notes, r.unfilteredNote(len(s.Images)))
	}
	return s, nil
}

// add adds the images and notes of one strategy.
func (s *Selection) add(strategy Strategy, catalog catalog, v vars, services serviceSet) error {
	all, err := catalog(v)
	if err != nil {
		return err
	}
	images, err := strategy.images(all, services)
	s.Images = append(s.Images, images...)
	s.Notes = append(s.Notes, strategy.notes(all)...)
	s.Unmatched = cmp.Or(s.Unmatched, strategy.unmatched(refsOf(all)))
	return err
}

// A catalog returns the images that a release has with some variables.
type catalog func(vars) ([]namedEntry, error)

// catalogOf returns the catalog of the request's template, or the built-in one.
func (r release) catalogOf(req Request, env *Environment, open Open) (catalog, error) {
	if req.Template == "" {
		return r.images, nil
	}
	t, err := readTemplate(open, req.Template, env.note)
	return t.images, err
}

// images returns the catalog's images that the services need and the strategy
// selects.
func (s Strategy) images(all []namedEntry, services serviceSet) ([]Image, error) {
	var images []Image
	for _, n := range all {
		if !n.neededBy(services) || !s.selects(n.name+":"+n.tag) {
			continue
		}
		image := Image{
			Name:            s.pullName(n.name),
			Tag:             n.tag,
			TagFromLabel:    s.TagFromLabel,
			OwnTag:          n.own,
			PushDestination: s.PushDestination,
			Basename:        n.Basename,
			Params:          n.Params,
			Services:        n.Services,
		}
		if err := s.checkName(image, n.place); err != nil {
			return nil, err
		}
		images = append(images, image)
	}
	return images, nil
}

// checkName refuses an invalid image reference. The error says where the variables
// of the name come from, or where a template has the name.
func (s Strategy) checkName(image Image, place Place) error {
	if imageRef.MatchString(image.Ref()) {
		return nil
	}
	err := fmt.Errorf("image %s would be called %q, which is not an image reference", image.Basename, image.Ref())
	switch {
	case s.place != (Place{}):
		return fmt.Errorf("environment file %w", s.place.errorf("%s: %w", listParameter, err))
	case place != (Place{}):
		return template{}.renderedError(place.errorf("%s: imagename: %w", templateList, err))
	}
	return err
}

// imageRef matches NAME:TAG. It does not check host names and ports strictly.
var imageRef = lazyregexp.New(`^((\[[0-9A-Fa-f:]+\]|[0-9A-Za-z.-]+)(:[0-9]+)?/)?` +
	`[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*:[0-9A-Za-z_][0-9A-Za-z_.-]{0,127}$`)
