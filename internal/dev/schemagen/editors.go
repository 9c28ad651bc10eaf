package schemagen

import (
	"cmp"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/bayplan/bayplan/internal/markdown"
)

const (
	// id is where editors find the schema.
	id = "https://raw.githubusercontent.com/bayplan/bayplan/main/schemas/plan.v1.schema.json"
	// pages is where the reference can be read.
	pages = "https://github.com/bayplan/bayplan/blob/main/docs/reference/"
)

// sections are the places in the reference of settings that have no section of their own.
var sections = map[string]string{
	"apiVersion": "plan.md#the-file", "name": "plan.md#the-file", "include": "plan.md#the-file",
	"vars": "plan.md#variables", "secrets": "plan.md#secrets", "steps": "plan.md#steps", "defaults": "plan.md#settings-of-defaults",
	"connections":            "connections.md",
	"connections.registries": "connections.md#settings-of-connectionsregistriesname",
	"connections.clouds":     "connections.md#settings-of-connectionscloudsname",
	"connections.hosts":      "connections.md#settings-of-connectionshostsname",
}

// describe gives each setting what editors show: a title, and its description as Markdown
// with a link to the section of the reference.
func describe(s *jsonschema.Schema) {
	describeBelow(s.Definitions, s, "", "plan.md")
	for name, def := range s.Definitions {
		switch name {
		case "registry":
			describeBelow(s.Definitions, def, "connections.registries.NAME", "connections.md")
		case "cloud":
			describeBelow(s.Definitions, def, "connections.clouds.NAME", "connections.md")
		case "host":
			describeBelow(s.Definitions, def, "connections.hosts.NAME", "connections.md")
		case "step":
			describeBelow(s.Definitions, def, "steps.ID", "plan.md")
		default:
			describeBelow(s.Definitions, def, "", "steps/"+name+".md")
		}
	}
}

// describeBelow describes the settings of a mapping, of each of its forms, and of the items of
// a list. path is that of s, and page has its settings.
func describeBelow(defs jsonschema.Definitions, s *jsonschema.Schema, path, page string) {
	if s == nil || s == jsonschema.TrueSchema || s == jsonschema.FalseSchema {
		return
	}
	if s.Properties != nil {
		for p := s.Properties.Oldest(); p != nil; p = p.Next() {
			name := strings.TrimPrefix(path+"."+p.Key, ".")
			if def := defs[strings.TrimPrefix(p.Value.Ref, "#/$defs/")]; def != nil && p.Value.Description == "" {
				p.Value.Description = def.Description
			}
			addTexts(p.Value, name, pages+cmp.Or(sections[name], page+"#"+markdown.Anchor(name)))
			describeBelow(defs, p.Value, name, page)
		}
	}
	describeBelow(defs, s.Items, path+"[]", page)
	describeBelow(defs, s.AdditionalProperties, path+".NAME", page)
	for _, form := range s.AnyOf {
		describeBelow(defs, form, path, page)
	}
}

// addTexts gives a setting its title and its description as Markdown.
func addTexts(s *jsonschema.Schema, title, link string) {
	s.Title = title
	if f := strings.Join(forms(s), " or "); f != "" { // editors name the title where a value is of another form
		s.Title += " (" + f + ")"
	}
	var parts []string
	for _, p := range strings.Split(s.Description, "\n\n") {
		parts = append(parts, markdown.Prose(p))
	}
	addExtra(s, "markdownDescription", strings.Join(append(parts, "[Reference]("+link+")"), "\n\n"))
}

func addExtra(s *jsonschema.Schema, name string, value any) {
	if s.Extras == nil {
		s.Extras = map[string]any{}
	}
	s.Extras[name] = value
}

// forms returns what a setting may be, in the words of the plan language. References are left
// out: nearly every setting may be one.
func forms(s *jsonschema.Schema) []string {
	words := map[string]string{"string": "text", "array": "list", "object": "mapping", "integer": "integer", "boolean": "true or false"}
	if s.Pattern == wholeReference {
		return nil
	}
	var all []string
	if word := words[s.Type]; word != "" {
		all = append(all, word)
	}
	for _, form := range s.AnyOf {
		for _, word := range forms(form) {
			if !slices.Contains(all, word) {
				all = append(all, word)
			}
		}
	}
	return all
}
