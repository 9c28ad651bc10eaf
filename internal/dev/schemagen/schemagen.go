// Package schemagen makes the JSON Schema of plan files from the Go types of
// the steps and connections and their doc comments. It runs when the project
// is built from changed sources, never inside bayplan, which embeds the result.
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
	// A reference to a step's output or a variable, where not every text will do.
	wholeReference = `^\$\{(vars|steps)\.[^}]+\}$`
	// The only form in which a secret may stand in a plan.
	secretReference = `^\$\{secrets\.[a-z][a-z0-9_]*\}$`
)

// Generate gives the schema as indented JSON. root is the module's directory:
// the doc comments are read from the sources below it.
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
	s, err := frame()
	if err != nil {
		return nil, err
	}
	for name, config := range map[string]any{
		"registry": &connections.RegistryConnection{}, "cloud": &connections.CloudConnection{}, "host": &connections.HostConnection{},
	} {
		def := body(r, config)
		def.Description = docs.ofType(reflect.TypeOf(config).Elem())
		s.Definitions[name] = def
	}
	step := s.Definitions["step"]
	for _, t := range steps.Builtin(nil) {
		def := body(r, t.New())
		s.Definitions[t.Name] = def
		kind, _ := step.Properties.Get("type")
		kind.Enum = append(kind.Enum, t.Name)
		step.AllOf = append(step.AllOf, when(t.Name, def))
	}
	out, err := json.MarshalIndent(s, "", "  ")
	return append(out, '\n'), err
}

// frame gives the part of the schema that no step type decides.
func frame() (*jsonschema.Schema, error) {
	s := &jsonschema.Schema{}
	if err := json.Unmarshal([]byte(frameJSON), s); err != nil {
		return nil, fmt.Errorf("read the schema's frame: %w", err)
	}
	return s, nil
}

// when says: a step of this type has such a configuration.
func when(name string, def *jsonschema.Schema) *jsonschema.Schema {
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

// body gives the schema of a configuration struct, with references allowed
// wherever they are.
func body(r *jsonschema.Reflector, config any) *jsonschema.Schema {
	t := reflect.TypeOf(config).Elem()
	s := r.ReflectFromType(t)
	s.Version = ""
	allowReferences(s)
	return s
}

func allowReferences(s *jsonschema.Schema) {
	if s.Properties == nil {
		return
	}
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		child := p.Value
		allowReferences(child)
		switch child.Type {
		case "integer", "boolean", "array":
			p.Value = orReference(child)
		case "string":
			if len(child.Enum) > 0 || child.Pattern != "" && child.Pattern != secretReference {
				p.Value = orReference(child)
			}
		}
	}
}

func orReference(s *jsonschema.Schema) *jsonschema.Schema {
	plain := *s
	plain.Description, plain.Default = "", nil
	return &jsonschema.Schema{
		Description: s.Description,
		Default:     s.Default,
		AnyOf:       []*jsonschema.Schema{&plain, {Type: "string", Pattern: wholeReference}},
	}
}

func mapType(r *jsonschema.Reflector, t reflect.Type) *jsonschema.Schema {
	if other := plan.OtherForm(t); other != nil {
		text, rest := r.ReflectFromType(t.Field(0).Type), r.ReflectFromType(other)
		text.Version, rest.Version = "", ""
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{text, rest}}
	}
	switch t {
	case reflect.TypeFor[plan.Path]():
		return &jsonschema.Schema{Type: "string", MinLength: new(uint64(1))}
	case reflect.TypeFor[plan.Secret]():
		return &jsonschema.Schema{Type: "string", Pattern: secretReference}
	}
	return nil
}
