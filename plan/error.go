package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Pos is a place in a file. Lines and columns count from 1. The zero Pos means
// that there is no place.
type Pos struct{ Line, Col int }

// An Error is one mistake in a plan file.
type Error struct {
	File   string // as the user named it
	Pos    Pos
	Msg    string // what is wrong, one line
	Hint   string // what to do about it, or ""
	Source string // the line of the mistake, with values of secret keys masked, or ""

	caret int // the column in Source, which masking may have moved; 0 means Pos.Col
}

// Error returns "file:line:col: message".
func (e *Error) Error() string {
	if e.Pos.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Msg)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Pos.Line, e.Pos.Col, e.Msg)
}

// Errors are all mistakes found, in the order of their places.
type Errors []*Error

// Error returns one line for each mistake.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// IsList says that the text has a line for each mistake.
func (Errors) IsList() {}

// Once returns the errors, each once, in the order of their places.
func (es Errors) Once() Errors {
	seen := map[string]bool{}
	out := es[:0:0]
	for _, e := range es {
		if key := e.Error(); !seen[key] {
			seen[key] = true
			out = append(out, e)
		}
	}
	out.Sort()
	return out
}

// Sort puts the errors in the order of their places.
func (es Errors) Sort() {
	slices.SortStableFunc(es, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), a.Pos.Line-b.Pos.Line, a.Pos.Col-b.Pos.Col)
	})
}

// Err sorts the errors and returns them, or nil if there are none.
func (es Errors) Err() error {
	if len(es) == 0 {
		return nil
	}
	es.Sort()
	return es
}
