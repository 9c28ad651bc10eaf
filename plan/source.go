package plan

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/bayplan/bayplan/internal/redact/secretlines"
)

// A source is the text of one file, for its errors. It does not change after the
// file is read, so goroutines may share it.
type source struct {
	file  string           // as the user named it
	dir   string           // absolute; relative paths in the file start here
	lines []string         // without their line ends
	width []int            // of the lines, in characters
	mask  secretlines.Mask // values of secret keys, and other texts that hide masks
	adapt *Adapt           // of the Options, or nil

	hidden int // texts that hide has masked

	foreign bool // it may be any file, and hold secrets: no line is shown
}

// maxHidden limits the work of masking. With more texts to hide, all lines are
// masked completely.
const maxHidden = 500

func newSource(file, dir, text string) *source {
	lines := strings.Split(text, "\n")
	width := make([]int, len(lines))
	for i, line := range lines {
		width[i] = utf8.RuneCountInString(line)
	}
	return &source{file: file, dir: dir, lines: lines, width: width, mask: secretlines.Of(lines)}
}

// line returns the text of line n, counted from 1, or "" if there is no such line.
func (s *source) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	return s.lines[n-1]
}

// byteOffset returns the offset in a line at which a column begins.
func byteOffset(line string, col int) int {
	n := 1
	for i := range line {
		if n == col {
			return i
		}
		n++
	}
	return len(line)
}

// clamp returns the place in the file that is nearest to p. An error that points
// outside of the text does not help.
func (s *source) clamp(p Pos) Pos {
	if p.Line < 1 {
		return Pos{1, 1}
	}
	if p.Line > len(s.lines) {
		last := len(s.lines)
		return Pos{last, s.width[last-1] + 1}
	}
	return Pos{p.Line, max(1, min(p.Col, s.width[p.Line-1]+1))}
}

// hide masks a text everywhere in the file: a secret in plain text may be the
// value of an anchor, far from the key that makes it secret.
func (s *source) hide(text string) {
	for part := range strings.SplitSeq(text, "\n") {
		part = strings.TrimSpace(part)
		if len(part) < 3 {
			continue // so short a text would mask half the file and reveals nothing
		}
		if s.hidden++; s.hidden > maxHidden {
			s.hideAll()
			return
		}
		for i, line := range s.lines {
			for from := 0; ; {
				off := strings.Index(line[from:], part)
				if off < 0 {
					break
				}
				s.mask[i] = append(s.mask[i], secretlines.Span{From: from + off, To: from + off + len(part)})
				from += off + len(part)
			}
		}
	}
}

func (s *source) hideAll() {
	for i, line := range s.lines {
		s.mask[i] = []secretlines.Span{{From: 0, To: len(line)}}
	}
}

// errorf makes an error at a place of the file. s is nil for a Plan or Body that
// was not read from a file.
func (s *source) errorf(p Pos, format string, args ...any) *Error {
	if s == nil {
		return &Error{Pos: p, Msg: oneLine(fmt.Sprintf(format, args...))}
	}
	e := &Error{File: s.file, Pos: s.clamp(p), Msg: oneLine(fmt.Sprintf(format, args...))}
	s.fillSource(e)
	return e
}

// fillSource sets the source line of an error of this file.
func (s *source) fillSource(e *Error) {
	if s.foreign || e.Pos.Line < 1 || e.Pos.Line > len(s.lines) {
		return
	}
	i := e.Pos.Line - 1
	e.Source, e.caret = s.mask.Render(i, s.lines[i], byteOffset(s.lines[i], e.Pos.Col))
}

// oneLine replaces line ends, which a message may quote, by spaces.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
}
