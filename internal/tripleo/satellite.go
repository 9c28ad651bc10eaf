package tripleo

import (
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// A Satellite is a Red Hat Satellite. It syncs the images itself and serves each
// under one flat name, without a namespace.
type Satellite struct {
	Host         string // of its registry, satellite.example.com:5000
	Organization string // this and the next three are labels, which Satellite makes from names
	Environment  string
	ContentView  string
	Product      string
	NameTemplate string // "" means DefaultNameTemplate
}

// DefaultNameTemplate is the name pattern of Satellite's repositories if the
// lifecycle environment has no pattern.
const DefaultNameTemplate = "{org}-{env}-{cv}-{product}-{name}"

// fields returns the fields of a name template and their values for an image.
func (s Satellite) fields(name string) map[string]string {
	return map[string]string{
		"org": s.Organization, "env": s.Environment, "cv": s.ContentView, "product": s.Product, "name": name,
	}
}

var templateField = lazyregexp.New(`\{[^{}]*\}`)

// Check returns an error for an invalid name template.
func (s Satellite) Check() error {
	template := s.template()
	for _, field := range templateField.FindAllString(template, -1) {
		if _, ok := s.fields("")[strings.Trim(field, "{}")]; !ok {
			return fmt.Errorf("%s: there is no %s; there are {org}, {env}, {cv}, {product} and {name}", template, field)
		}
	}
	if !strings.Contains(template, "{name}") {
		return fmt.Errorf("%s: without {name} all images would have one name", template)
	}
	return nil
}

func (s Satellite) template() string {
	if s.NameTemplate == "" {
		return DefaultNameTemplate
	}
	return s.NameTemplate
}

// Name returns the Satellite's name of an image. The part after the host is in
// lower case.
func (s Satellite) Name(image Image) string {
	fields := s.fields(repositoryName(image))
	name := templateField.ReplaceAllStringFunc(s.template(), func(field string) string {
		return fields[strings.Trim(field, "{}")]
	})
	return s.Host + "/" + strings.ToLower(name)
}

// repositoryName returns the name of an image's repository in Satellite: the last
// part of its name without the prefix openstack-.
func repositoryName(image Image) string {
	name := image.Name[strings.LastIndexByte(image.Name, '/')+1:]
	return strings.TrimPrefix(name, "openstack-")
}

// Served returns the images with the names that the Satellite serves them under.
func (s Satellite) Served(images []Image) ([]Image, error) {
	served := make([]Image, len(images))
	for i, image := range images {
		image.Name = s.Name(image)
		if !imageRef.MatchString(image.Ref()) {
			return nil, fmt.Errorf("the Satellite would serve %s as %q, which is not an image reference", images[i].Ref(), image.Ref())
		}
		served[i] = image
	}
	return served, nil
}
