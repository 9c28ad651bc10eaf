package plan

import (
	"strings"

	"github.com/bayplan/bayplan/internal/human"
)

// maxExcerpt is how many characters of a source line are shown.
const maxExcerpt = 100

// Excerpt returns the line of the mistake and, below it, a caret under the
// column. It returns "" for a mistake without a line. It shortens a long line to
// the part around the caret. Values of secret keys are masked.
func (e *Error) Excerpt() string {
	if e.Pos.Line == 0 {
		return ""
	}
	col := e.caret
	if col == 0 {
		col = e.Pos.Col
	}
	line := []rune(strings.TrimRight(e.Source, " \t"))
	caret := max(0, min(col-1, len(line)))
	line, caret = cropLine(line, caret)
	var text, below strings.Builder
	for i, r := range line {
		text.WriteRune(human.Visible(r))
		if i >= caret {
			continue
		}
		if r != '\t' { // a tab stays a tab, so that the caret is right for any tab width
			r = ' '
		}
		below.WriteRune(r)
	}
	return text.String() + "\n" + below.String() + "^"
}

// cropLine shortens a long line to the part around the caret, and returns the
// caret's index in it.
func cropLine(line []rune, caret int) ([]rune, int) {
	if len(line) <= maxExcerpt {
		return line, caret
	}
	from := max(0, min(caret-maxExcerpt/2, len(line)-maxExcerpt))
	to := min(len(line), from+maxExcerpt)
	cut := append([]rune{}, line[from:to]...)
	if from > 0 {
		cut[0] = '…'
	}
	if to < len(line) {
		cut[len(cut)-1] = '…'
	}
	return cut, caret - from
}

// Text returns the mistake for people: place and message, and indented below them
// the source line with its caret and the hint.
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
