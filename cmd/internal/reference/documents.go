package reference

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/bayplan/bayplan/cmd/internal/explain"
	"github.com/bayplan/bayplan/schemas"
)

// A schema is the schema of a document.
type schema struct {
	name string
	*jsonschema.Schema
}

// failureForms are the definitions that stand in every schema: they are described once.
var failureForms = [...]string{"Failure", "FailureLine"}

// readSchemas reads the schemas of all documents.
func readSchemas() ([]schema, error) {
	var list []schema
	for _, name := range schemas.Names() {
		text, err := schemas.Read(name)
		if err != nil {
			return nil, err
		}
		s := schema{name, new(jsonschema.Schema)}
		if err := json.Unmarshal(text, s.Schema); err != nil {
			return nil, fmt.Errorf("read the schema of %s: %w", name, err)
		}
		if name != "plan" {
			list = append(list, s)
		}
	}
	return list, nil
}

// documents gives the page of what all documents have in common. Their failures are the same.
func documents(list []schema) (page, error) {
	var out strings.Builder
	text, words := explain.JSON()
	out.WriteString(blocks(text) + "\n\n")
	for _, g := range words {
		fmt.Fprintf(&out, "## %s\n\n", g.Title)
		var rows [][]string
		for _, w := range g.Words {
			rows = append(rows, []string{code(w[0]), prose(w[1])})
		}
		table(&out, []string{"word", "meaning"}, rows)
	}
	out.WriteString("## Failure\n\nWhat a command prints in place of its document if it could not make it.\n\n")
	for _, name := range []string{"Failure", "Mistake", "Holder"} {
		def := list[0].Definitions[name]
		if def == nil {
			return page{}, fmt.Errorf("the schema of %s does not define %s", list[0].name, name)
		}
		if name == "Failure" {
			def = ofAnyDocument(def)
		} else {
			fmt.Fprintf(&out, "### %s\n\n%s\n\n", code(name), prose(def.Description))
		}
		fields(&out, list[0], def)
	}
	out.WriteString("## Documents\n\n")
	for _, s := range list {
		fmt.Fprintf(&out, "- %s: %s\n", link(code(s.name), "json/"+s.name+".md", ""), prose(s.Description))
	}
	return page{"json.md", "JSON documents", "what `--json` prints: every document with its fields, its schema and an example", out.String()}, nil
}

// ofAnyDocument gives the schema of a failure without the name of the document in whose place
// it stands.
func ofAnyDocument(failure *jsonschema.Schema) *jsonschema.Schema {
	common := *failure
	common.Properties = jsonschema.NewProperties()
	for p := failure.Properties.Oldest(); p != nil; p = p.Next() {
		field := *p.Value
		if p.Key == "document" {
			field.Const = nil
		}
		common.Properties.Set(p.Key, &field)
	}
	return &common
}

// documentPage gives the page of one document with an example.
func documentPage(s schema, example string) page {
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n\nJSON Schema: [%s](../../../schemas/%s), or %s.\n\n", prose(s.Description), schemas.File(s.name), schemas.File(s.name), code("bayplan schema "+s.name))
	var forms []string
	for _, form := range s.AnyOf {
		name := strings.TrimPrefix(form.Ref, "#/$defs/")
		if !slices.Contains(failureForms[:], name) {
			forms = append(forms, name)
		}
	}
	done := slices.Concat(forms, failureForms[:])
	for _, name := range forms {
		out.WriteString("## Fields\n\n")
		more := fields(&out, s, s.Definitions[name])
		for len(more) > 0 {
			next := more[0]
			more = more[1:]
			if slices.Contains(done, next) || s.Definitions[next] == nil {
				continue
			}
			done = append(done, next)
			fmt.Fprintf(&out, "### %s\n\n%s\n\n", code(next), prose(s.Definitions[next].Description))
			more = append(more, fields(&out, s, s.Definitions[next])...)
		}
	}
	if example != "" {
		fmt.Fprintf(&out, "## Example\n\nReal output, with other times, names of users and hosts, and paths.\n\n```json\n%s\n```\n\n", strings.TrimSpace(example))
	}
	if s.Definitions["Failure"] != nil || s.Definitions["FailureLine"] != nil {
		out.WriteString("If the command cannot do its work, it prints a [failure](../json.md#failure) instead. ")
	}
	out.WriteString("All documents: [JSON documents](../json.md).\n")
	return page{path: "json/" + s.name + ".md", title: code(s.name), text: out.String()}
}

// fields writes a table of the fields of an object, and returns the definitions that they
// refer to.
func fields(out *strings.Builder, s schema, def *jsonschema.Schema) []string {
	if def == nil || def.Properties == nil {
		return nil
	}
	var rows [][]string
	var more []string
	for p := def.Properties.Oldest(); p != nil; p = p.Next() {
		form, refs := formOf(s, p.Value)
		more = append(more, refs...)
		always := ""
		if slices.Contains(def.Required, p.Key) {
			always = "always"
		}
		rows = append(rows, []string{code(p.Key), form, always, prose(p.Value.Description)})
	}
	table(out, []string{"field", "form", "", "meaning"}, rows)
	return more
}

// formOf says in words what a value may be, and which definitions it refers to.
func formOf(s schema, v *jsonschema.Schema) (string, []string) {
	if name, ok := strings.CutPrefix(v.Ref, "#/$defs/"); ok {
		def := s.Definitions[name]
		if def == nil || def.Properties == nil {
			if def != nil {
				return formOf(s, def)
			}
			return "object", nil
		}
		return link(code(name), "", name), []string{name}
	}
	switch {
	case v.Const != nil:
		return code(fmt.Sprint(v.Const)), nil
	case len(v.Enum) > 0:
		var words []string
		for _, e := range v.Enum {
			words = append(words, code(fmt.Sprint(e)))
		}
		return strings.Join(words, ", "), nil
	case v.AnyOf != nil:
		var forms []string
		var more []string
		for _, a := range v.AnyOf {
			form, refs := formOf(s, a)
			forms, more = append(forms, form), append(more, refs...)
		}
		return strings.Join(forms, " or "), more
	case v.Type == "array" && v.Items != nil:
		form, more := formOf(s, v.Items)
		return "list of " + form, more
	case v.Type == "object" && v.AdditionalProperties != nil && v.AdditionalProperties != jsonschema.TrueSchema:
		form, more := formOf(s, v.AdditionalProperties)
		return "mapping to " + form, more
	case v.Type == "string" && v.Format == "date-time":
		return "time", nil
	case v.Type == "string":
		return "text", nil
	case v.Type == "boolean":
		return "true or false", nil
	case v.Type == "":
		return "any", nil
	}
	return v.Type, nil
}
