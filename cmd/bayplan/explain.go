package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/schemas"
	"github.com/bayplan/bayplan/steps"
)

// A settingSchema is the part of the JSON Schema that describes one setting.
type settingSchema struct {
	Description string                   `json:"description"`
	Type        string                   `json:"type"`
	Pattern     string                   `json:"pattern"`
	Enum        []any                    `json:"enum"`
	Default     any                      `json:"default"`
	Required    []string                 `json:"required"`
	Properties  map[string]settingSchema `json:"properties"`
	AnyOf       []settingSchema          `json:"anyOf"`
	Items       *settingSchema           `json:"items"`
}

func (p *program) explainCommand() *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "describe the step types, one of them, or a part of plans",
		ArgsUsage: "[TYPE | TOPIC]",
		Flags:     []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			var schema struct {
				Defs map[string]settingSchema `json:"$defs"`
			}
			if err := json.Unmarshal(schemas.PlanV1, &schema); err != nil {
				return fmt.Errorf("read the embedded schema: %w", err)
			}
			types := steps.Builtin(nil)
			name := c.Args().First()
			if c.Bool("json") {
				return p.explainDocument(name, types, schema.Defs)
			}
			if name == "json" {
				return p.explainJSON()
			}
			if name == "" {
				return p.listTypes(types, schema.Defs)
			}
			if t, ok := types.Find(name); ok {
				return p.explainType(t, schema.Defs[name])
			}
			if i := slices.IndexFunc(topics[:], func(t topic) bool { return t.name == name }); i >= 0 {
				return p.explainTopic(topics[i])
			}
			return usageError{unknownType(name, schema.Defs)}
		},
	}
}

func unknownType(name string, defs map[string]settingSchema) error {
	names := typeNames()
	err := fmt.Errorf("there is no step type or topic %q", name)
	if having := withSetting(name, defs); len(having) > 0 {
		return fault.WithHint(err, "it is a setting: bayplan explain "+strings.Join(having, " | "))
	}
	if hint := human.DidYouMean(name, append(topicNames(), names...)); hint != "" {
		return fmt.Errorf("%w; %s", err, hint)
	}
	return fault.WithHint(err, "the step types are "+strings.Join(names, ", ")+"; the topics are "+strings.Join(topicNames(), ", "))
}

// withSetting returns the topics and types that have a setting of that name.
func withSetting(name string, defs map[string]settingSchema) []string {
	var having []string
	look := func(of string, def settingSchema) {
		def.walk("", func(path string, _ settingSchema, _ bool) {
			if path[strings.LastIndex(path, ".")+1:] == name && !slices.Contains(having, of) {
				having = append(having, of)
			}
		})
	}
	for _, t := range topics {
		if strings.Contains(t.text, "\n  "+name+":") {
			having = append(having, t.name)
		}
		for _, part := range t.parts {
			if def, err := schemaAt(part.path); err == nil {
				look(t.name, def)
			}
		}
	}
	for _, t := range typeNames() {
		look(t, defs[t])
	}
	return having
}

func (p *program) listTypes(types runner.Types, defs map[string]settingSchema) error {
	width := 0
	for _, t := range types {
		width = max(width, len(t.Name)+2)
	}
	for _, t := range types {
		first, _, _ := strings.Cut(strings.ReplaceAll(defs[t.Name].Description, "\n", " "), ". ")
		lines := indent(strings.TrimSuffix(first, "."), strings.Repeat(" ", width))
		fmt.Fprintf(p.stdout, "%-*s%s\n", width, t.Name, lines[width:])
	}
	const one, parts = "To describe one of them: ", "Parts of plans:"
	topics := indent("bayplan explain "+strings.Join(topicNames(), " | "), strings.Repeat(" ", len(one)))
	_, err := fmt.Fprintf(p.stdout, "\n%sbayplan explain TYPE\n%s%s\n", one, parts, topics[len(parts):])
	return err
}

func (p *program) explainType(t runner.Type, def settingSchema) error {
	fmt.Fprintf(p.stdout, "%s\n\n%s\n\nSettings (under with):\n", t.Name, indent(def.Description, "  "))
	p.printSettings(def, "")
	if len(t.Outputs) > 0 {
		fmt.Fprintln(p.stdout, "\nOutputs (as ${steps.ID.NAME}):")
	}
	for _, o := range t.Outputs {
		kind := "text"
		if o.List {
			kind = "list of text"
		}
		fmt.Fprintf(p.stdout, "  %s (%s)\n%s\n", o.Name, kind, indent(o.Doc, "      "))
	}
	return nil
}

// walk calls show for the settings of a mapping, the required ones first, then the optional
// ones, each group sorted by name, and each followed by the settings of the mapping that it
// is, or that its items are.
func (f settingSchema) walk(prefix string, show func(path string, setting settingSchema, required bool)) {
	var names []string
	for name := range f.Properties {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		ra, rb := slices.Contains(f.Required, a), slices.Contains(f.Required, b)
		if ra != rb {
			if ra {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		setting := f.Properties[name]
		show(prefix+name, setting, slices.Contains(f.Required, name))
		setting.walkBelow(prefix+name, show)
	}
}

// walkBelow walks the settings of a mapping, and of the mappings that may be items of a
// list.
func (f settingSchema) walkBelow(path string, show func(path string, setting settingSchema, required bool)) {
	f.walk(path+".", show)
	forms, _ := f.orList()
	for _, form := range forms {
		if form.Items != nil {
			form.Items.walkBelow(path+"[]", show)
		} else {
			form.walkBelow(path, show)
		}
	}
}

// kind returns the type of a setting in the words of the plan language.
func (f settingSchema) kind() string {
	if len(f.AnyOf) > 0 {
		var kinds []string
		forms, list := f.orList()
		for _, form := range forms {
			kinds = append(kinds, form.kind())
		}
		if list {
			kinds = append(kinds, "list of these")
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

// forms returns the alternative ways to write a setting. It leaves out
// references: every setting may be one.
func (f settingSchema) forms() []settingSchema {
	var forms []settingSchema
	for _, a := range f.AnyOf {
		if !strings.HasPrefix(a.Pattern, `^\$\{`) {
			forms = append(forms, a)
		}
	}
	if f.Items != nil {
		forms = append(forms, settingSchema{Items: f.Items})
	}
	return forms
}

// orList returns the forms of a setting, and whether a list of them is one, too: that
// form is left out.
func (f settingSchema) orList() (forms []settingSchema, list bool) {
	forms = f.forms()
	last := len(forms) - 1
	if last > 0 && forms[last].Items != nil && reflect.DeepEqual(forms[last].Items.forms(), forms[:last]) {
		return forms[:last], true
	}
	return forms, false
}

func (f settingSchema) defaultText() string {
	if f.Default == nil {
		return ""
	}
	return fmt.Sprintf(", default %v", f.Default)
}

// indent wraps text at lineWidth and puts prefix before each line. It does not
// wrap lines that start with a tab.
func indent(text, prefix string) string {
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if strings.HasPrefix(line, "\t") {
			lines = append(lines, prefix+line)
			continue
		}
		lines = append(lines, wrap(line, prefix)...)
	}
	return strings.Join(lines, "\n")
}

// lineWidth is the longest line of a wrapped text, in columns.
const lineWidth = 80

func wrap(paragraph, prefix string) []string {
	lines := []string{prefix}
	for _, word := range strings.Fields(paragraph) {
		last := &lines[len(lines)-1]
		switch {
		case *last == prefix:
			*last += word
		case human.Width(*last)+1+human.Width(word) > lineWidth:
			lines = append(lines, prefix+word)
		default:
			*last += " " + word
		}
	}
	return lines
}
