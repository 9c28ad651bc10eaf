package tripleo

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// A Request says which images are wanted. Empty fields take the release's defaults.
type Request struct {
	Release       string
	Environments  []string // paths, in order
	RolesFile     string   // "": the release's default roles
	Namespace     string   // registry and namespace: registry.access.redhat.com/rhosp13
	Prefix        string   // of image names; a missing hyphen is added
	Suffix        string
	Tag           string
	NeutronDriver string            // "": derived from the services
	Set           map[string]string // variables; wins over all of the above
	Excludes      []*regexp.Regexp  // images whose name with tag they find something in
}

// An Image is one that a deployment needs.
type Image struct {
	Name     string // as references name it, without the tag
	Tag      string
	OwnTag   bool // its tag is not that of the release's other images, as Ceph's
	Basename string
	Params   []string // Heat parameters that name it
}

// Ref gives the image's reference, NAME:TAG.
func (i Image) Ref() string { return i.Name + ":" + i.Tag }

// A Selection is the answer to a Request.
type Selection struct {
	Filtered      bool     // whether services decide; with no environment at all nothing is filtered
	Services      []string // that run in containers, sorted; nil when not filtered
	NeutronDriver string   // as given or derived; "" for none
	Images        []Image  // in the order of the release's template
}

// Select reads the request's files and finds the images that are needed.
func Select(req Request, open Open) (*Selection, error) {
	r, err := findRelease(req.Release)
	if err != nil {
		return nil, err
	}
	services, err := r.filter(req, open)
	if err != nil {
		return nil, err
	}
	driver := req.NeutronDriver
	if driver == "" {
		driver = services.driver()
	}
	v := r.variables(req, driver)
	images, err := r.images(v, services, req.Excludes)
	if err != nil {
		return nil, err
	}
	s := &Selection{Filtered: services != nil, NeutronDriver: v["neutron_driver"], Images: images}
	if s.Filtered {
		s.Services = slices.AppendSeq([]string{}, maps.Keys(services)) // never nil
		slices.Sort(s.Services)
	}
	return s, nil
}

// filter reads environments and roles. It gives nil when there is no
// environment at all.
func (r release) filter(req Request, open Open) (filter, error) {
	env, err := ReadEnvironments(open, req.Environments)
	if err != nil {
		return nil, err
	}
	// The roles are read even where they decide nothing: a roles file that is
	// not there is a mistake.
	roles, err := r.rolesOf(req, open)
	if err != nil {
		return nil, err
	}
	if r.base != "" {
		base, err := baseEnvironment(r.base)
		if err != nil {
			return nil, err
		}
		env = env.over(base)
	} else if len(req.Environments) == 0 {
		return nil, nil
	}
	if roles, err = env.override(roles); err != nil {
		return nil, err
	}
	return newFilter(env, roles), nil
}

func (r release) rolesOf(req Request, open Open) ([]Role, error) {
	if req.RolesFile == "" {
		return defaultRoles(r.roles)
	}
	roles, err := readRoles(open, req.RolesFile)
	if err != nil {
		return nil, fmt.Errorf("roles file %w", err)
	}
	return roles, nil
}

func (r release) images(v vars, services filter, excludes []*regexp.Regexp) ([]Image, error) {
	entries, err := r.entries()
	if err != nil {
		return nil, err
	}
	var images []Image
	for _, e := range entries {
		if !e.applies(v) || !e.wanted(services) {
			continue
		}
		name, tag := v.name(e)
		image := Image{Name: name, Tag: tag, OwnTag: e.ownTag(), Basename: e.Basename, Params: e.Params}
		if slices.ContainsFunc(excludes, func(re *regexp.Regexp) bool { return re.MatchString(image.Ref()) }) {
			continue
		}
		if !reference.MatchString(image.Ref()) {
			return nil, fmt.Errorf("image %s would be called %q, which is no image reference", e.Basename, image.Ref())
		}
		images = append(images, image)
	}
	return images, nil
}

// reference matches NAME:TAG. Host names and ports are not looked at closely.
var reference = regexp.MustCompile(`^((\[[0-9A-Fa-f:]+\]|[0-9A-Za-z.-]+)(:[0-9]+)?/)?` +
	`[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*:[0-9A-Za-z_][0-9A-Za-z_.-]{0,127}$`)
