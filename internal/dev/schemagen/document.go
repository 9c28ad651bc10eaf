package schemagen

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// documentSources are the directories in which the types of documents are.
var documentSources = [...]string{
	"cmd/internal/document", "cmd/internal/doctor", "runner/history", "runner", "internal/fault", "internal/holder", "internal/lockfile", "internal/tagselect", "internal/tripleo",
}

// Document returns the schema of a document that bayplan prints, as indented JSON. forms are
// the types of the objects that it may be: what a command prints, and what it prints after a
// failure. Where a form has no field format_version, the schema gets that and document. The
// schema allows further names, since they are added without a new version.
func Document(root, name string, forms ...reflect.Type) ([]byte, error) {
	docs := comments{}
	for _, dir := range documentSources {
		found, err := readComments(root, dir, "github.com/bayplan/bayplan")
		if err != nil {
			return nil, err
		}
		maps.Copy(docs, found)
	}
	names := typeNames{}
	r := &jsonschema.Reflector{Anonymous: true, AllowAdditionalProperties: true, LookupComment: docs.lookup, Mapper: mapWord, Namer: names.name}
	s := &jsonschema.Schema{
		Version: jsonschema.Version, Title: fmt.Sprintf("bayplan %s document, version %d", name, runner.FormatVersion),
		Description: trimName(docs.ofType(forms[0]), forms[0].Name()), Definitions: jsonschema.Definitions{},
	}
	for _, t := range forms {
		form := r.ReflectFromType(t)
		maps.Copy(s.Definitions, form.Definitions)
		def := s.Definitions[t.Name()]
		if err := addHead(def, name); err != nil {
			return nil, fmt.Errorf("%s: %w", t, err)
		}
		s.AnyOf = append(s.AnyOf, &jsonschema.Schema{Ref: "#/$defs/" + t.Name()})
	}
	if len(names.twice) > 0 {
		return nil, fmt.Errorf("one schema would describe different types of one name: %s", strings.Join(names.twice, ", "))
	}
	out, err := json.MarshalIndent(s, "", "  ")
	return append(out, '\n'), err
}

// typeNames gives types the names of their definitions, and remembers names that two types
// have.
type typeNames struct {
	types map[string]reflect.Type
	twice []string
}

func (n *typeNames) name(t reflect.Type) string {
	name := t.Name()
	if n.types == nil {
		n.types = map[string]reflect.Type{}
	}
	if known := n.types[name]; name != "" && known != nil && known != t {
		n.twice = append(n.twice, fmt.Sprintf("%s and %s", known, t))
	}
	n.types[name] = t
	return name
}

// addHead adds to an object the properties with which it begins.
func addHead(def *jsonschema.Schema, document string) error {
	if def == nil || def.Properties == nil {
		return fmt.Errorf("is not an object")
	}
	version := &jsonschema.Schema{Type: "integer", Const: runner.FormatVersion, Description: "The version of the form of all JSON of bayplan."}
	if def.Properties.Value("format_version") != nil {
		def.Properties.Set("format_version", version)
		return nil
	}
	all := jsonschema.NewProperties()
	all.Set("format_version", version)
	all.Set("document", &jsonschema.Schema{Type: "string", Const: document, Description: "The name of the document."})
	for p := def.Properties.Oldest(); p != nil; p = p.Next() {
		all.Set(p.Key, p.Value)
	}
	def.Properties = all
	def.Required = slices.Concat([]string{"format_version", "document"}, def.Required)
	return nil
}

// mapWord gives the schemas of texts that are one of some words, and of outputs.
func mapWord(t reflect.Type) *jsonschema.Schema {
	if t == reflect.TypeFor[plan.Value]() {
		text := &jsonschema.Schema{Type: "string"}
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{text, {Type: "array", Items: text}, {Type: "null"}}}
	}
	w, ok := reflect.Zero(t).Interface().(interface{ Words() []string })
	if !ok || t.Kind() != reflect.String {
		return nil
	}
	s := &jsonschema.Schema{Type: "string"}
	for _, word := range w.Words() {
		s.Enum = append(s.Enum, word)
	}
	return s
}
