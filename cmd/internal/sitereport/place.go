// Package sitereport lets sites that run a plan by themselves leave reports of their runs in
// a registry, and reads the reports of all sites there. It knows neither flags nor how a
// registry is reached.
package sitereport

import (
	"context"
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/textfile"
	"github.com/bayplan/bayplan/plan"
)

// A Place is a repository of a registry that holds reports, and one of its tags or none.
type Place struct {
	Host, Repository string
	Tag              string // of one site; "": all sites are meant
}

const scheme = "oci://"

// ParseSite reads the place of the reports of one site: oci://HOST/REPOSITORY:TAG.
func ParseSite(text string) (Place, error) {
	p, err := parse(text)
	if err == nil && p.Tag == "" {
		err = fmt.Errorf("%q has no tag, which names the site", text)
	}
	return p, hinted(err, "write oci://HOST/NAME:TAG, as oci://registry.example.com/bayplan/reports:edge1")
}

// ParseAll reads the place of the reports of all sites: oci://HOST/REPOSITORY.
func ParseAll(text string) (Place, error) {
	p, err := parse(text)
	if err == nil && p.Tag != "" {
		err = fmt.Errorf("%q has a tag, and all tags are read", text)
	}
	return p, hinted(err, "write oci://HOST/NAME, as oci://registry.example.com/bayplan/reports")
}

func hinted(err error, hint string) error {
	if err == nil {
		return nil
	}
	return fault.WithHint(err, hint)
}

func parse(text string) (Place, error) {
	image, ok := strings.CutPrefix(text, scheme)
	switch {
	case !ok:
		return Place{}, fmt.Errorf("%q does not begin with %s", text, scheme)
	case strings.Contains(image, "@"):
		return Place{}, fmt.Errorf("%q has a digest", text)
	}
	host, repository, tag, err := registry.Split(image)
	return Place{host, repository, tag}, err
}

// maxNamesFile is how many bytes a file of names may have.
const maxNamesFile = 2 << 20

// ReadNames reads a file with the tag of a site in each line. Empty lines and what follows a
// # count for nothing.
func ReadNames(ctx context.Context, file string) ([]string, error) {
	b, err := textfile.Read(ctx, file, maxNamesFile)
	if err != nil {
		return nil, err
	}
	var names []string
	var mistakes plan.Errors
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		text, _, _ := strings.Cut(line, "#")
		name := strings.TrimSpace(text)
		if name == "" {
			continue
		}
		if _, _, tag, err := registry.Split("registry.invalid/reports:" + name); err != nil || tag != name {
			mistakes = append(mistakes, &plan.Error{File: file, Pos: plan.Pos{Line: n, Col: strings.Index(text, name) + 1}, Msg: fmt.Sprintf("%q is not a tag", oneLine(name))})
		}
		names = append(names, name)
	}
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	return names, nil
}

// String names the place without the scheme.
func (p Place) String() string {
	s := p.Host + "/" + p.Repository
	if p.Tag != "" {
		s += ":" + p.Tag
	}
	return s
}

// At gives the place of the reports with a tag.
func (p Place) At(tag string) Place {
	p.Tag = tag
	return p
}
