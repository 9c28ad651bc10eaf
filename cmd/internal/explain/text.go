package explain

import (
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/internal/human"
)

func describeType(out *strings.Builder, t document.ExplainedType) {
	fmt.Fprintf(out, "%s\n\n%s\n\nSettings (under with):\n", t.Type, indent(t.Description, "  "))
	writeSettings(out, t.Settings)
	if len(t.Outputs) > 0 {
		fmt.Fprintln(out, "\nOutputs (as ${steps.ID.NAME}):")
	}
	for _, o := range t.Outputs {
		fmt.Fprintf(out, "  %s (%s)\n%s\n", o.Output, o.Kind(), indent(o.Description, "      "))
	}
	if t.Example != "" {
		fmt.Fprintf(out, "\nExample:\n%s", below(t.Example, "  "))
	}
}

func describeTopic(out *strings.Builder, t document.ExplainedTopic) {
	if isOther(t.Topic) {
		out.WriteString(t.Description)
		return
	}
	fmt.Fprintf(out, "%s\n\n%s\n", t.Topic, strings.TrimRight(below(t.Description, "  "), "\n"))
	for _, part := range t.Parts {
		fmt.Fprintf(out, "\nSettings of %s:\n", part.Part)
		writeSettings(out, part.Settings)
	}
}

func writeSettings(out *strings.Builder, settings []document.Setting) {
	for _, s := range settings {
		head := view.Wrap(fmt.Sprintf("  %s (%s)", s.Setting, s.Form()), LineWidth)
		fmt.Fprintf(out, "%s\n%s\n", head, indent(s.Description, "      "))
	}
}

// below puts a prefix before each line of a text that is not empty.
func below(text, prefix string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if line != "\n" {
			out.WriteString(prefix)
		}
		out.WriteString(line)
	}
	return out.String()
}

// indent wraps text at LineWidth and puts prefix before each line. It does not
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

// LineWidth is the longest line of a wrapped text, in columns.
const LineWidth = 80

func wrap(paragraph, prefix string) []string {
	lines := []string{prefix}
	for _, word := range strings.Fields(paragraph) {
		last := &lines[len(lines)-1]
		switch {
		case *last == prefix:
			*last += word
		case human.Width(*last)+1+human.Width(word) > LineWidth:
			lines = append(lines, prefix+word)
		default:
			*last += " " + word
		}
	}
	return lines
}
