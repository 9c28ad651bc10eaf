package explain

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/schemas"
)

// A setting is the part of the JSON Schema that describes one setting, or a mapping of
// settings.
type setting struct {
	Description string             `json:"description"`
	Type        string             `json:"type"`
	Pattern     string             `json:"pattern"`
	Enum        []any              `json:"enum"`
	Default     any                `json:"default"`
	Required    []string           `json:"required"`
	Properties  map[string]setting `json:"properties"`
	AnyOf       []setting          `json:"anyOf"`
	Items       *setting           `json:"items"`
}

// A planSchema is the JSON Schema of plans.
type planSchema map[string]any

func readSchema() (planSchema, error) {
	var s planSchema
	if err := json.Unmarshal(schemas.PlanV1, &s); err != nil {
		return nil, fmt.Errorf("read the embedded schema: %w", err)
	}
	return s, nil
}

// at returns a part of the schema, with the definitions that it refers to. path is where it
// is, as keys of JSON.
func (s planSchema) at(path ...string) (setting, error) {
	defs, _ := s["$defs"].(map[string]any)
	at := any(map[string]any(s))
	for _, key := range path {
		m, _ := at.(map[string]any)
		at = m[key]
	}
	var def setting
	raw, err := json.Marshal(resolved(at, defs))
	if err != nil {
		return def, err
	}
	return def, json.Unmarshal(raw, &def)
}

// resolved gives a schema with the definitions in place of the references to them.
func resolved(at any, defs map[string]any) any {
	switch at := at.(type) {
	case map[string]any:
		ref, _ := at["$ref"].(string)
		if def, ok := defs[strings.TrimPrefix(ref, "#/$defs/")]; ok {
			return resolved(def, defs)
		}
		for key, value := range at {
			at[key] = resolved(value, defs)
		}
	case []any:
		for i, value := range at {
			at[i] = resolved(value, defs)
		}
	}
	return at
}

// walk calls show for the settings of a mapping, the required ones first, then the optional
// ones, each group sorted by name, and each followed by the settings of the mapping that it
// is, or that its items are.
func (f setting) walk(prefix string, show func(path string, s setting, required bool)) {
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
		s := f.Properties[name]
		show(prefix+name, s, slices.Contains(f.Required, name))
		s.walkBelow(prefix+name, show)
	}
}

// walkBelow walks the settings of a mapping, and of the mappings that may be items of a
// list.
func (f setting) walkBelow(path string, show func(path string, s setting, required bool)) {
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
func (f setting) kind() string {
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
func (f setting) forms() []setting {
	var forms []setting
	for _, a := range f.AnyOf {
		if !strings.HasPrefix(a.Pattern, `^\$\{`) {
			forms = append(forms, a)
		}
	}
	if f.Items != nil {
		forms = append(forms, setting{Items: f.Items})
	}
	return forms
}

// orList returns the forms of a setting, and whether a list of them is one, too: that
// form is left out.
func (f setting) orList() (forms []setting, list bool) {
	forms = f.forms()
	last := len(forms) - 1
	if last > 0 && forms[last].Items != nil && reflect.DeepEqual(forms[last].Items.forms(), forms[:last]) {
		return forms[:last], true
	}
	return forms, false
}

// documented returns the settings of a mapping, in the order in which explain prints them.
func (f setting) documented(prefix string) []document.Setting {
	list := []document.Setting{}
	f.walk(prefix, func(path string, s setting, required bool) {
		list = append(list, document.Setting{
			Setting: path, Kind: s.kind(), Required: required, Default: s.Default,
			Description: strings.TrimSpace(s.Description),
		})
	})
	return list
}
