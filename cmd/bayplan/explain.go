package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/schemas"
	"github.com/bayplan/bayplan/steps"
)

// A field is what the schema says of one setting.
type field struct {
	Description string           `json:"description"`
	Type        string           `json:"type"`
	Pattern     string           `json:"pattern"`
	Enum        []any            `json:"enum"`
	Default     any              `json:"default"`
	Required    []string         `json:"required"`
	Properties  map[string]field `json:"properties"`
	AnyOf       []field          `json:"anyOf"`
	Items       *field           `json:"items"`
}

func (p *program) explainCommand() *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "tell what a step type does, takes and gives",
		ArgsUsage: "[TYPE]",
		Action: func(c *cli.Context) error {
			var schema struct {
				Defs map[string]field `json:"$defs"`
			}
			if err := json.Unmarshal(schemas.PlanV1, &schema); err != nil {
				return fmt.Errorf("read the embedded schema: %w", err)
			}
			types := steps.Builtin(nil)
			name := c.Args().First()
			if name == "" {
				return p.listTypes(types, schema.Defs)
			}
			t, ok := types.Find(name)
			if !ok {
				return usageError{unknownType(name)}
			}
			return p.explainType(t, schema.Defs[name])
		},
	}
}

func unknownType(name string) error {
	names := typeNames()
	err := fmt.Errorf("there is no step type %q", name)
	if hint := human.DidYouMean(name, names); hint != "" {
		return fmt.Errorf("%w; %s", err, hint)
	}
	return fault.WithHint(err, "there are "+strings.Join(names, ", "))
}

func (p *program) listTypes(types runner.Types, defs map[string]field) error {
	for _, t := range types {
		first, _, _ := strings.Cut(strings.ReplaceAll(defs[t.Name].Description, "\n", " "), ". ")
		lines := indent(strings.TrimSuffix(first, "."), strings.Repeat(" ", 16))
		fmt.Fprintf(p.out, "%-16s%s\n", t.Name, lines[16:])
	}
	_, err := fmt.Fprintln(p.out, "\nMore on one of them: bayplan explain TYPE")
	return err
}

func (p *program) explainType(t runner.Type, def field) error {
	fmt.Fprintf(p.out, "%s\n\n%s\n\nSettings (under with):\n", t.Name, indent(def.Description, "  "))
	p.settings(def, "")
	if len(t.Outputs) > 0 {
		fmt.Fprintln(p.out, "\nOutputs (as ${steps.ID.NAME}):")
	}
	for _, o := range t.Outputs {
		kind := "text"
		if o.List {
			kind = "list of text"
		}
		fmt.Fprintf(p.out, "  %s (%s)\n%s\n", o.Name, kind, indent(o.Doc, "      "))
	}
	return nil
}

// settings prints the required settings first, each group by name.
func (p *program) settings(def field, prefix string) {
	var names []string
	for name := range def.Properties {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		ra, rb := slices.Contains(def.Required, a), slices.Contains(def.Required, b)
		if ra != rb {
			if ra {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		f := def.Properties[name]
		need := "optional"
		if slices.Contains(def.Required, name) {
			need = "required"
		}
		fmt.Fprintf(p.out, "  %s%s (%s, %s%s)\n%s\n", prefix, name, f.kind(), need, f.fallback(), indent(f.Description, "      "))
		p.settings(f, prefix+name+".")
		for _, form := range f.forms() {
			p.settings(form, prefix+name+".")
			if form.Items != nil {
				p.settings(*form.Items, prefix+name+"[].")
			}
		}
	}
}

// kind names the type of a setting in the words of the plan language.
func (f field) kind() string {
	if len(f.AnyOf) > 0 {
		var kinds []string
		for _, form := range f.forms() {
			kinds = append(kinds, form.kind())
		}
		return strings.Join(kinds, " or ")
	}
	switch {
	case len(f.Enum) > 0:
		var words []string
		for _, e := range f.Enum {
			words = append(words, fmt.Sprint(e))
		}
		return strings.Join(words, " | ")
	case f.Type == "array" && f.Items != nil:
		return "list of " + f.Items.kind()
	case f.Type == "object":
		return "mapping"
	case f.Type == "string":
		return "text"
	case f.Type == "boolean":
		return "true or false"
	}
	return f.Type
}

// forms are the ways to write a setting that has several. That it may be a
// reference instead goes without saying.
func (f field) forms() []field {
	var forms []field
	for _, a := range f.AnyOf {
		if !strings.HasPrefix(a.Pattern, `^\$\{`) {
			forms = append(forms, a)
		}
	}
	if f.Items != nil {
		forms = append(forms, field{Items: f.Items})
	}
	return forms
}

func (f field) fallback() string {
	if f.Default == nil {
		return ""
	}
	return fmt.Sprintf(", default %v", f.Default)
}

// indent breaks text into lines of a readable length, each after by. Lines
// that are indented already stay as they are.
func indent(text, by string) string {
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if strings.HasPrefix(line, "\t") {
			lines = append(lines, by+line)
			continue
		}
		lines = append(lines, wrapped(line, by)...)
	}
	return strings.Join(lines, "\n")
}

// lineWidth is how long a line of explanations may be.
const lineWidth = 80

func wrapped(paragraph, by string) []string {
	lines := []string{by}
	for _, word := range strings.Fields(paragraph) {
		last := &lines[len(lines)-1]
		switch {
		case *last == by:
			*last += word
		case len(*last)+1+len(word) > lineWidth:
			lines = append(lines, by+word)
		default:
			*last += " " + word
		}
	}
	return lines
}
