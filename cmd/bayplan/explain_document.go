package main

import (
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/runner"
)

// explainDocument prints what explain says of a step type or a topic as JSON, or of all of
// them if name is "".
func (p *program) explainDocument(name string, types runner.Types, defs map[string]settingSchema) error {
	d := document.Explain{Types: []document.ExplainedType{}, Topics: []document.ExplainedTopic{}}
	for _, t := range types {
		if name == "" || name == t.Name {
			d.Types = append(d.Types, documentedType(t, defs[t.Name]))
		}
	}
	for _, t := range topics {
		if name != "" && name != t.name {
			continue
		}
		topic, err := documentedTopic(t)
		if err != nil {
			return err
		}
		d.Topics = append(d.Topics, topic)
	}
	if name == "" || name == "json" {
		d.Topics = append(d.Topics, document.ExplainedTopic{Topic: "json", Description: jsonText(), Parts: []document.TopicedPart{}})
	}
	if len(d.Types)+len(d.Topics) == 0 {
		return usageError{unknownType(name, defs)}
	}
	return p.printDocument(d)
}

func documentedType(t runner.Type, def settingSchema) document.ExplainedType {
	d := document.ExplainedType{
		Type: t.Name, Description: def.Description, Check: t.Check,
		Settings: def.documented(""), Outputs: []document.ExplainedOutput{},
	}
	for _, o := range t.Outputs {
		d.Outputs = append(d.Outputs, document.ExplainedOutput{Output: o.Name, List: o.List, Description: o.Doc})
	}
	return d
}

func documentedTopic(t topic) (document.ExplainedTopic, error) {
	d := document.ExplainedTopic{Topic: t.name, Description: t.text, Parts: []document.TopicedPart{}}
	for _, part := range t.parts {
		def, err := schemaAt(part.path)
		if err != nil {
			return d, err
		}
		d.Parts = append(d.Parts, document.TopicedPart{Part: part.title, Settings: def.documented("")})
	}
	return d, nil
}

// documented returns the settings of a mapping, in the order in which explain prints them.
func (f settingSchema) documented(prefix string) []document.Setting {
	list := []document.Setting{}
	f.walk(prefix, func(path string, setting settingSchema, required bool) {
		list = append(list, document.Setting{
			Setting: path, Kind: setting.kind(), Required: required, Default: setting.Default,
			Description: strings.TrimSpace(setting.Description),
		})
	})
	return list
}

// printSettings prints the settings of a mapping and of those below it.
func (p *program) printSettings(def settingSchema, prefix string) {
	def.walk(prefix, func(path string, f settingSchema, required bool) {
		need := "optional"
		if required {
			need = "required"
		}
		head := view.Wrap(fmt.Sprintf("  %s (%s, %s%s)", path, f.kind(), need, f.defaultText()), lineWidth)
		fmt.Fprintf(p.stdout, "%s\n%s\n", head, indent(f.Description, "      "))
	})
}
