package plan

import "strings"

// maxExcerpt is how many characters of a source line are shown.
const maxExcerpt = 100

// Excerpt gives the line that the mistake stands on and below it a caret under
// the column, or "" for a mistake without a line. Of a long line it gives the
// part around the caret. Values of secret keys are masked.
func (e *Error) Excerpt() string {
	if e.Pos.Line == 0 {
		return ""
	}
	col := e.caret
	if col == 0 {
		col = e.Pos.Col
	}
	line := []rune(strings.TrimRight(e.Source, " \t"))
	at := max(0, min(col-1, len(line)))
	line, at = window(line, at)
	var text, below strings.Builder
	for i, r := range line {
		text.WriteRune(printable(r))
		if i >= at {
			continue
		}
		if r != '\t' { // a tab stays one, so that the caret stands right whatever its width
			r = ' '
		}
		below.WriteRune(r)
	}
	return text.String() + "\n" + below.String() + "^"
}

// window cuts a long line round the character at.
func window(line []rune, at int) ([]rune, int) {
	if len(line) <= maxExcerpt {
		return line, at
	}
	from := max(0, min(at-maxExcerpt/2, len(line)-maxExcerpt))
	to := min(len(line), from+maxExcerpt)
	cut := append([]rune{}, line[from:to]...)
	if from > 0 {
		cut[0] = '…'
	}
	if to < len(line) {
		cut[len(cut)-1] = '…'
	}
	return cut, at - from
}

// printable keeps a terminal from acting on what a file holds.
func printable(r rune) rune {
	if r != '\t' && (r < ' ' || (r >= 0x7f && r < 0xa0)) {
		return '\ufffd'
	}
	return r
}

// Text gives the mistake as a person is shown it: place and message, below it
// the source line with its caret and the hint, indented.
func (e *Error) Text() string {
	var b strings.Builder
	b.WriteString(e.Error())
	if e.Source != "" {
		for line := range strings.SplitSeq(e.Excerpt(), "\n") {
			b.WriteString("\n    " + line)
		}
	}
	if e.Hint != "" {
		b.WriteString("\n    hint: " + e.Hint)
	}
	return b.String()
}
