package reference

import (
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/explain"
)

func stepTypes(all document.Explain) page {
	var out strings.Builder
	out.WriteString("A step of a plan has a type and, under `with`, its settings: see [steps](plan.md#steps). A check never changes anything.\n\n")
	var rows [][]string
	for _, t := range all.Types {
		kind := "changes"
		if t.Check {
			kind = "check"
		}
		rows = append(rows, []string{link(code(t.Type), "steps/"+t.Type+".md", ""), kind, prose(explain.Summary(t.Description))})
	}
	table(&out, []string{"type", "", "what it does"}, rows)
	out.WriteString("Every text of a setting may hold [references](plan.md#references), and every setting that is no text may be one, as a whole. " +
		"Relative paths count from the file that names them; outputs are absolute.\n")
	return page{"step-types.md", "Step types", "what a plan can do, a page for each type", out.String()}
}

func stepType(t document.ExplainedType) page {
	var out strings.Builder
	out.WriteString(paragraphs(t.Description) + "\n\n")
	fmt.Fprintf(&out, "```yaml\n%s```\n\n## Settings\n\n", t.Example)
	settings(&out, t.Settings, "", 3)
	if len(t.Outputs) > 0 {
		fmt.Fprintf(&out, "## Outputs\n\nOther steps use them as %s.\n\n", code("${steps.ID.NAME}"))
		var rows [][]string
		for _, o := range t.Outputs {
			rows = append(rows, []string{code(o.Output), o.Kind(), prose(o.Description)})
		}
		table(&out, []string{"output", "form", "what it is"}, rows)
	}
	out.WriteString("All types: [step types](../step-types.md).\n")
	return page{path: "steps/" + t.Type + ".md", title: code(t.Type), text: out.String()}
}

// paragraphs gives the paragraphs of a description.
func paragraphs(text string) string {
	var out []string
	for _, p := range strings.Split(strings.TrimSpace(text), "\n\n") {
		out = append(out, prose(p))
	}
	return strings.Join(out, "\n\n")
}

// planLanguage gives the page of the topics that have no page of their own.
func planLanguage(topics []explain.Section, keys []document.Setting) page {
	var out strings.Builder
	for _, t := range topics {
		fmt.Fprintf(&out, "- %s\n", link(t.Title, "", t.Title))
	}
	out.WriteString("- [Connections](connections.md)\n- [Step types](step-types.md)\n\n" +
		"Editors check and complete plans with the [JSON Schema](../../schemas/plan.v1.schema.json): see [editors](../editors.md).\n\n")
	for _, t := range topics {
		fmt.Fprintf(&out, "## %s\n\n", t.Title)
		if t.Intro != "" {
			fmt.Fprintf(&out, "%s.\n\n", t.Intro)
			keyTable(&out, keys)
		}
		topic(&out, t, 3)
	}
	return page{"plan.md", "Plan language", "the keys of a plan, variables, secrets, for_each, when, include, references, the lock file", out.String()}
}

// topic writes the text of a topic, and the settings of its parts below headings of a level.
func topic(out *strings.Builder, t explain.Section, level int) {
	fmt.Fprintf(out, "%s\n\n", blocks(t.Text))
	for _, p := range t.Parts {
		fmt.Fprintf(out, "%s Settings of %s\n\n", strings.Repeat("#", level), code(p.Part))
		settings(out, p.Settings, p.Part+".", level+1)
	}
}

func keyTable(out *strings.Builder, keys []document.Setting) {
	var rows [][]string
	for _, k := range keys {
		rows = append(rows, []string{code(k.Setting), prose(k.Description)})
	}
	table(out, []string{"key", "meaning"}, rows)
}

func connections(t explain.Section) page {
	var out strings.Builder
	topic(&out, t, 2)
	return page{"connections.md", t.Title, "how registries, clouds and web servers are reached", out.String()}
}
