package prepare

import (
	"maps"
	"regexp"

	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/runner"
)

// request gives the settings as a request. It lists the environment directories.
func (p *prepare) request(w runner.World) (tripleo.Request, error) {
	request := tripleo.Request{
		Release:         p.Release,
		RolesFile:       string(p.RolesFile),
		Tree:            string(p.Tree),
		Template:        string(p.Template),
		Namespace:       p.Namespace,
		Prefix:          p.Prefix,
		Suffix:          p.Suffix,
		Tag:             p.Tag,
		NeutronDriver:   p.NeutronDriver,
		Set:             p.Set,
		TagFromLabel:    p.TagFromLabel,
		PushDestination: p.PushDestination,
		TargetVersion:   p.TargetVersion,
		Satellite:       p.Satellite.satellite(),
	}
	if p.Logging != "" {
		request.Set = map[string]string{"logging": p.Logging}
		maps.Copy(request.Set, p.Set)
	}
	var err error
	if request.Environments, err = p.environments(w); err != nil {
		return request, err
	}
	if request.Includes, err = compileAll(p.Includes); err != nil {
		return request, err
	}
	request.Excludes, err = compileAll(p.Excludes)
	return request, err
}

func compileAll(texts []string) ([]*regexp.Regexp, error) {
	var all []*regexp.Regexp
	for _, text := range texts {
		re, err := regexp.Compile(text)
		if err != nil {
			return nil, err
		}
		all = append(all, re)
	}
	return all, nil
}
