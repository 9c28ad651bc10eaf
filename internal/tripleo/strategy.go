package tripleo

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// A Strategy says where images come from, which of them are taken, and where
// they are pushed: what a Request says itself, or one entry of a
// ContainerImagePrepare list.
type Strategy struct {
	Set             map[string]string // variables that are not the release's defaults
	TagFromLabel    string            // "": images have the tag that the variables say
	PushDestination string            // registry, maybe with a path below it; "" for none
	PullSource      string            // registry put ahead of the names; "" for none
	Includes        []*regexp.Regexp  // not none: only images in whose name with tag one finds something
	Excludes        []*regexp.Regexp  // images whose name with tag they find something in; nothing where there are includes

	local     bool   // PushDestination was written as true
	idleLabel string // a TagFromLabel that says nothing, as a tag is set
	place     Place  // zero: the request itself
}

// strategy gives what the request says itself.
func (req Request) strategy() Strategy {
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

// own names the settings of the request that a ContainerImagePrepare list
// would have to compete with.
func (req Request) own() []string {
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

// strategies gives the environment's list, or else what the request says.
func (r release) strategies(req Request, env *Environment) ([]Strategy, error) {
	if !r.lists {
		return []Strategy{req.strategy()}, nil
	}
	list, err := r.readList(req, env)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return []Strategy{req.strategy()}, nil
	}
	if own := req.own(); len(own) > 0 {
		return nil, env.errorf(listParameter, "the list says where images come from; %s of the step would change nothing: leave it out, or the list", strings.Join(own, ", "))
	}
	return list, nil
}

// takes says whether the strategy is about an image. With includes, excludes
// say nothing.
func (s Strategy) takes(ref string) bool {
	finds := func(re *regexp.Regexp) bool { return re.MatchString(ref) }
	if len(s.Includes) > 0 {
		return slices.ContainsFunc(s.Includes, finds)
	}
	return !slices.ContainsFunc(s.Excludes, finds)
}

// source gives the name that an image is pulled by.
func (s Strategy) source(name string) string {
	if s.PullSource == "" {
		return name
	}
	return s.PullSource + "/" + name
}
