// Package explain describes the step types and the parts of plans, for people and for
// programs. What it says of settings comes from the JSON Schema of plans, which is made of
// the doc comments of the Go types.
package explain

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps"
)

// Types returns the names of all step types.
func Types() []string {
	var names []string
	for _, t := range steps.Builtin(nil) {
		names = append(names, t.Name)
	}
	return names
}

// Topics returns the names of all topics.
func Topics() []string {
	var names []string
	for _, t := range topics {
		names = append(names, t.name)
	}
	for _, o := range others {
		names = append(names, o.name)
	}
	return names
}

// Check returns an error, with a hint, if a name is that of no step type and no topic.
func Check(name string) error {
	types, topics := Types(), Topics()
	if slices.Contains(types, name) || slices.Contains(topics, name) {
		return nil
	}
	err := fmt.Errorf("there is no step type or topic %q", name)
	if describing := describing(name); len(describing) > 0 {
		return fault.WithHint(err, "it is a setting: bayplan explain "+strings.Join(describing, " | "))
	}
	if hint := human.DidYouMean(name, append(topics, types...)); hint != "" {
		return fmt.Errorf("%w; %s", err, hint)
	}
	return fault.WithHint(err, "the step types are "+strings.Join(types, ", ")+"; the topics are "+strings.Join(topics, ", "))
}

// describing returns the topics and types that describe a setting of that name.
func describing(name string) []string {
	all, err := Document("")
	if err != nil {
		return nil
	}
	has := func(settings []document.Setting) bool {
		return slices.ContainsFunc(settings, func(s document.Setting) bool {
			last := s.Setting[strings.LastIndex(s.Setting, ".")+1:]
			return strings.TrimSuffix(last, "[]") == name
		})
	}
	var found []string
	for _, t := range all.Topics {
		if strings.Contains(t.Description, "\n  "+name+":") || slices.ContainsFunc(t.Parts, func(p document.TopicedPart) bool { return has(p.Settings) }) {
			found = append(found, t.Topic)
		}
	}
	for _, t := range all.Types {
		if has(t.Settings) {
			found = append(found, t.Type)
		}
	}
	return found
}

// List writes a line for each step type, and the names of the topics.
func List(out io.Writer) error {
	all, err := Document("")
	if err != nil {
		return err
	}
	width := 0
	for _, t := range all.Types {
		width = max(width, len(t.Type)+2)
	}
	for _, t := range all.Types {
		lines := indent(Summary(t.Description), strings.Repeat(" ", width))
		fmt.Fprintf(out, "%-*s%s\n", width, t.Type, lines[width:])
	}
	const one, parts = "To describe one of them: ", "Parts of plans:"
	topics := indent("bayplan explain "+strings.Join(Topics(), " | "), strings.Repeat(" ", len(one)))
	_, err = fmt.Fprintf(out, "\n%sbayplan explain TYPE\n%s%s\n", one, parts, topics[len(parts):])
	return err
}

// Summary returns the first sentence of a description, without its full stop.
func Summary(description string) string {
	first, _, _ := strings.Cut(strings.ReplaceAll(description, "\n", " "), ". ")
	return strings.TrimSuffix(first, ".")
}

// Keys returns the keys with which a plan is made.
func Keys() ([]document.Setting, error) {
	schema, err := readSchema()
	if err != nil {
		return nil, err
	}
	def, err := schema.at()
	return slices.DeleteFunc(def.documented(""), func(s document.Setting) bool { return strings.Contains(s.Setting, ".") }), err
}

// Describe writes what there is to say of a step type or a topic. The name is one that
// Check accepts.
func Describe(out io.Writer, name string) error {
	all, err := Document(name)
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, t := range all.Types {
		describeType(&text, t)
	}
	for _, t := range all.Topics {
		describeTopic(&text, t)
	}
	_, err = io.WriteString(out, text.String())
	return err
}

// Document returns what there is to say of a step type or a topic, or, if name is "", of all
// of them.
func Document(name string) (document.Explain, error) {
	d := document.Explain{Types: []document.ExplainedType{}, Topics: []document.ExplainedTopic{}}
	schema, err := readSchema()
	if err != nil {
		return d, err
	}
	for _, t := range steps.Builtin(nil) {
		if name != "" && name != t.Name {
			continue
		}
		explained, err := schema.typ(t)
		if err != nil {
			return d, err
		}
		d.Types = append(d.Types, explained)
	}
	for _, t := range topics {
		if name != "" && name != t.name {
			continue
		}
		topic, err := schema.topic(t)
		if err != nil {
			return d, err
		}
		d.Topics = append(d.Topics, topic)
	}
	for _, o := range others {
		if name == "" || name == o.name {
			d.Topics = append(d.Topics, document.ExplainedTopic{Topic: o.name, Description: o.text(), Parts: []document.TopicedPart{}})
		}
	}
	return d, nil
}

func (s planSchema) typ(t runner.Type) (document.ExplainedType, error) {
	def, err := s.at("$defs", t.Name)
	d := document.ExplainedType{
		Type: t.Name, Description: def.Description, Check: t.Check,
		Settings: def.documented(""), Outputs: []document.ExplainedOutput{}, Example: Example(t.Name),
	}
	for _, o := range t.Outputs {
		d.Outputs = append(d.Outputs, document.ExplainedOutput{Output: o.Name, List: o.List, Description: o.Doc})
	}
	return d, err
}

func (s planSchema) topic(t topic) (document.ExplainedTopic, error) {
	d := document.ExplainedTopic{Topic: t.name, Description: t.description(), Parts: []document.TopicedPart{}}
	for _, part := range t.parts {
		def, err := s.at(part.path...)
		if err != nil {
			return d, err
		}
		d.Parts = append(d.Parts, document.TopicedPart{Part: part.title, Settings: def.documented("")})
	}
	return d, nil
}
