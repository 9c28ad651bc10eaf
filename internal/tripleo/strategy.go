package tripleo

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// A Strategy says where images come from, which of them are selected, and where
// they are pushed. It is made from a Request or from one entry of a
// ContainerImagePrepare list.
type Strategy struct {
	Set             map[string]string // variables that are not the release's defaults
	TagFromLabel    string            // "" means that images have the tag of the variables
	PushDestination string            // registry, maybe with a path; "" means none
	PullSource      string            // registry to put before the names; "" means none
	Includes        []*regexp.Regexp  // if not empty, select only images whose NAME:TAG one of them matches
	Excludes        []*regexp.Regexp  // do not select images whose NAME:TAG one of them matches; no effect with Includes

	local        bool   // PushDestination is written as true
	ignoredLabel string // a TagFromLabel without effect, because a tag is set
	place        Place  // of the list's entry; zero for the request
}

// ownStrategy returns the strategy of the request itself.
func (req Request) ownStrategy() Strategy {
	s := Strategy{
		Set:             map[string]string{},
		TagFromLabel:    req.TagFromLabel,
		PushDestination: req.PushDestination,
		Includes:        req.Includes,
		Excludes:        req.Excludes,
	}
	for name, value := range map[string]string{
		"namespace":      req.Namespace,
		"name_prefix":    req.Prefix,
		"name_suffix":    req.Suffix,
		"tag":            req.Tag,
		"neutron_driver": req.NeutronDriver,
	} {
		if value != "" {
			s.Set[name] = value
		}
	}
	maps.Copy(s.Set, req.Set)
	return s
}

// sourceSettings returns the names of the request's settings that contradict a
// ContainerImagePrepare list.
func (req Request) sourceSettings() []string {
	var names []string
	for _, setting := range []struct {
		name  string
		given bool
	}{
		{"namespace", req.Namespace != ""},
		{"prefix", req.Prefix != ""},
		{"suffix", req.Suffix != ""},
		{"tag", req.Tag != ""},
		{"tag_from_label", req.TagFromLabel != ""},
		{"neutron_driver", req.NeutronDriver != ""},
		{"set", len(req.Set) > 0},
		{"includes", len(req.Includes) > 0},
		{"excludes", len(req.Excludes) > 0},
	} {
		if setting.given {
			names = append(names, setting.name)
		}
	}
	return names
}

// strategies returns those of the environment's list, or else the request's own.
func (r release) strategies(req Request, env *Environment) ([]Strategy, error) {
	if !r.readsPrepareList {
		return []Strategy{req.ownStrategy()}, nil
	}
	list, err := r.readList(req, env)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return []Strategy{req.ownStrategy()}, nil
	}
	if own := req.sourceSettings(); len(own) > 0 {
		return nil, env.errorf(listParameter, "the list says where images come from; %s of the step would have no effect: leave it out, or the list", strings.Join(own, ", "))
	}
	return list, nil
}

// selects reports whether the strategy selects an image. Excludes have no effect
// beside includes.
func (s Strategy) selects(ref string) bool {
	matches := func(re *regexp.Regexp) bool { return re.MatchString(ref) }
	if len(s.Includes) > 0 {
		return slices.ContainsFunc(s.Includes, matches)
	}
	return !slices.ContainsFunc(s.Excludes, matches)
}

// pullName returns the name that an image is pulled by.
func (s Strategy) pullName(name string) string {
	if s.PullSource == "" {
		return name
	}
	return s.PullSource + "/" + name
}
