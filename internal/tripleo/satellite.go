package tripleo

import (
	"fmt"
	"regexp"
	"strings"
)

// A Satellite is a Red Hat Satellite that syncs the images itself and serves
// each under one flat name, without a namespace.
type Satellite struct {
	Host         string // of its registry, satellite.example.com:5000
	Organization string // labels, as Satellite makes them of the names
	Environment  string
	ContentView  string
	Product      string
	NameTemplate string // "": DefaultNameTemplate
}

// DefaultNameTemplate is how Satellite names repositories unless its
// lifecycle environment has a pattern of its own.
const DefaultNameTemplate = "{org}-{env}-{cv}-{product}-{name}"

// fields of a name template, and what they stand for.
func (s Satellite) fields(name string) map[string]string {
	return map[string]string{
		"org": s.Organization, "env": s.Environment, "cv": s.ContentView, "product": s.Product, "name": name,
	}
}

var templateField = regexp.MustCompile(`\{[^{}]*\}`)

// Check tells what is wrong with the template.
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

// Name gives what the Satellite calls an image: all in lower case.
func (s Satellite) Name(image Image) string {
	fields := s.fields(repositoryName(image))
	name := templateField.ReplaceAllStringFunc(s.template(), func(field string) string {
		return fields[strings.Trim(field, "{}")]
	})
	return s.Host + "/" + strings.ToLower(name)
}

// repositoryName is what an image's repository is called in Satellite: its last
// name without the prefix of OpenStack's.
func repositoryName(image Image) string {
	name := image.Name[strings.LastIndexByte(image.Name, '/')+1:]
	return strings.TrimPrefix(name, "openstack-")
}

// Served gives the images as the Satellite serves them.
func (s Satellite) Served(images []Image) ([]Image, error) {
	served := make([]Image, len(images))
	for i, image := range images {
		image.Name = s.Name(image)
		if !reference.MatchString(image.Ref()) {
			return nil, fmt.Errorf("the Satellite would serve %s as %q, which is no image reference", images[i].Ref(), image.Ref())
		}
		served[i] = image
	}
	return served, nil
}
