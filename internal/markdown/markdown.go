// Package markdown writes texts into Markdown as GitHub and GitLab read it: those of others
// so that nothing in them becomes more than text, and those of the code with names and values
// set as code. It does not know what the texts are.
package markdown

import (
	"html"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
)

// Code returns a text as a code span in one line, in which nothing has a meaning: no link, no
// image, no mention of a person. Its fence is longer than every one in the text (CommonMark
// 6.1).
func Code(text string) string {
	text = oneLine(text)
	if text == "" {
		return "` `"
	}
	fence := strings.Repeat("`", longestRun(text)+1)
	if text[0] == '`' || text[len(text)-1] == '`' {
		text = " " + text + " "
	}
	return fence + text + fence
}

// CodeInTable returns a text as a code span in the cell of a table, where a bar ends the cell
// also inside a span.
func CodeInTable(text string) string { return strings.ReplaceAll(Code(text), "|", `\|`) }

// Fenced returns a text as a fenced block of a language.
func Fenced(language, text string) string {
	fence := strings.Repeat("`", max(3, longestRun(text)+1))
	return fence + language + "\n" + human.Clean(text) + "\n" + fence + "\n"
}

// InHTML returns a text as the text of an HTML element in one line.
func InHTML(text string) string { return html.EscapeString(oneLine(text)) }

func oneLine(text string) string { return strings.Join(strings.Fields(human.Clean(text)), " ") }

// longestRun returns the length of the longest run of backticks.
func longestRun(text string) int {
	longest, run := 0, 0
	for _, r := range text {
		if run++; r != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}
