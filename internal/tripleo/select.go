package tripleo

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// A Request says which images are wanted. Empty fields take the release's defaults.
type Request struct {
	Release      string
	Environments []string // paths, in order
	RolesFile    string   // "": the release's default roles
	Tree         string   // directory of a template tree; "": what is built in
	Template     string   // path of a template that lists the images; "": the built-in catalog

	Namespace       string            // registry and namespace: registry.access.redhat.com/rhosp13
	Prefix          string            // of image names; a missing hyphen is added
	Suffix          string            // likewise
	Tag             string            // of the images, or whose labels are read
	NeutronDriver   string            // "": derived
	Set             map[string]string // variables; wins over all of the above
	TagFromLabel    string            // "": images have the tag itself
	PushDestination string            // registry, maybe with a path below it; "" for none
	TargetVersion   string            // of an OpenStackVersion
	Satellite       *Satellite        // whose names the images get; nil: none
	Includes        []*regexp.Regexp  // as of a Strategy
	Excludes        []*regexp.Regexp
}

// An Image is one that a deployment needs.
type Image struct {
	Name            string // as references name it, without the tag
	Tag             string
	TagFromLabel    string // how to find the tag, of which Tag is the starting point; "": Tag is it
	Digest          string // what the tag stands for, where that is asked for
	Found           bool   // its tag was looked up
	OwnTag          bool   // its tag is not that of the release's other images, as Ceph's
	PushDestination string // registry, maybe with a path below it; "" for none
	Basename        string
	Params          []string // Heat parameters that name it
	Services        []string // that need it
}

// Ref gives the image's reference, NAME:TAG.
func (i Image) Ref() string { return i.Name + ":" + i.Tag }

// Pushed gives the image's reference after the push: what stands before its
// first slash is replaced.
func (i Image) Pushed() string {
	if i.PushDestination == "" {
		return i.Ref()
	}
	_, path, _ := strings.Cut(i.Ref(), "/")
	return i.PushDestination + "/" + path
}

// A Selection is the answer to a Request.
type Selection struct {
	Filtered      bool       // whether services decide; where nothing says which there are, nothing is filtered
	Services      []string   // that are wanted, sorted; nil when not filtered
	NeutronDriver string     // as given or derived; "" for none; of the first strategy
	Strategies    []Strategy // in their order
	Images        []Image    // strategy by strategy, each in the order of the release's template
	Notes         []string   // what is not wrong and may still not be meant
}

// Select reads the request's files and finds the images that are needed.
func Select(req Request, open Open) (*Selection, error) {
	r, err := findRelease(req.Release)
	if err != nil {
		return nil, err
	}
	env, err := r.environment(req, open)
	if err != nil {
		return nil, err
	}
	services, err := r.filter(req, env, open)
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
	catalog, err := r.catalogOf(req, open)
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
	s.Notes = append(s.Notes, r.ignored(env)...)
	if !s.Filtered {
		s.Notes = append(s.Notes, r.unfiltered(len(s.Images)))
	}
	return s, nil
}

// add adds what one strategy comes to.
func (s *Selection) add(strategy Strategy, catalog catalog, v vars, services filter) error {
	all, err := catalog(v)
	if err != nil {
		return err
	}
	images, err := strategy.images(all, services)
	s.Images = append(s.Images, images...)
	s.Notes = append(s.Notes, strategy.notes(all)...)
	return err
}

// A catalog lists the images that there are with some variables.
type catalog func(vars) ([]named, error)

// catalogOf gives the request's template, or the built-in catalog.
func (r release) catalogOf(req Request, open Open) (catalog, error) {
	if req.Template == "" {
		return r.named, nil
	}
	t, err := readTemplate(open, req.Template)
	return t.named, err
}

// images gives those of the catalog's images that the services need and the
// strategy is about.
func (s Strategy) images(all []named, services filter) ([]Image, error) {
	var images []Image
	for _, n := range all {
		if !n.wanted(services) || !s.takes(n.name+":"+n.tag) {
			continue
		}
		image := Image{
			Name:            s.source(n.name),
			Tag:             n.tag,
			TagFromLabel:    s.TagFromLabel,
			OwnTag:          n.own,
			PushDestination: s.PushDestination,
			Basename:        n.Basename,
			Params:          n.Params,
			Services:        n.Services,
		}
		if err := s.check(image, n.place); err != nil {
			return nil, err
		}
		images = append(images, image)
	}
	return images, nil
}

// check refuses what is no image's name. It says where the variables of the
// name come from, or where a template has the name.
func (s Strategy) check(image Image, place Place) error {
	if reference.MatchString(image.Ref()) {
		return nil
	}
	err := fmt.Errorf("image %s would be called %q, which is no image reference", image.Basename, image.Ref())
	switch {
	case s.place != (Place{}):
		return fmt.Errorf("environment file %w", s.place.errorf("%s: %w", listParameter, err))
	case place != (Place{}):
		return template{}.inside(place.errorf("%s: imagename: %w", templateList, err))
	}
	return err
}

// reference matches NAME:TAG. Host names and ports are not looked at closely.
var reference = regexp.MustCompile(`^((\[[0-9A-Fa-f:]+\]|[0-9A-Za-z.-]+)(:[0-9]+)?/)?` +
	`[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*:[0-9A-Za-z_][0-9A-Za-z_.-]{0,127}$`)
