package reference

import (
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/markdown"
)

// prose and code are short names for what every page needs.
func prose(text string) string { return markdown.Prose(text) }
func code(text string) string  { return markdown.Code(text) }

// kind gives in Markdown what a setting may be: words to choose from are code.
func kind(text string) string {
	forms := strings.Split(text, " or ")
	for i, form := range forms {
		if words := strings.Split(form, " | "); len(words) > 1 {
			forms[i] = "`" + strings.Join(words, "`, `") + "`"
		}
	}
	return strings.Join(forms, " or ")
}

// cell gives Markdown as a cell of a table.
func cell(markdown string) string {
	return strings.ReplaceAll(strings.ReplaceAll(markdown, "\n", " "), "|", `\|`)
}

// table writes a table.
func table(out *strings.Builder, head []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(out, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = cell(c)
		}
		fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | "))
	}
	out.WriteByte('\n')
}

// link gives a link to a heading of a page; of this page if page is "".
func link(text, page, heading string) string {
	if heading != "" {
		page += "#" + markdown.Anchor(heading)
	}
	return "[" + text + "](" + page + ")"
}

// blocks gives text that is laid out for a terminal as Markdown: paragraphs, and lines that
// are indented as code.
func blocks(text string) string {
	var out []string
	for _, block := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		lines := strings.Split(block, "\n")
		first := 0
		for first < len(lines) && !strings.HasPrefix(lines[first], "  ") {
			first++
		}
		last := first
		for last < len(lines) && strings.HasPrefix(lines[last], "  ") {
			last++
		}
		if first > 0 {
			out = append(out, prose(strings.Join(lines[:first], "\n")))
		}
		if last > first {
			out = append(out, fenced(lines[first:last]))
		}
		if last < len(lines) {
			out = append(out, prose(strings.Join(lines[last:], "\n")))
		}
	}
	return strings.Join(out, "\n\n")
}

// fenced gives lines as a block of code, without the spaces that all of them begin with.
func fenced(lines []string) string {
	least := len(lines[0])
	for _, line := range lines {
		least = min(least, len(line)-len(strings.TrimLeft(line, " ")))
	}
	var out strings.Builder
	out.WriteString("```text\n")
	for _, line := range lines {
		out.WriteString(line[least:] + "\n")
	}
	out.WriteString("```")
	return out.String()
}
