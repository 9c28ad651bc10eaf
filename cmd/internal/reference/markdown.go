package reference

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// pieces splits prose into texts in back quotes, quotes, braces or brackets, words, and white
// space.
var pieces = lazyregexp.New("`[^`]*`" + `|"[^"\n]*"|[^\s(){}"]*\{[^{}]*\}[^\s(){}".,;:]*|\$+\{|\w*\[[^\]\n]*\]|[^\s"{[]+|\s+|.`)

// A quotedWord needs its quotes neither in a plan nor on a command line.
var quotedWord = lazyregexp.New(`^"[a-z_]+"$`)

// prose gives plain text as Markdown: what a plan or a command line would hold is set as
// code, and nothing else of it means anything to Markdown.
func prose(text string) string {
	var out strings.Builder
	for _, piece := range pieces.FindAllString(strings.TrimSpace(text), -1) {
		switch {
		case strings.TrimSpace(piece) == "":
			out.WriteByte(' ')
		case len(piece) > 1 && piece[0] == '`':
			out.WriteString(piece)
		case quotedWord.MatchString(piece):
			out.WriteString(code(strings.Trim(piece, `"`)))
		case len(piece) > 1 && strings.ContainsAny(piece, `"{[`):
			out.WriteString(code(piece))
		default:
			out.WriteString(word(piece))
		}
	}
	return out.String()
}

// literal is a word that is written as it is, such as a path, a flag or the name of a setting.
var literal = lazyregexp.New(`^(?:--[a-z][a-z-]*|-[a-z]|[a-z][a-z0-9]*(?:_[a-z0-9]+)+|[A-Z]+(?:_[A-Z]+)+|~?/\S*|\S*[*<>|@=?]\S*|[\w.-]+(?:/[\w.{}*-]+)+|\w+:(?:/\S*|[A-Z]+)|\$.*)$`)

// word gives a word as Markdown. Punctuation around it is no part of it.
func word(w string) string {
	core := strings.TrimLeft(w, "('")
	before := w[:len(w)-len(core)]
	core = strings.TrimRight(core, ",;)'")
	if !strings.HasSuffix(core, "...") {
		core = strings.TrimRight(core, ".,;:)'")
	}
	after := w[len(before)+len(core):]
	if core != "" && literal.MatchString(core) {
		return escape(before) + code(core) + escape(after)
	}
	return escape(w)
}

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

// code sets text as code.
func code(text string) string { return "`" + strings.ReplaceAll(text, "`", "'") + "`" }

// escape takes from text what it means to Markdown.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", "`", "\\`").Replace(text)
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

// anchor gives the anchor that a forge makes of a heading.
func anchor(heading string) string {
	var out strings.Builder
	for _, r := range strings.ToLower(heading) {
		switch {
		case r == ' ':
			out.WriteByte('-')
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			out.WriteRune(r)
		}
	}
	return out.String()
}

// link gives a link to a heading of a page; of this page if page is "".
func link(text, page, heading string) string {
	if heading != "" {
		page += "#" + anchor(heading)
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
