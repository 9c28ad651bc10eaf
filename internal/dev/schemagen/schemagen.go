// Package schemagen makes the JSON Schema of plan files from the Go types of the
// steps and connections and their doc comments. It runs in `make generate`. It is
// not part of bayplan, which embeds the result.
package schemagen

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/invopop/jsonschema"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/steps"
	"github.com/bayplan/bayplan/steps/connections"
)

const (
	// A reference to a step's output or a variable, for settings that do not take
	// every text.
	wholeReference = `^\$\{(vars|each|steps)\.[^}]+\}$`
	// The only way to use a secret in a plan.
	secretReference = `^\$\{secrets\.[a-z][a-z0-9_]*\}$`
)

// Generate returns the schema as indented JSON. It reads the doc comments from
// the sources below root, the directory of the module.
func Generate(root string) ([]byte, error) {
	docs, err := readComments(root, "steps", "github.com/bayplan/bayplan")
	if err != nil {
		return nil, err
	}
	r := &jsonschema.Reflector{
		Anonymous:      true,
		DoNotReference: true,
		LookupComment:  docs.lookup,
	}
	r.Mapper = func(t reflect.Type) *jsonschema.Schema { return mapType(r, t) }
	s, err := parseFrame()
	if err != nil {
		return nil, err
	}
	for name, config := range map[string]any{
		"registry": &connections.RegistryConnection{}, "cloud": &connections.CloudConnection{}, "host": &connections.HostConnection{},
	} {
		def := configSchema(r, config)
		def.Description = docs.ofType(reflect.TypeOf(config).Elem())
		s.Definitions[name] = def
	}
	step := s.Definitions["step"]
	for _, t := range steps.Builtin(nil) {
		def := configSchema(r, t.New())
		s.Definitions[t.Name] = def
		kind, _ := step.Properties.Get("type")
		kind.Enum = append(kind.Enum, t.Name)
		step.AllOf = append(step.AllOf, ifType(t.Name, def))
	}
	s.ID = id
	describe(s)
	if err := addExamples(root, s); err != nil {
		return nil, err
	}
	out, err := json.MarshalIndent(s, "", "  ")
	return append(out, '\n'), err
}

// parseFrame returns the fixed part of the schema.
func parseFrame() (*jsonschema.Schema, error) {
	s := &jsonschema.Schema{}
	if err := json.Unmarshal([]byte(frameJSON), s); err != nil {
		return nil, fmt.Errorf("read the schema's frame: %w", err)
	}
	return s, nil
}

// ifType returns the condition that a step of this type has this configuration.
func ifType(name string, def *jsonschema.Schema) *jsonschema.Schema {
	cond, then := jsonschema.NewProperties(), jsonschema.NewProperties()
	cond.Set("type", &jsonschema.Schema{Const: name})
	then.Set("with", &jsonschema.Schema{Ref: "#/$defs/" + name})
	s := &jsonschema.Schema{
		If:   &jsonschema.Schema{Properties: cond, Required: []string{"type"}},
		Then: &jsonschema.Schema{Properties: then},
	}
	if len(def.Required) > 0 {
		s.Then.Required = []string{"with"}
	}
	return s
}

// configSchema returns the schema of a configuration struct. Settings accept
// references wherever a plan does.
func configSchema(r *jsonschema.Reflector, config any) *jsonschema.Schema {
	t := reflect.TypeOf(config).Elem()
	s := r.ReflectFromType(t)
	s.Version = ""
	allowReferences(s)
	return s
}

// allowReferences lets the settings of s, of the items of its lists and of each of its forms
// be references.
func allowReferences(s *jsonschema.Schema) {
	if s.Items != nil {
		allowReferences(s.Items)
		s.Items = orReference(s.Items)
	}
	for _, form := range s.AnyOf {
		allowReferences(form)
	}
	if s.Properties == nil {
		return
	}
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		allowReferences(p.Value)
		p.Value = orReference(p.Value)
	}
}

// orReference gives the schema of a setting that may be a reference, unless it takes every
// text.
func orReference(s *jsonschema.Schema) *jsonschema.Schema {
	switch s.Type {
	case "integer", "boolean", "array":
		return withReference(s)
	case "object":
		if s.Properties == nil || s.Properties.Len() == 0 {
			return withReference(s)
		}
	case "string":
		if len(s.Enum) > 0 || s.Pattern != "" && s.Pattern != secretReference {
			return withReference(s)
		}
	}
	return s
}

func withReference(s *jsonschema.Schema) *jsonschema.Schema {
	plain := *s
	plain.Description, plain.Default = "", nil
	return &jsonschema.Schema{
		Description: s.Description,
		Default:     s.Default,
		AnyOf:       []*jsonschema.Schema{&plain, {Type: "string", Pattern: wholeReference}},
	}
}

func mapType(r *jsonschema.Reflector, t reflect.Type) *jsonschema.Schema {
	if one, other := plan.Forms(t); other != nil {
		text, rest := r.ReflectFromType(one), r.ReflectFromType(other)
		text.Version, rest.Version = "", ""
		s := &jsonschema.Schema{AnyOf: []*jsonschema.Schema{text, rest}}
		// The tag of a field with two forms cannot list the words of one of them.
		if w, ok := reflect.Zero(t.Field(0).Type).Interface().(interface{ Words() []string }); ok {
			for _, word := range w.Words() {
				text.Enum = append(text.Enum, word)
			}
			s.AnyOf = append(s.AnyOf, &jsonschema.Schema{Type: "string", Pattern: wholeReference})
			s.Default = text.Enum[0]
		}
		return s
	}
	if item := plan.ItemOf(t); item != nil {
		one, more := r.ReflectFromType(item), r.ReflectFromType(reflect.SliceOf(item))
		one.Version, more.Version = "", ""
		more.MinItems = new(uint64(1))
		if one.AnyOf != nil {
			return &jsonschema.Schema{AnyOf: append(one.AnyOf, more)}
		}
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{one, more}}
	}
	switch t {
	case reflect.TypeFor[plan.Path]():
		return &jsonschema.Schema{Type: "string", MinLength: new(uint64(1))}
	case reflect.TypeFor[plan.Secret]():
		return &jsonschema.Schema{Type: "string", Pattern: secretReference}
	}
	return nil
}
