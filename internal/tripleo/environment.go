package tripleo

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// A Kind says what a service's template does, as far as images care.
type Kind uint8

// The kinds of targets in a resource registry.
const (
	OnHost       Kind = iota // anything that runs no container
	InContainers             // its template is below /docker/services/
	Off                      // mapped to OS::Heat::None
)

// containersPath marks the templates of services in containers. Its leading
// slash is part of the test, which is why targets are resolved first.
const containersPath = "/docker/services/"

// A Target is what a resource registry maps a service to.
type Target struct {
	Kind  Kind
	Text  string // the template's path, or a type such as OS::Heat::None
	Place Place  // where it says so
}

// An Environment is what one or more Heat environment files say, merged.
type Environment struct {
	Registry   map[string]Target
	parameters map[string]*node
}

// sections are what Heat takes at the top of an environment file.
var sections = []string{
	"resource_registry", "parameter_defaults", "parameters",
	"parameter_merge_strategies", "encrypted_param_names", "event_sinks",
}

// ReadEnvironments reads environment files and merges them in order: what a
// later file says wins, mappings are merged key by key. A file that does not
// exist is an error; the templates that a registry names need not exist. Each
// file's first mistake is told.
func ReadEnvironments(open Open, paths []string) (*Environment, error) {
	env := newEnvironment()
	var errs []error
	for _, path := range paths {
		if err := env.read(open, path); err != nil {
			errs = append(errs, fmt.Errorf("environment file %w", err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return env, nil
}

func newEnvironment() *Environment {
	return &Environment{Registry: map[string]Target{}, parameters: map[string]*node{}}
}

func (e *Environment) read(open Open, path string) error {
	doc, err := readYAML(open, path)
	if err != nil || doc.kind == isNull {
		return err
	}
	if doc.kind != isMap {
		return doc.place.errorf("an environment is a mapping, this is %s", doc.kind)
	}
	for _, p := range doc.pairs {
		if err := e.section(path, p); err != nil {
			return err
		}
	}
	return nil
}

func (e *Environment) section(path string, p pair) error {
	switch {
	case !slices.Contains(sections, p.key):
		return &UnknownError{Place: p.place, What: "section", Got: p.key, Known: sections}
	case p.key != "resource_registry" && p.key != "parameter_defaults", p.value.kind == isNull:
		return nil
	case p.value.kind != isMap:
		return p.place.errorf("%s: a mapping is wanted, this is %s", p.key, p.value.kind)
	}
	for _, entry := range p.value.pairs {
		if p.key == "parameter_defaults" {
			e.parameters[entry.key] = e.parameters[entry.key].overlay(entry.value)
			continue
		}
		if err := e.target(path, entry); err != nil {
			return err
		}
	}
	return nil
}

// target takes one entry of a registry. A mapping (of "resources:") is about
// single resources, not services.
func (e *Environment) target(path string, p pair) error {
	switch p.value.kind {
	case isMap:
		return nil
	case isText:
		e.Registry[p.key] = newTarget(resolve(filepath.Dir(path), p.value.text), p.place)
		return nil
	}
	return p.place.errorf("resource_registry: %s: a template's path or a type is wanted, this is %s", p.key, p.value.kind)
}

// resolve makes a template's path absolute. Types and URLs stay as they are.
func resolve(dir, target string) string {
	if strings.Contains(target, "::") || strings.Contains(target, "://") || filepath.IsAbs(target) {
		return target
	}
	return filepath.Join(dir, target)
}

func newTarget(text string, place Place) Target {
	t := Target{Kind: OnHost, Text: text, Place: place}
	switch {
	case text == "OS::Heat::None":
		t.Kind = Off
	case strings.Contains(text, containersPath):
		t.Kind = InContainers
	}
	return t
}

// over lays e over base.
func (e *Environment) over(base *Environment) *Environment {
	merged := newEnvironment()
	maps.Copy(merged.Registry, base.Registry)
	maps.Copy(merged.Registry, e.Registry)
	maps.Copy(merged.parameters, e.parameters)
	return merged
}
