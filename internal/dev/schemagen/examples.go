package schemagen

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/markdown"
	"github.com/bayplan/bayplan/internal/yamlguard"
)

// exampleSources are the plans whose values are the examples of settings, the first ones
// first.
var exampleSources = [...]string{"cmd/internal/explain/examples", "internal/dev/schemagen/examples", "examples", "cmd/internal/starter/scenarios"}

// A setting has at most so many examples, none of them longer than so many bytes.
const (
	maxExamples = 3
	maxExample  = 200
)

// addExamples gives settings the values that plans below root have for them, and steps the
// snippets with which editors begin them.
func addExamples(root string, s *jsonschema.Schema) error {
	a := annotator{root: s}
	for _, source := range exampleSources {
		err := filepath.WalkDir(filepath.Join(root, source), func(file string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == "world" || strings.HasPrefix(d.Name(), ".")):
				return filepath.SkipDir
			case d.IsDir() || filepath.Ext(file) != ".yaml":
				return nil
			}
			plan, err := readPlan(file)
			if plan != nil && err == nil {
				a.add(s, plan)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return a.addSnippets(root)
}

// readPlan reads a plan as a value of JSON. It returns nil for a file that is not a plan.
func readPlan(file string) (map[string]any, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	value, bad := yamlguard.ParseValue(text, yamlguard.Options{})
	if bad != nil {
		return nil, nil // such as a template
	}
	read, err := asJSON(value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	plan, _ := read.(map[string]any)
	if plan["apiVersion"] != "bayplan/v1" {
		return nil, nil
	}
	return plan, nil
}

// asJSON gives a value of YAML as an editor sees it.
func asJSON(v yamlguard.Value) (any, error) {
	o, bad := v.Open()
	if bad != nil {
		return nil, bad
	}
	switch o.Kind {
	case yamlguard.Map:
		all := map[string]any{}
		for _, p := range o.Pairs {
			value, err := asJSON(p.Value)
			if err != nil {
				return nil, err
			}
			all[p.Key] = value
		}
		return all, nil
	case yamlguard.List:
		all := make([]any, len(o.Items))
		for i, item := range o.Items {
			value, err := asJSON(item)
			if err != nil {
				return nil, err
			}
			all[i] = value
		}
		return all, nil
	}
	if n, err := strconv.Atoi(o.Text); o.Plain && err == nil {
		return n, nil
	}
	if b, ok := o.Bool(); ok {
		return b, nil
	}
	if o.IsNull() {
		return nil, nil
	}
	return o.Text, nil
}

// An annotator adds examples to the parts of a schema.
type annotator struct{ root *jsonschema.Schema }

// add walks a value beside the schema of it.
func (a annotator) add(s *jsonschema.Schema, value any) {
	switch value := value.(type) {
	case map[string]any:
		typ, _ := value["type"].(string)
		for _, key := range slices.Sorted(keys(value)) {
			for _, p := range a.properties(s, key) {
				a.example(p, value[key])
				a.add(p, value[key])
			}
			if def := a.root.Definitions[typ]; key == "with" && def != nil {
				a.add(def, value[key])
			}
		}
	case []any:
		for _, item := range value {
			for _, form := range a.forms(s) {
				if form.Items != nil {
					a.add(form.Items, item)
				}
			}
		}
	}
}

func keys(m map[string]any) func(func(string) bool) {
	return func(yield func(string) bool) {
		for key := range m {
			if !yield(key) {
				return
			}
		}
	}
}

// forms returns what s stands for: itself or what it refers to, with all alternatives.
func (a annotator) forms(s *jsonschema.Schema) []*jsonschema.Schema {
	if def := a.root.Definitions[strings.TrimPrefix(s.Ref, "#/$defs/")]; def != nil {
		s = def
	}
	all := []*jsonschema.Schema{s}
	for _, form := range s.AnyOf {
		all = append(all, a.forms(form)...)
	}
	return all
}

// properties returns the schemas of a key of a mapping.
func (a annotator) properties(s *jsonschema.Schema, key string) []*jsonschema.Schema {
	var all []*jsonschema.Schema
	for _, form := range a.forms(s) {
		if form.Properties != nil {
			if p, ok := form.Properties.Get(key); ok {
				all = append(all, p)
				continue
			}
		}
		if of := form.AdditionalProperties; of != nil && of != jsonschema.TrueSchema && of != jsonschema.FalseSchema {
			all = append(all, of)
		}
	}
	return all
}

// example adds an example to a setting that takes one. Mappings with settings of their own,
// and words of a list, show by themselves what they may be.
func (a annotator) example(p *jsonschema.Schema, value any) {
	if list, ok := value.([]any); ok && len(fmt.Sprint(value)) > maxExample {
		value = list[:1]
	}
	text := fmt.Sprint(value)
	switch {
	case p.Title == "", value == nil, len(p.Examples) == maxExamples, len(text) > maxExample, !a.takesExample(p):
	case strings.Contains(text, "${") && p.Examples != nil:
	case slices.ContainsFunc(p.Examples, func(e any) bool { return reflect.DeepEqual(e, value) }):
	default:
		p.Examples = append(p.Examples, value)
	}
}

// takesExample tells whether a setting takes other values than words of a list, true and
// false, and mappings with settings of their own.
func (a annotator) takesExample(p *jsonschema.Schema) bool {
	if strings.HasPrefix(p.Title, "steps.ID.with ") { // what it may be depends on the type
		return false
	}
	return slices.ContainsFunc(a.forms(p), func(form *jsonschema.Schema) bool {
		open := form.Type == "object" && form.Properties == nil && (form.AdditionalProperties == nil || form.AdditionalProperties.Ref == "")
		return len(form.Enum) == 0 && form.Const == nil && form.Pattern != wholeReference &&
			(form.Type == "string" || form.Type == "integer" || form.Type == "array" || open)
	})
}

// addSnippets gives the steps a snippet for each type: the first step of its example.
func (a annotator) addSnippets(root string) error {
	var snippets []map[string]any
	kind, _ := a.root.Definitions["step"].Properties.Get("type")
	for _, name := range kind.Enum {
		plan, err := readPlan(filepath.Join(root, exampleSources[0], name.(string)+".yaml"))
		if err != nil {
			return err
		}
		all, _ := plan["steps"].(map[string]any)
		for _, id := range slices.Sorted(keys(all)) {
			if body, _ := all[id].(map[string]any); body["type"] == name {
				snippets = append(snippets, map[string]any{
					"label": name, "description": "a step of the type " + name.(string), "body": quoted(body),
				})
				break
			}
		}
	}
	addExtra(kind, "markdownEnumDescriptions", a.summaries(kind.Enum))
	slices.SortFunc(snippets, func(a, b map[string]any) int { return cmp.Compare(a["label"].(string), b["label"].(string)) })
	addExtra(a.root.Definitions["step"], "defaultSnippets", snippets)
	return nil
}

// summaries returns the first sentence of each type.
func (a annotator) summaries(types []any) []string {
	var all []string
	for _, name := range types {
		first, _, _ := strings.Cut(a.root.Definitions[name.(string)].Description, ". ")
		all = append(all, markdown.Prose(strings.TrimSuffix(first, ".")+"."))
	}
	return all
}

// plain is text that YAML reads as the same text without quotes.
var plain = lazyregexp.New(`^[A-Za-z/.][A-Za-z0-9/._@+*-]*(:[A-Za-z0-9/._@+*-]+)*$`)

// quoted gives the texts of a value quotes where YAML needs them: editors put them into the
// plan as they are.
func quoted(value any) any {
	switch value := value.(type) {
	case map[string]any:
		all := map[string]any{}
		for key, v := range value {
			all[key] = quoted(v)
		}
		return all
	case []any:
		all := make([]any, len(value))
		for i, v := range value {
			all[i] = quoted(v)
		}
		return all
	case string:
		if !plain.MatchString(value) {
			return strconv.Quote(value)
		}
	}
	return value
}
