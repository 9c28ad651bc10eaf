package tripleo

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
)

// A Kind says whether the template of a service runs containers.
type Kind uint8

// The kinds of targets in a resource registry.
const (
	OnHost       Kind = iota // any other target: it runs no container
	InContainers             // a template below /docker/services/
	Off                      // mapped to OS::Heat::None
)

// containersPath is part of the path of every template of a service in
// containers. The leading slash matters, so relative paths are made absolute
// before the test.
const containersPath = "/docker/services/"

// A Target is what a resource registry maps a service to.
type Target struct {
	Kind  Kind
	Text  string // the template's path, or a type such as OS::Heat::None
	Place Place  // of the registry's entry
}

// An Environment is the merged content of Heat environment files.
type Environment struct {
	Registry   map[string]Target
	parameters map[string]*node
	notes      []string // what may be a mistake in the files of the request
}

// note keeps a note, each once.
func (e *Environment) note(text string) {
	if !slices.Contains(e.notes, text) {
		e.notes = append(e.notes, text)
	}
}

// sections are the top-level keys that Heat accepts in an environment file.
var sections = []string{
	"resource_registry", "parameter_defaults", "parameters",
	"parameter_merge_strategies", "encrypted_param_names", "event_sinks",
}

// ReadEnvironments reads environment files and merges them in order: later files
// override earlier ones, and mappings are merged key by key. Every file must
// exist; the templates that a registry names need not exist. The error joins the
// mistakes in the files.
func ReadEnvironments(open Open, paths []string) (*Environment, error) {
	env := newEnvironment()
	var errs []error
	for _, path := range paths {
		errs = append(errs, fault.Each(env.read(open, path), func(err error) error { return fmt.Errorf("environment file %w", err) }))
	}
	if err := fault.Join(errs...); err != nil {
		return nil, err
	}
	return env, nil
}

func newEnvironment() *Environment {
	return &Environment{Registry: map[string]Target{}, parameters: map[string]*node{}}
}

func (e *Environment) read(open Open, path string) error {
	doc, err := readYAML(open, path, e.note)
	if err != nil || doc.kind == isNull {
		return err
	}
	if doc.kind != isMap {
		return doc.place.hidden().errorf("an environment is a mapping, this is %s", doc.kind)
	}
	var errs []error
	known := slices.ContainsFunc(doc.pairs, func(p pair) bool { return slices.Contains(sections, p.key) })
	for _, p := range doc.pairs {
		if !known && human.Suggest(p.key, sections) == "" {
			p.place = p.place.hidden()
		}
		errs = append(errs, e.readSection(path, p)...)
	}
	return joinMistakes(path, errs)
}

func (e *Environment) readSection(path string, p pair) (errs []error) {
	switch {
	case !slices.Contains(sections, p.key):
		return []error{&UnknownError{Place: p.place, What: "section", Got: quotable(p.key), Known: sections}}
	case p.key != "resource_registry" && p.key != "parameter_defaults", p.value.kind == isNull:
		return nil
	case p.value.kind != isMap:
		return []error{p.place.errorf("%s: a mapping is wanted, this is %s", p.key, p.value.kind)}
	}
	for _, entry := range p.value.pairs {
		if p.key == "parameter_defaults" {
			e.parameters[entry.key] = e.parameters[entry.key].overlaidBy(entry.value)
			continue
		}
		errs = append(errs, e.readTarget(path, entry))
	}
	return errs
}

// readTarget reads one entry of a registry. It skips a mapping (such as
// "resources:"), which is about single resources, not services.
func (e *Environment) readTarget(path string, p pair) error {
	switch p.value.kind {
	case isMap:
		return nil
	case isText:
		e.Registry[p.key] = newTarget(resolve(filepath.Dir(path), p.value.text), p.place)
		return nil
	}
	return p.place.errorf("resource_registry: %s: a template's path or a type is wanted, this is %s", p.key, p.value.kind)
}

// resolve makes the path of a template absolute. It does not change types and
// URLs.
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

// mergedOver returns base with the entries of e added; e overrides base.
func (e *Environment) mergedOver(base *Environment) *Environment {
	merged := newEnvironment()
	merged.notes = e.notes
	maps.Copy(merged.Registry, base.Registry)
	maps.Copy(merged.Registry, e.Registry)
	maps.Copy(merged.parameters, e.parameters)
	return merged
}
